class Absent(Exception):
    """A server that cannot be had here. Its text is the reason."""

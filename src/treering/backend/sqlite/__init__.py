"""SQLite: one file, one transaction per commit, read and written by any number of processes, no library to install.

The file is an ordinary SQLite database in WAL mode: table ``object`` (key, value), table ``root`` of one row, and an
``application_id`` of treering's own that tells it from any other.

Good to know of SQLite itself: it wants a local file system; the file must not be copied while it is in use without its
``-wal`` file beside it; and a process that opens and closes the file by other means than SQLite loses the locks of its
own handles.
"""

from treering.backend.sqlite.backend import SqliteBackend, open_url

__all__ = ["SqliteBackend", "open_url"]

"""Which fields of which messages are children, what keys them, and how messages come apart along them.

Knows protobuf, no storage. ``schema`` is the door; ``shape`` is what the floors above work with.
"""

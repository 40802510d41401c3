"""Cassandra: objects written to a quorum, then the root moved by a lightweight transaction.

Two tables in a keyspace, shared by the stores in it: ``treering_roots`` with one partition for each store, and
``treering_objects`` with one for each object and the parts of its value. An object is written with timestamp 1 and
deleted with timestamp 2, as its key is used once: so no clock, of a client or a server, decides what is there.
"""

from treering.errors import MissingDependency

try:
    import cassandra.cluster  # noqa: F401 - only to say clearly what is missing
except Exception as error:  # the driver raises its own class where it finds no event loop
    message = "the Cassandra store needs the package cassandra-driver: install treering[cassandra]"
    raise MissingDependency(message, extra="cassandra", reason=str(error)) from error

from treering.backend.cassandra.backend import CassandraBackend
from treering.backend.cassandra.opening import open_url

__all__ = ["CassandraBackend", "open_url"]

"""Consul: one ``/v1/txn`` request per commit, acknowledged by a majority of the servers.

The root is the key ``PREFIX/root``, an object ``PREFIX/o/`` and its key in hex. Plain HTTP, on connections kept open.
"""

from treering.errors import MissingDependency

try:
    import urllib3  # noqa: F401 - only to say clearly what is missing
except ImportError as error:
    message = "the Consul store needs the package urllib3: install treering[consul]"
    raise MissingDependency(message, extra="consul") from error

from treering.backend.consul.backend import ConsulBackend, open_url

__all__ = ["ConsulBackend", "open_url"]

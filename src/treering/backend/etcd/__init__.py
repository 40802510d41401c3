"""etcd: every commit is one transaction, on the disks of a majority before it is acknowledged, and watched natively.

Under a prefix of the user's choice: the root at ``PREFIX/root``, an object at ``PREFIX/o/`` and its key. The client is
grpcio and a few messages of treering's own (``wire.proto``), so that no other etcd client in the process is disturbed.
"""

from treering.errors import MissingDependency

try:
    import grpc  # noqa: F401 - only to say clearly what is missing
except ImportError as error:
    raise MissingDependency("the etcd store needs the package grpcio: install treering[etcd]", extra="etcd") from error

from treering.backend.etcd.backend import EtcdBackend, open_url

__all__ = ["EtcdBackend", "open_url"]

"""Redis and Valkey: one Lua script per commit, as durable as the server's append-only file makes it.

All keys of a store share one hash tag: ``{treering}:root`` and ``{treering}:o:LOCATION``, where ``treering`` is the
prefix. Values are bytes without an expiry time. A replica is never read, since it may lag behind.
"""

from treering.errors import MissingDependency

try:
    import redis  # noqa: F401 - only to say clearly what is missing
except ImportError as error:
    message = "the Redis store needs the packages redis and hiredis: install treering[redis]"
    raise MissingDependency(message, extra="redis") from error

from treering.backend.redis.backend import RedisBackend, open_url
from treering.backend.redis.server import NotDurableWarning

__all__ = ["NotDurableWarning", "RedisBackend", "open_url"]

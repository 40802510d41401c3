"""From what a user names (a URL, a mapping, a backend of their own) to a backend.

Each store's file, and with it its client library, is imported only when a URL asks for it.
"""

from __future__ import annotations

import importlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, cast

from treering.backend.base import Backend
from treering.backend.mapping import MappingBackend
from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL

if TYPE_CHECKING:
    from typing import Any

Compression = Literal["zlib", "zstd"]

# scheme: the module whose open_url takes it
_SCHEMES = {
    "cassandra": "treering.backend.cassandra",
    "consul": "treering.backend.consul",
    "memory": "treering.backend.mapping",
    "lmdb": "treering.backend.lmdb",
    "sqlite": "treering.backend.sqlite",
    "redis": "treering.backend.redis",
    "rediss": "treering.backend.redis",
    "redis+unix": "treering.backend.redis",
    "etcd": "treering.backend.etcd",
}


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Options of a URL that are the same for every store and are obeyed above the backend.

    ``compress``: how objects above 1 kB are compressed, or None. ``cache_bytes``: how much memory decoded objects may
    take, or None for the default.
    """

    compress: Compression | None = None
    cache_bytes: int | None = None


class _Opener(Protocol):
    def __call__(self, url: StoreURL, *, deadline_seconds: float, create: bool) -> Backend: ...


def open_backend(
    store: str | MutableMapping[Any, Any] | Backend, *, deadline_seconds: float = 10.0, create: bool = True
) -> tuple[Backend, StoreOptions]:
    """Return the backend that ``store`` names, and the options that belong above it.

    ``memory:`` is a fresh dict at every open; ``lmdb:PATH`` (also ``lmdb:///absolute``) a directory; ``sqlite:PATH`` a
    file; ``redis://HOST``, ``rediss://HOST`` and ``redis+unix:///SOCKET`` a Redis or Valkey server. Any URL takes
    ``compress=zlib|zstd`` and ``cache_bytes=SIZE``; what else one takes stands in its backend's file. A mapping is used
    under the prefix ``treering/``; a backend is returned as it is.

    ``deadline_seconds`` bounds the wait for a store that does not answer. With ``create=False`` a place without a store
    is ``NotAStore`` where the backend can tell; a backend that opens may still have no root.

    Raises ``InvalidStoreURL`` for a URL or option that cannot be meant, ``NotAStore`` when something else is in the
    place, ``MissingDependency`` when the client library is not installed, ``Unavailable`` when it cannot be reached.
    """
    if not deadline_seconds > 0:
        raise InvalidStoreURL("deadline_seconds is more than 0", deadline_seconds=deadline_seconds)
    if isinstance(store, str):
        return _open_url(StoreURL.parse(store), deadline_seconds=deadline_seconds, create=create)
    if isinstance(store, MutableMapping):
        return MappingBackend(store), StoreOptions()
    if isinstance(store, Backend):
        return store, StoreOptions()
    raise InvalidStoreURL("a store is a URL, a mutable mapping or a backend", given=type(store).__qualname__)


def _open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> tuple[Backend, StoreOptions]:
    module_name = _SCHEMES.get(url.scheme)
    if module_name is None:
        raise InvalidStoreURL("no store has this scheme", url=url.shown, known=", ".join(sorted(_SCHEMES)))
    options = StoreOptions(
        compress=cast("Compression | None", url.take_choice("compress", ("zlib", "zstd"))),
        cache_bytes=url.take_size("cache_bytes"),
    )
    open_url: _Opener = importlib.import_module(module_name).open_url
    return open_url(url, deadline_seconds=deadline_seconds, create=create), options

"""A memory backend that is stricter than real ones: what they would let pass fails here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treering.backend.mapping import MappingBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from treering.backend.base import Entry

MAX_KEY_BYTES = 64


class MemoryBackend(MappingBackend):
    """A store in a dict that holds its *user* to the contract with assertions.

    Keys are 1 to 64 bytes, keys and values exactly ``bytes``, and a key is used once in the store's life: not again
    after a delete, nor with another value after a publish that was refused. Each instance is a store of its own.
    """

    def __init__(self) -> None:
        super().__init__({}, url="memory:strict")
        self._used: dict[bytes, bytes] = {}

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        for key in keys:
            _check_key(key)
        return super().read_many(keys)

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        self._check(objects)
        assert type(root) is bytes, f"the root is {type(root).__qualname__}, not bytes"
        return super().publish(objects, expected, root)

    def write_many(self, objects: Sequence[Entry]) -> None:
        self._check(objects)
        super().write_many(objects)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            _check_key(key)
        super().delete_many(keys)

    def _check(self, objects: Sequence[Entry]) -> None:
        for key, value in objects:
            _check_key(key)
            assert type(value) is bytes, f"the value of {key.hex()} is {type(value).__qualname__}, not bytes"
            assert self._used.setdefault(key, value) == value, f"{key.hex()} was used before, for another value"


def _check_key(key: bytes) -> None:
    assert type(key) is bytes, f"a key is {type(key).__qualname__}, not bytes"
    assert 1 <= len(key) <= MAX_KEY_BYTES, f"a key has {len(key)} bytes"

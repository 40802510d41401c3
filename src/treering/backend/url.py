"""Store URLs: ``scheme:body?option=value&option=value``, taken apart and type-checked.

The body of a local store is a path. Body, option names and values are percent-decoded (``%3F`` is a question mark);
a ``#`` or a ``+`` stands for itself. An option that nobody took is refused, so that a misspelt one is never ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from treering.errors import InvalidStoreURL

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_CREDENTIAL = re.compile(r"//[^/?]*@")
_SIZE = re.compile(r"([0-9]+)([KMGT]?)\Z")
_SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class StoreURL:
    """A store URL in its parts; ``options`` shrinks as a backend takes what it knows."""

    scheme: str
    body: str
    options: dict[str, str]
    shown: str  # scheme and body, without options and credentials: for messages and logs

    @classmethod
    def parse(cls, text: str) -> StoreURL:
        """Take ``text`` apart. Raises ``InvalidStoreURL`` when it is not of the form ``scheme:body?option=value``."""
        head, _, query = text.partition("?")
        shown = _CREDENTIAL.sub("//***@", head)
        scheme, colon, body = head.partition(":")
        if not colon or not _SCHEME.match(scheme):
            raise InvalidStoreURL("a store URL starts with its scheme, such as lmdb:PATH or memory:", url=shown)
        options: dict[str, str] = {}
        for item in query.split("&") if query else ():
            raw_name, equals, raw_value = item.partition("=")
            name = unquote(raw_name)
            if not equals or not name:
                raise InvalidStoreURL("options are written ?name=value&name=value", url=shown)
            if name in options:
                raise InvalidStoreURL("an option is given twice", url=shown, option=name)
            options[name] = unquote(raw_value)
        return cls(scheme, unquote(body), options, shown)

    def take_choice(self, name: str, choices: Sequence[str]) -> str | None:
        """Take option ``name``, one of ``choices``; None when it is not given."""
        value = self.options.pop(name, None)
        if value is not None and value not in choices:
            self._refuse(name, value, f"one of {', '.join(choices)}")
        return value

    def take_flag(self, name: str, *, default: bool) -> bool:
        """Take option ``name``, ``true`` or ``false``."""
        value = self.take_choice(name, ("true", "false"))
        return default if value is None else value == "true"

    def take_size(self, name: str, *, least: int = 0) -> int | None:
        """Take option ``name``, a size in bytes of at least ``least``; ``K``, ``M``, ``G``, ``T``: powers of 1024."""
        return self._take_number(name, _SIZE, least, "a size in bytes, such as 1048576 or 64M")

    def take_count(self, name: str, *, least: int = 0) -> int | None:
        """Take option ``name``, a whole number of at least ``least``."""
        return self._take_number(name, re.compile(r"([0-9]+)()\Z"), least, "a whole number")

    def finish(self) -> None:
        """Refuse what nobody took. An unknown option's value is not shown: it may be a secret."""
        for name in self.options:
            raise InvalidStoreURL("this store has no such option", url=self.shown, option=name)

    def _take_number(self, name: str, form: re.Pattern[str], least: int, expected: str) -> int | None:
        value = self.options.pop(name, None)
        if value is None:
            return None
        match = form.match(value)
        number = int(match[1]) * _SIZE_UNITS[match[2]] if match and len(value) < 20 else -1
        if number < least:
            self._refuse(name, value, f"{expected}, at least {least}")
        return number

    def _refuse(self, name: str, value: str, expected: str) -> None:
        raise InvalidStoreURL(
            "an option has a wrong value", url=self.shown, option=name, value=value, expected=expected
        )

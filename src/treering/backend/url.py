"""Store URLs: ``scheme:body?option=value&option=value``, taken apart and type-checked.

The body of a local store is a path. Body, option names and values are percent-decoded (``%3F`` is a question mark);
a ``#`` or a ``+`` stands for itself. An option that nobody took is refused, so that a misspelt one is never ignored.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from treering.errors import InvalidStoreURL

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_CREDENTIAL = re.compile(r"//[^/?]*@")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?\Z")
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

    def take_text(self, name: str) -> str | None:
        """Take option ``name``, a text that is not empty."""
        value = self.options.pop(name, None)
        if value == "":
            self._refuse(name, value, "a text")
        return value

    def take_secret(self, name: str) -> str | None:
        """Take a password or token: from the environment variable ``NAME_env`` names, or the file of ``NAME_file``.

        A line end after it in the file is no part of it. None where neither is given. A URL never holds the secret
        itself, and no message here shows it.
        """
        variable, file = self.take_text(f"{name}_env"), self.take_text(f"{name}_file")
        if variable is not None and file is not None:
            raise InvalidStoreURL("a secret comes from one place", url=self.shown, option=f"{name}_file")
        if variable is not None:
            secret = os.environ.get(variable)  # noqa: TID251 - the variable that the user's URL names, and no other
            if not secret:
                raise InvalidStoreURL("the variable is not set", url=self.shown, option=f"{name}_env", value=variable)
            return secret
        if file is not None:
            try:
                secret = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                message = "the file cannot be read"
                raise InvalidStoreURL(message, url=self.shown, option=f"{name}_file", value=file) from error
            if not secret:
                raise InvalidStoreURL("the file is empty", url=self.shown, option=f"{name}_file", value=file)
            return secret
        return None

    def split_hosts(self, default_port: int) -> tuple[list[tuple[str, int]], str]:
        """Return the hosts and ports of a body ``//h1,h2:port/path``, and the path without its first slash.

        An IPv6 address stands in brackets. A user or password before an ``@`` is refused: see ``take_secret``.
        """
        if not self.body.startswith("//"):
            raise InvalidStoreURL(f"a server's URL is {self.scheme}://HOST[:PORT]", url=self.shown)
        authority, _, path = self.body[2:].partition("/")
        if "@" in authority:
            raise InvalidStoreURL("a URL holds no credentials; the options name a file or a variable", url=self.shown)
        hosts = []
        for item in authority.split(","):
            match = _HOST.match(item)
            port = int(match[2] or default_port) if match else 0
            if not match or not 0 < port < 1 << 16:
                raise InvalidStoreURL("a host is HOST, HOST:PORT or [IPV6]:PORT", url=self.shown, host=item)
            hosts.append((match[1].strip("[]"), port))
        return hosts, path

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

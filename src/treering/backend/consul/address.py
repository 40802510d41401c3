"""Where the agent is, by the options of a URL: token and TLS."""

from __future__ import annotations

import ssl
from typing import NoReturn

from treering.backend.consul.http import Address
from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL


def read_address(url: StoreURL, host: tuple[str, int]) -> Address:
    """Take the token and the TLS options of ``url``."""
    name, port = host
    bracketed = f"[{name}]" if ":" in name else name
    token = url.take_secret("token")
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "treering"}
    if token is not None:
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise InvalidStoreURL("the token is not one that a header can carry", url=url.shown, option="token")
        headers["X-Consul-Token"] = token
    return Address(name, port, f"consul://{bracketed}:{port}", headers, _take_tls(url))


def _take_tls(url: StoreURL) -> ssl.SSLContext | None:
    used = url.take_flag("tls", default=False)
    files = {option: url.take_text(option) for option in ("ca_file", "cert_file", "key_file")}
    if not used:
        for option, value in files.items():
            if value is not None:
                raise InvalidStoreURL("this option goes with tls=true", url=url.shown, option=option)
        return None
    if files["key_file"] and not files["cert_file"]:
        raise InvalidStoreURL("a key goes with a certificate", url=url.shown, option="key_file")
    try:
        context = ssl.create_default_context(cafile=files["ca_file"])
    except OSError as error:  # ssl.SSLError among them
        _refuse_file(url, "ca_file", files["ca_file"], error)
    if files["cert_file"]:
        try:
            context.load_cert_chain(files["cert_file"], files["key_file"], password=_no_password)
        except (OSError, ValueError) as error:
            _refuse_file(url, "cert_file", files["cert_file"], error)
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted, and nobody is asked for its password")


def _refuse_file(url: StoreURL, option: str, value: str | None, error: Exception) -> NoReturn:
    message = "the file cannot be read, or is not PEM"
    raise InvalidStoreURL(message, url=url.shown, option=option, value=value, reason=str(error)) from error

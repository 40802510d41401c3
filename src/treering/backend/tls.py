"""TLS as the URL of a server says it: whose certificates to trust, and which of one's own to show."""

from __future__ import annotations

import ssl
from typing import NoReturn

from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL

_FILES = ("ca_file", "cert_file", "key_file")


def take_tls(url: StoreURL) -> ssl.SSLContext | None:
    """Take ``tls=true`` and the files that go with it; None where TLS is not asked for.

    The server's certificate is checked, with the authorities in ``ca_file`` or else the system's. ``cert_file`` and
    ``key_file`` are shown to the server. All are PEM; a key behind a password is refused, as there is nobody to ask.
    """
    used = url.take_flag("tls", default=False)
    ca_file, cert_file, key_file = files = [url.take_text(option) for option in _FILES]
    if not used:
        for option, value in zip(_FILES, files, strict=True):
            if value is not None:
                raise InvalidStoreURL("this option goes with tls=true", url=url.shown, option=option)
        return None
    if key_file and not cert_file:
        raise InvalidStoreURL("a key goes with a certificate", url=url.shown, option="key_file")
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError among them
        _refuse_file(url, "ca_file", ca_file, error)
    if cert_file:
        try:
            context.load_cert_chain(cert_file, key_file, password=_no_password)
        except (OSError, ValueError) as error:
            _refuse_file(url, "cert_file", cert_file, error)
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted, and nobody is asked for its password")


def _refuse_file(url: StoreURL, option: str, value: str | None, error: Exception) -> NoReturn:
    message = "the file cannot be read, or is not what it should be"
    raise InvalidStoreURL(message, url=url.shown, option=option, value=value, reason=str(error)) from error

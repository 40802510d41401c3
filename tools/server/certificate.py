"""A certificate for 127.0.0.1 and the authority that signed it, good for two days, made by openssl."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.server.absent import Absent
from tools.server.launch import output_of


@dataclass(frozen=True, slots=True)
class Certificate:
    authority: Path
    """What a client has to trust."""
    certificate: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """The certificate in this folder; made there when first asked for."""
    authority, authority_key = folder / "authority.crt", folder / "authority.key"
    made = Certificate(authority, folder / "server.crt", folder / "server.key")
    if made.certificate.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    _sign("/CN=treering test authority", authority, authority_key, ["-addext", "keyUsage=critical,keyCertSign"])
    _sign("/CN=localhost", made.certificate, made.key, [
        "-CA", str(authority), "-CAkey", str(authority_key),
        "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-addext", "basicConstraints=critical,CA:FALSE",
    ])  # fmt: skip
    return made


def _sign(subject: str, certificate: Path, key: Path, options: list[str]) -> None:
    if shutil.which("openssl") is None:
        raise Absent("no openssl on the PATH to make a certificate with")
    status, written = output_of([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", subject, "-out", str(certificate), "-keyout", str(key), *options,
    ])  # fmt: skip
    if status:
        raise Absent(f"openssl made no certificate: {written.strip()[-300:]}")

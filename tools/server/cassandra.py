"""Cassandra, one node that owns the whole ring, with a heap of 1 GB."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.server.absent import Absent
from tools.server.certificate import Certificate, make_certificate
from tools.server.launch import output_of
from tools.server.maven import find_java, jars
from tools.server.process import Server

VERSION = "5.0.6"
JAVA = 17  # the newest that Cassandra 5.0 runs on

# What Cassandra reaches into and Java 17 keeps shut.
OPENED = {
    "java.base": [
        "java.io", "java.lang", "java.lang.module", "java.lang.reflect", "java.util", "jdk.internal.loader",
        "jdk.internal.math", "jdk.internal.module", "jdk.internal.ref", "jdk.internal.reflect",
        "jdk.internal.util.jar", "sun.nio.ch",
    ],
    "jdk.management": ["com.sun.management.internal"],
}  # fmt: skip
EXPORTED = {
    "java.base": ["java.lang.ref", "jdk.internal.misc"],
    "java.management.rmi": ["com.sun.jmx.remote.internal.rmi"],
    "java.rmi": ["sun.rmi.registry", "sun.rmi.server"],
    "jdk.attach": ["sun.tools.attach"],
    "jdk.unsupported": ["sun.misc"],
}
LOGGING = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


class Cassandra(Server):
    """With auth=True it asks for a password; user and password are "cassandra" at first."""

    name = "cassandra"
    ports_needed = 3
    ready_within_seconds = 180.0  # 7 on an idle machine
    stopped_within_seconds = 30.0

    def __init__(
        self,
        folder: Path,
        *,
        auth: bool = False,
        tls: bool = False,
        settings: Mapping[str, Any] | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        java = find_java(JAVA)
        self._jars = jars("org.apache.cassandra", "cassandra-all", VERSION)
        super().__init__(folder, [str(java)], VERSION, make_certificate(folder / "tls") if tls else None)
        self._auth = auth
        self._extra = list(extra)
        self._settings = dict(settings or {})

    def _prepare(self) -> None:
        super()._prepare()
        settings: dict[str, Any] = {
            "cluster_name": "treering test",
            "partitioner": "Murmur3Partitioner",
            "num_tokens": 1,
            "initial_token": "0",
            "endpoint_snitch": "SimpleSnitch",
            "seed_provider": [
                {
                    "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                    "parameters": [{"seeds": f"127.0.0.1:{self.ports[1]}"}],
                }
            ],
            "listen_address": "127.0.0.1",
            "storage_port": self.ports[1],
            "ssl_storage_port": self.ports[2],
            "rpc_address": "127.0.0.1",
            "native_transport_port": self.port,
            "commitlog_sync": "batch",
            "commitlog_segment_size": "16MiB",
            "commitlog_total_space": "256MiB",
            "memtable_heap_space": "128MiB",
            "memtable_offheap_space": "128MiB",
            "file_cache_size": "64MiB",
            "auto_snapshot": False,
            "hinted_handoff_enabled": False,
            "data_file_directories": [str(self.folder / "data")],
        }
        for use in ("commitlog", "hints", "saved_caches", "cdc_raw"):
            settings[f"{use}_directory"] = str(self.folder / use)
        if self._auth:
            settings |= {"authenticator": "PasswordAuthenticator", "authorizer": "CassandraAuthorizer"}
        if self.certificate is not None:
            settings["client_encryption_options"] = {
                "enabled": True,
                "optional": False,
                "keystore": str(_keystore(self.certificate)),
                "keystore_password": "keystore",
                "store_type": "PKCS12",
                "require_client_auth": False,
            }
        # JSON is YAML too.
        (self.folder / "cassandra.yaml").write_text(json.dumps(settings | self._settings, indent=2), encoding="utf-8")
        (self.folder / "logback.xml").write_text(LOGGING, encoding="utf-8")

    def _arguments(self) -> list[str]:
        doors = [
            word
            for option, packages in (("--add-opens", OPENED), ("--add-exports", EXPORTED))
            for module, names in packages.items()
            for name in names
            for word in (option, f"{module}/{name}=ALL-UNNAMED")
        ]
        properties = {
            "cassandra.config": (self.folder / "cassandra.yaml").as_uri(),
            "cassandra.storagedir": self.folder,
            "logback.configurationFile": self.folder / "logback.xml",
            # It is alone: nobody to gossip with, no ring to settle.
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.ring_delay_ms": 1,
            "cassandra.superuser_setup_delay_ms": 0,
            "io.netty.tryReflectionSetAccessible": "true",
            "jdk.attach.allowAttachSelf": "true",
        }
        return [
            *("-Xmx1G", "-XX:MaxDirectMemorySize=256M", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
            *doors,
            f"-javaagent:{next(self._jars.glob('jamm-*.jar'))}",
            *(f"-D{name}={value}" for name, value in properties.items()),
            *self._extra,
            *("-cp", f"{self._jars}/*", "org.apache.cassandra.service.CassandraDaemon"),
        ]

    def _answers(self) -> bool:
        with self.connect() as connection:

            def call(operation: int, body: bytes) -> int:
                connection.sendall(struct.pack(">BBhBi", 4, 0, 0, operation, len(body)) + body)
                head = _receive(9)
                _receive(struct.unpack(">i", head[5:])[0])
                return head[4]

            def _receive(length: int) -> bytes:
                received = b""
                while len(received) < length:
                    more = connection.recv(length - len(received))
                    if not more:
                        raise ConnectionResetError("the connection was closed")
                    received += more
                return received

            answer = call(_STARTUP, struct.pack(">h", 1) + _text("CQL_VERSION") + _text("3.0.0"))
            if answer == _AUTHENTICATE:
                # The first user is made a little after the port is open.
                login = b"\0cassandra\0cassandra"
                return call(_AUTH_RESPONSE, struct.pack(">i", len(login)) + login) == _AUTH_SUCCESS
            return answer == _READY


def _keystore(certificate: Certificate) -> Path:
    keystore = certificate.key.with_suffix(".p12")
    status, written = output_of([
        "openssl", "pkcs12", "-export", "-in", str(certificate.certificate), "-inkey", str(certificate.key),
        "-out", str(keystore), "-passout", "pass:keystore",
    ])  # fmt: skip
    if status:
        raise Absent(f"openssl made no key store: {written.strip()[-300:]}")
    return keystore


# Operations of the CQL binary protocol, version 4.
_STARTUP, _READY, _AUTHENTICATE, _AUTH_RESPONSE, _AUTH_SUCCESS = 0x01, 0x02, 0x03, 0x0F, 0x10


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()

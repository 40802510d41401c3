from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from treering.backend import open_backend
from treering.errors import InvalidStoreURL, MissingDependency

HOST = "etcd://127.0.0.1:1/prefix"


@pytest.mark.parametrize(
    ("url", "option"),
    [
        (f"{HOST}?timeout=5", "timeout"),
        (f"{HOST}?user=me", "password_file"),
        (f"{HOST}?password_env=ETCD_PASSWORD", "user"),
        (f"{HOST}?user=me&password=secret", "password_file"),
        (f"{HOST}?tls=yes", "tls"),
        (f"{HOST}?ca_file=/a", "ca_file"),
        (f"{HOST}?server_name=a", "server_name"),
        (f"{HOST}?tls=true&ca_file=/no/such/file", "ca_file"),
        (f"{HOST}?tls=true&cert_file=/a", "key_file"),
        (f"{HOST}?tls=true&key_file=/a", "cert_file"),
        (f"{HOST}?max_txn_ops=15", "max_txn_ops"),
        (f"{HOST}?max_request_bytes=many", "max_request_bytes"),
        (f"{HOST}?max_request_bytes=64K", "max_request_bytes"),
        (f"{HOST}?max_txn_ops=20000", "max_request_bytes"),
    ],
)
def test_options_that_cannot_be_meant(url: str, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_PASSWORD", "secret")
    with pytest.raises(InvalidStoreURL) as caught:
        open_backend(url)
    assert caught.value.facts["option"] == option
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["etcd:", "etcd:localhost", "etcd://", "etcd://a:b", "etcd://a,,b", "etcd://u:p@a", "etcd://a/b/o", "etcd://a/o/b"],
)
def test_hosts_that_cannot_be_meant(url: str) -> None:
    with pytest.raises(InvalidStoreURL):
        open_backend(url)


def test_a_file_without_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(InvalidStoreURL, match="PEM"):
        open_backend(f"{HOST}?tls=true&ca_file={tmp_path}/ca")


def test_grpcio_is_asked_for_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("treering.backend.etcd")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(MissingDependency) as caught:
        open_backend(HOST)
    assert caught.value.facts == {"extra": "etcd"}
    assert "treering[etcd]" in str(caught.value)


# What another client of etcd registers in the pool that all share: these file and package names, these messages.
CLASH = """
    import sys
    from google.protobuf import descriptor_pb2, descriptor_pool

    def register_theirs():
        for file, package, messages in (
            ("kv.proto", "mvccpb", ["KeyValue", "Event"]),
            ("rpc.proto", "etcdserverpb", ["RangeRequest", "PutRequest", "TxnRequest", "Compare", "WatchRequest"]),
            ("wire.proto", "etcd", ["TxnRequest"]),
        ):
            proto = descriptor_pb2.FileDescriptorProto(name=file, package=package, syntax="proto3")
            for message in messages:
                proto.message_type.add(name=message)
            descriptor_pool.Default().AddSerializedFile(proto.SerializeToString())

    def import_ours():
        from treering.backend.etcd import wire_pb2
        assert wire_pb2.TxnRequest.DESCRIPTOR.full_name == "treering.etcd.v1.TxnRequest"

    for step in sys.argv[1:]:
        {"theirs": register_theirs, "ours": import_ours}[step]()
"""


@pytest.mark.parametrize("order", [("theirs", "ours"), ("ours", "theirs")])
def test_other_peoples_messages_stay_their_own(order: tuple[str, str]) -> None:
    code = "\n".join(line[4:] for line in CLASH.splitlines())
    subprocess.run([sys.executable, "-c", code, *order], check=True, env={"PYTHONPATH": ":".join(sys.path)})

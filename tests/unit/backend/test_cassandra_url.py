from __future__ import annotations

import pytest

from treering.backend import open_backend
from treering.errors import InvalidStoreURL


@pytest.mark.parametrize(
    "url",
    [
        "cassandra:h/k",
        "cassandra://",
        "cassandra://h",
        "cassandra://h/k/more",
        "cassandra://h/1k",
        "cassandra://h/k'",
        "cassandra://h/" + "k" * 49,
        "cassandra://me:secret@h/k",
        "cassandra://h/k?password=secret",
        "cassandra://h/k?nosuch=1",
        "cassandra://h/k?store=",
        "cassandra://h/k?store=a b",
        "cassandra://h/k?create_keyspace=0",
        "cassandra://h/k?create_keyspace=yes",
        "cassandra://h/k?create_keyspace=dc1:3,dc2",
        "cassandra://h/k?create_keyspace=dc1:3'}",
        "cassandra://h/k?local=true",
        "cassandra://h/k?user=me",
        "cassandra://h/k?password_env=HOME",
        "cassandra://h/k?user=me&password_env=NOT_SET_AT_ALL",
        "cassandra://h/k?ca_file=/x",
        "cassandra://h/k?check_hostname=false",
        "cassandra://h/k?tls=true&check_hostname=false",
        "cassandra://h/k?tls=true&ca_file=/no/such/file",
        "cassandra://h/k?tls=true&cert_file=/no/such/file",
    ],
)
def test_urls_that_cannot_be_meant_are_refused(url: str) -> None:
    with pytest.raises(InvalidStoreURL) as caught:
        open_backend(url, deadline_seconds=1)
    assert "secret" not in str(caught.value)

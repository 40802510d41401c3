from __future__ import annotations

from pathlib import Path

import pytest

from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "one")
    (tmp_path / "secret").write_text("two\n")
    assert StoreURL.parse("x://h?password_env=MY_SECRET").take_secret("password") == "one"
    assert StoreURL.parse(f"x://h?password_file={tmp_path}/secret").take_secret("password") == "two"
    assert StoreURL.parse("x://h").take_secret("password") is None


@pytest.mark.parametrize("query", ["p_env=NOT_SET_AT_ALL", "p_file=/no/such/file", "p_env=HOME&p_file=/x", "p_env="])
def test_a_secret_that_cannot_be_had_is_refused(query: str) -> None:
    with pytest.raises(InvalidStoreURL):
        StoreURL.parse(f"x://h?{query}").take_secret("p")


def test_hosts_and_path() -> None:
    url = StoreURL.parse("x://a,b-1.c:7,[::1]:9/one/two")
    assert url.split_hosts(5) == ([("a", 5), ("b-1.c", 7), ("::1", 9)], "one/two")
    assert StoreURL.parse("x://a").split_hosts(5) == ([("a", 5)], "")


@pytest.mark.parametrize("body", ["a", "//", "//a:0", "//a:70000", "//a,,b", "//user:word@a", "//a b", "//a:x"])
def test_hosts_that_cannot_be_meant_are_refused(body: str) -> None:
    with pytest.raises(InvalidStoreURL) as caught:
        StoreURL.parse(f"x:{body}").split_hosts(5)
    assert "word" not in str(caught.value)

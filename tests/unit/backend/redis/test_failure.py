from __future__ import annotations

import pytest
from redis import exceptions
from redis._parsers.base import BaseParser

from treering.backend.redis.failure import translated
from treering.errors import Error, InvalidStoreURL, NotAStore, Refused, StoreFull, Unavailable


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", StoreFull),
        ("MISCONF Errors writing to the AOF file: No space left on device", StoreFull),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
            Unavailable,
        ),
        ("ERR Error running script (call to f_1): @user_script:5: -OOM command not allowed", StoreFull),
        ("ERR Error running script (call to f_1): @user_script:5: -READONLY You can't write", Unavailable),
        ("READONLY You can't write against a read only replica.", Unavailable),
        ("LOADING Redis is loading the dataset in memory", Unavailable),
        ("MASTERDOWN Link with MASTER is down", Unavailable),
        ("NOREPLICAS Not enough good replicas to write.", Unavailable),
        ("BUSY Redis is busy running a script.", Unavailable),
        ("CLUSTERDOWN The cluster is down", Unavailable),
        ("MOVED 3999 127.0.0.1:6381", Unavailable),
        ("ASK 3999 127.0.0.1:6381", Unavailable),
        ("TRYAGAIN Multiple keys request during rehashing of slot", Unavailable),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", NotAStore),
        ("WRONGPASS invalid username-password pair or user is disabled.", Refused),
        ("NOAUTH Authentication required.", Refused),
        ("NOPERM this user has no permissions to run the 'get' command", Refused),
        ("ERR invalid password", Refused),
        ("ERR DB index is out of range", InvalidStoreURL),
        ("ERR something new", Unavailable),
        ("ERR max number of clients reached", Unavailable),
    ],
)
def test_what_a_server_answers(line: str, expected: type[Error]) -> None:
    found = translated(BaseParser.parse_error(line), "redis://here")
    assert type(found) is expected
    assert found.facts.get("store", found.facts.get("url")) == "redis://here"


@pytest.mark.parametrize("error", [exceptions.ConnectionError("gone"), exceptions.TimeoutError("late")])
def test_what_the_network_does(error: Exception) -> None:
    assert type(translated(error, "redis://here")) is Unavailable

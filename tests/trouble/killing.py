"""A writer that goes on until its server is killed, and what must be there when that is back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from treering.backend import Backend
from treering.errors import OutcomeUnknown, Unavailable
from treering.testing.conformance import key

if TYPE_CHECKING:
    from tools.servers import Server


def kill_while_writing(server: Server, backend: Backend, *, after: int) -> None:
    """Publish number by number, kill the server at about ``after``, start it again: nothing acknowledged is lost."""
    acknowledged = -1
    failures: list[Exception] = []

    def write() -> None:
        nonlocal acknowledged
        expected = None
        try:
            while True:
                number = acknowledged + 1
                root = b"%d" % number
                assert backend.publish([(key(number), root)], expected, root)
                expected, acknowledged = root, number
        except (Unavailable, OutcomeUnknown) as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    while acknowledged < after and writer.is_alive():
        time.sleep(0.001)
    server.kill()
    writer.join(60)
    assert len(failures) == 1
    assert acknowledged >= after
    with pytest.raises(Unavailable):
        backend.read_root()
    with pytest.raises(Unavailable):
        backend.publish([], b"%d" % acknowledged, b"lost")

    server.start()
    root = backend.read_root()
    assert root is not None
    last = int(root)
    assert last == acknowledged or (last == acknowledged + 1 and isinstance(failures[0], OutcomeUnknown))
    assert backend.read_many([key(number) for number in range(last + 1)]) == [b"%d" % n for n in range(last + 1)]
    assert backend.publish([], root, b"gone on")

from __future__ import annotations

import threading
import time

import pytest

from treering.backend.gate import Gate
from treering.errors import Unavailable


def test_closing_waits_for_those_inside() -> None:
    gate = Gate()
    gate.inside.append(None)
    threading.Timer(0.05, gate.inside.pop).start()
    with gate.closed(5):
        assert gate.inside == []
        assert gate.closing
    assert not gate.closing


def test_closing_gives_up_and_opens_again() -> None:
    gate = Gate()
    gate.inside.append(None)
    with pytest.raises(Unavailable), gate.closed(0.01):
        pass
    assert not gate.closing
    gate.wait_open(0.01)


def test_waiting_for_a_closed_gate() -> None:
    gate = Gate()
    with gate.closed(1):
        thread_saw: list[type[BaseException] | None] = []

        def wait(seconds: float) -> None:
            try:
                gate.wait_open(seconds)
                thread_saw.append(None)
            except Unavailable as error:
                thread_saw.append(type(error))

        impatient = threading.Thread(target=wait, args=(0.01,))
        impatient.start()
        impatient.join()
        patient = threading.Thread(target=wait, args=(10,))
        patient.start()
        time.sleep(0.01)
    patient.join()
    assert thread_saw == [Unavailable, None]


def test_two_who_close_take_turns() -> None:
    gate = Gate()
    with gate.closed(1), pytest.raises(Unavailable), gate.closed(0.01):
        pass
    with gate.closed(0.01):
        pass

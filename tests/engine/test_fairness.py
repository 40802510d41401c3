"""A writer that never pauses, on a store some way off, and another that has a commit to make now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from tests.proto import engine_pb2 as pb

import treering
from treering.backend.base import Entry
from treering.testing import LimitedBackend

ROUND_TRIP_SECONDS = 0.001
COMMITS = 20


class FarBackend(LimitedBackend):
    """A store that takes a round trip for everything, as one on a server does."""

    def __init__(self, mapping: dict[str, bytes]) -> None:
        super().__init__(mapping, remote=True)
        self.tries = 0

    def read_root(self) -> bytes | None:
        time.sleep(ROUND_TRIP_SECONDS / 2)
        root = super().read_root()
        time.sleep(ROUND_TRIP_SECONDS / 2)
        return root

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        time.sleep(ROUND_TRIP_SECONDS)
        return super().read_many(keys)

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        self.tries += 1
        time.sleep(ROUND_TRIP_SECONDS / 2)
        is_moved = super().publish(objects, expected, root)
        time.sleep(ROUND_TRIP_SECONDS / 2)
        return is_moved


def test_one_in_a_loop_leaves_room_for_another() -> None:
    mapping: dict[str, bytes] = {}
    far = FarBackend(mapping)
    stop = threading.Event()
    with (
        treering.open(FarBackend(mapping), pb.Network, author="busy") as busy,
        treering.open(far, pb.Network, author="lone", deadline_seconds=60) as lone,
    ):
        lone.add("/devices", pb.Device(name="lone"))

        def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                busy.update("/", pb.Network(name=str(number)))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while busy.head.seq < 50:
                time.sleep(ROUND_TRIP_SECONDS)
            far.tries = 0
            for number in range(COMMITS):
                lone.update("/devices/lone", pb.Device(name="lone", vendor=str(number)))
                time.sleep(10 * ROUND_TRIP_SECONDS)
        finally:
            stop.set()
            writer.join()
        assert far.tries < 40 * COMMITS  # five to seven each, mostly; without room there are hundreds, and no commit
        made = [commit.author for commit in lone.log()]
        assert made.count("lone") >= COMMITS
        assert made.count("busy") >= 50

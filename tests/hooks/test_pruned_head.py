"""A head that another process prunes while an edit with hooks looks at it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.hooks.ear import Ear, both
from tests.proto import engine_pb2 as pb

import treering
from treering.backend.mapping import MappingBackend
from treering.testing.faults import FaultyBackend


class Overtaken(FaultyBackend):
    """Lets another process move the head on and prune it, once, before the next read of an object."""

    rival: treering.Repository | None = None

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        rival, self.rival = self.rival, None
        if rival is not None:
            rival.update("/devices/777", pb.Device(name="777", vendor="rival"))
            rival.prune()
        return super().read_many(keys)


def test_an_edit_goes_on_with_the_new_head() -> None:
    mapping: dict[str, bytes] = {}
    rival = treering.open(mapping, pb.Network)
    rival.replace("/", pb.Network(devices=[pb.Device(name=str(n), image=bytes(600)) for n in range(2000)]))
    backend = Overtaken(MappingBackend(mapping))
    with treering.open(backend, pb.Network) as repo:
        ear = Ear(repo, "/", kinds=[treering.PRE_ADD, treering.POST_ADD])
        repo._store.reader.forget()  # so that the edit has to read
        repo._branch.head()
        backend.rival = rival
        repo.add("/devices", pb.Device(name="7777", vendor="mine"))
        assert backend.rival is None
        assert ear.told() == both("add", "/")
        assert repo.get("/devices/777").vendor == "rival"
        assert repo.get("/devices/7777").vendor == "mine"
        assert repo.verify().problems == ()

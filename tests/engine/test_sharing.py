"""What threads and processes share by accident: locks after a fork, tables, what was found by a path."""

from __future__ import annotations

import gc
import os
import signal
from typing import Any

import pytest
from tests.engine.crowd import Crowd, HeldBackend
from tests.proto import engine_pb2 as pb

import treering
from treering.schema.schema import Schema
from treering.schema.shape import Shape
from treering.store.state import State
from treering.testing.limited import LimitedBackend
from treering.tree.edit import Editor


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_of_a_fork_does_not_wait_for_a_thread_that_it_has_not() -> None:
    backend = HeldBackend(LimitedBackend())
    crowd = Crowd(treering.open(backend, pb.Network), backend)
    statuses: list[int] = []

    def fork() -> None:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(30)
                for call in (crowd.add("x"), lambda: crowd.repo.delete_tag("x"), crowd.repo.prune):
                    with pytest.raises(treering.ForkedProcess):
                        call()
                status = 0
            finally:
                os._exit(status)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    crowd.run(crowd.add("a"), meanwhile=fork)
    assert statuses == [0]


def test_a_table_may_be_read_while_the_root_moves() -> None:
    repo = treering.open({}, pb.Network)
    repo.add("/devices", pb.Device(name="a"))
    state = State.read(repo._store.state.data, repo._store.reader, "memory:")
    assert state.branches

    class Sections(dict[int, Any]):
        def __contains__(self, tag: object) -> bool:  # as if another thread came in between
            assert (state.tags, state.dead, state.lineage) is not None
            return False

    assert state.moved(Sections()).branches == state.branches


def test_what_was_found_by_a_path_goes_with_its_schema() -> None:
    with treering.open({}, pb.Network) as repo:
        kept = Schema(pb.Network).stored()
        repo.add("/devices", pb.Device(name="a"))

        def look() -> int:
            editor = Editor(repo._store.reader, Schema.from_stored(kept).root, {})
            editor.remove(repo._branch.head().record.root, "/devices/a")
            del editor
            gc.collect()
            return sum(type(one) is Shape for one in gc.get_objects())

        assert look() == look()

"""Delete what nothing leads to: objects of writers that crashed, or that lost a race and could not clean up."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from treering.errors import Corruption, DanglingReference
from treering.objects.pointer import LOCATION_BYTES, Location, Pointer, session_of
from treering.store.dead import decode_locations
from treering.store.prune import Pruner
from treering.store.state import State
from treering.store.store import Store
from treering.store.verify import VerifyReport, mark, report_damaged_root

_BATCH = 1000


def sweep_unreachable(store: Store, attempts: Callable[[], Iterator[object]]) -> VerifyReport:
    """Verify, then delete the unreachable objects of writers that can publish no more.

    The session floor is raised first, so a writer of an older session learns at its next look at the root that it must
    write everything again under a new one; then what the root leads to is marked, from a root read afterwards. What was
    written below the floor and is not marked can never be named again. No clock takes part.
    """
    try:
        floor = _raise_floor(store, attempts)
        state = store.state
    except Corruption as error:
        return report_damaged_root(store.backend, error)
    checked = mark(store.backend, state)
    if checked.problems:
        return checked.report(store.backend)
    Pruner(store, attempts).bury()  # the work of a prune that crashed
    spared = _named_dead(store)
    gone = []
    for key in list(store.backend.list_keys()):
        location = Location(key[:LOCATION_BYTES])
        if location not in checked.seen and location not in spared and session_of(location) < floor:
            gone.append(key)
    for at in range(0, len(gone), _BATCH):
        store.backend.delete_many(gone[at : at + _BATCH])
    return checked.report(store.backend)


def _raise_floor(store: Store, attempts: Callable[[], Iterator[object]]) -> int:
    for _ in attempts():
        with store.lock:
            state = store.state
            floor = state.record.next_session
            if store.publish(store.begin(state), state, {}, session_floor=floor) is not None:
                return floor
    raise AssertionError  # pragma: no cover - attempts never end quietly


def _named_dead(store: Store) -> set[Location]:
    """Return what the root still names as dead: something reads it here, or another process is about to delete it."""
    spared: set[Location] = set()
    state: State = store.state
    for entry in state.dead:
        if type(entry) is Pointer:
            spared.add(entry.location)
            try:
                spared.update(decode_locations(store.reader.table(entry)))
            except DanglingReference:  # deleted meanwhile, and all that it lists before it
                continue
        else:
            spared.add(entry)  # type: ignore[arg-type]
    return spared

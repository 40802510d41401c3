"""What every backend must do, as a pytest suite. A backend's test is four lines::

    class TestMine(PersistentConformance):
        def make(self, tmp_path):
            return lambda: MyBackend(tmp_path / "store")

``make`` is called once a test and returns a factory. Every call of the factory opens the same, at first empty, store:
again after it was closed, or beside a handle that is open. A backend whose contents end with its handle tests with
``BackendConformance``; one that keeps them declares that by its base class, ``PersistentConformance``. A backend that
can wait for the root to move has ``WatchingConformance`` beside it::

    class TestMine(WatchingConformance, PersistentConformance): ...
"""

from treering.testing.conformance.keys import awkward_keys, entries, key, part
from treering.testing.conformance.persistent import PersistentConformance
from treering.testing.conformance.single import BackendConformance
from treering.testing.conformance.watching import WatchingConformance

__all__ = [
    "BackendConformance",
    "PersistentConformance",
    "WatchingConformance",
    "awkward_keys",
    "entries",
    "key",
    "part",
]

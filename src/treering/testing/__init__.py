"""Tools for tests of treering, of its backends, and of a third party's. Nothing else in treering imports this.

``treering.testing.conformance`` is a pytest suite for a backend and needs pytest; the rest needs nothing.
"""

from treering.testing.faults import FaultyBackend, SimulatedCrash
from treering.testing.limited import LimitedBackend
from treering.testing.memory import MemoryBackend

__all__ = ["FaultyBackend", "LimitedBackend", "MemoryBackend", "SimulatedCrash"]

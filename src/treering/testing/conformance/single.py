"""What one handle on a store must do: all of ``treering.backend.base`` that it can be held to."""

from __future__ import annotations

from treering.testing.conformance.batches import BatchCases
from treering.testing.conformance.ending import EndingCases
from treering.testing.conformance.listing import ListingCases
from treering.testing.conformance.objects import ObjectCases
from treering.testing.conformance.root import RootCases
from treering.testing.conformance.threads import ThreadCases


class BackendConformance(RootCases, ObjectCases, BatchCases, ListingCases, ThreadCases, EndingCases):
    """Every promise that one handle can be held to."""

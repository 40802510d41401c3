"""One machine drives a plain model, a dict and an LMDB store through the same steps and compares all three.

Each mixin brings the rules of one part; ``machine/stores.py`` has what they share, and says what every edit is held
against.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from tests.property.machine.edits import Edits
from tests.property.machine.history import Reads
from tests.property.machine.hooks import Hooks
from tests.property.machine.pruning import Pruning
from tests.property.machine.transactions import Transactions

STEPS = 60


class Machine(Edits, Reads, Hooks, Pruning):
    """All rules together."""


class Crowd(Transactions):
    """Only the rules of transactions, so that many of them meet."""


# Fewer histories than the profile says, each long enough to be written, read, cut and written on; and one rule of a
# crowd is many steps of its transactions.
PROFILE = settings.default
Machine.TestCase.settings = settings(
    max_examples=PROFILE.max_examples * 3 // 5, stateful_step_count=max(STEPS, PROFILE.stateful_step_count)
)
Crowd.TestCase.settings = settings(stateful_step_count=PROFILE.stateful_step_count // 4)
TestMachine = pytest.mark.soak(Machine.TestCase)
TestCrowd = pytest.mark.soak(Crowd.TestCase)

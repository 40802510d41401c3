"""The state machine over Redis and etcd, beside a dict: fewer histories, the same comparisons."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.property.machine.stores import Stores
from tests.property.test_state_machine import Crowd, Machine

from treering.opening import StoreLike

if TYPE_CHECKING:
    from tools.servers import SharedServer

STEPS = 40


@pytest.mark.parametrize("machine", [Machine, Crowd])
def test_on_servers(machine: type[Stores], shared_server: Callable[[str], SharedServer]) -> None:
    redis, etcd = shared_server("redis").address, shared_server("etcd").address

    class OnServers(machine):  # type: ignore[misc, valid-type] - a parameter
        def __init__(self) -> None:
            super().__init__()
            name = uuid.uuid4().hex
            self.urls = {"redis": f"redis://{redis}?prefix={name}", "etcd": f"etcd://{etcd}/{name}"}

        def targets(self) -> dict[str, StoreLike]:
            return {"dict": self.mapping, **self.urls}

    profile = settings.default
    run_state_machine_as_test(
        OnServers,
        settings=settings(
            max_examples=max(profile.max_examples // 10, 1),
            stateful_step_count=STEPS if machine is Machine else STEPS // 4,
            suppress_health_check=[*profile.suppress_health_check, HealthCheck.too_slow],
        ),
    )

"""What every test shares: hypothesis profiles, the versions in the header, shared data, and no silent skips in CI."""

from __future__ import annotations

import fnmatch
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from treering.objects.native import NATIVE

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ["tests.servers_plugin"]
pytest.register_assert_rewrite("treering.testing")

IN_CI = os.environ.get("CI", "").lower() == "true"
PROJECT = Path(__file__).resolve().parents[1]
ALLOWED_SKIPS = [
    line.strip()
    for line in (PROJECT / "tests" / "allowed_skips.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]

# Deadlines measure the machine, not the code: a busy CI runner would fail at random.
settings.register_profile("default", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "soak", deadline=None, max_examples=5_000, stateful_step_count=200, suppress_health_check=list(HealthCheck)
)
settings.load_profile("ci" if IN_CI else "default")  # --hypothesis-profile on the command line comes later and wins


def pytest_report_header() -> str:
    versions = ", ".join(f"{name} {_version(name)}" for name in ("protobuf", "lmdb"))
    engine = "loops in C" if NATIVE is not None else "pure Python"
    return f"treering ({engine}) on {platform.python_implementation()} {platform.python_version()}, {versions}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input beside the checkout. Absent: skipped with a reason; in CI: failed."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        message = "no shared data: ../shared/data is not beside the checkout"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI, turn a skip whose reason is not on the list into a failure, so that the closing line counts it."""
    if not (IN_CI and report.outcome == "skipped"):
        return
    where = report.longrepr
    reason = str(where[2] if isinstance(where, tuple) else where).removeprefix("Skipped: ")
    if not any(fnmatch.fnmatchcase(reason, allowed) for allowed in ALLOWED_SKIPS):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI for a reason that tests/allowed_skips.txt does not allow: {reason}"


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"

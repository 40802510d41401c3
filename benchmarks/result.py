"""What was measured: one record for each number, and where they are kept."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.harness import Series
from treering.objects.native import NATIVE

PACKAGES = (
    *("treering", "protobuf", "lmdb", "ZODB", "pygit2", "dulwich"),
    *("redis", "hiredis", "grpcio", "urllib3", "cassandra-driver"),
)


@dataclass(frozen=True)
class Result:
    """One number: of a contender at a workload, with N children. ``low`` and ``high`` are the 10th and 90th percentile.

    ``samples``: of how many values it is the median.
    """

    section: str
    workload: str
    contender: str
    n: int
    unit: str
    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True)
class Run:
    """All that one run found: the results, what each contender was set to, and on what machine."""

    started: str
    machine: dict[str, str]
    settings: dict[str, str]
    results: list[Result]

    def find(self, workload: str, contender: str, n: int) -> Result | None:
        """Return one result, or None where it was not measured."""
        return next(
            (
                result
                for result in self.results
                if (result.workload, result.contender, result.n) == (workload, contender, n)
            ),
            None,
        )

    def value(self, workload: str, contender: str, n: int) -> float | None:
        """Return the number of one result."""
        found = self.find(workload, contender, n)
        return found.value if found else None

    def write(self, path: Path) -> None:
        """Keep everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Run:
        """Return what ``write`` kept."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**data, "results": [Result(**row) for row in data["results"]]})


class Results:
    """Collects a run."""

    def __init__(self) -> None:
        self.run = Run(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine(), {}, [])

    def add(self, section: str, workload: str, contender: str, n: int, unit: str, series: Series | float) -> None:
        """Add one number: the median of a series, or a value that was taken once."""
        if not isinstance(series, Series):
            series = Series([series])
        result = Result(
            section, workload, contender, n, unit, series.median, series.low, series.high, len(series.values)
        )
        self.run.results.append(result)


def machine() -> dict[str, str]:
    """Say what it was measured on."""
    facts = {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load when it began": ", ".join(f"{load:.1f}" for load in os.getloadavg()),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "treering's inner loops": "in Python" if NATIVE is None else "in C",
        "SQLite": sqlite3.sqlite_version,
    }
    return facts | dict(_versions(PACKAGES))


def _versions(packages: Iterable[str]) -> Iterable[tuple[str, str]]:
    for package in packages:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"

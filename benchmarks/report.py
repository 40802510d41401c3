"""What was measured, beside the budgets: a table for people, JSON for comparisons."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.timing import Timing

# The design's budgets (medians, one core, 145-byte children), by workload and N. Those that hold for one N stand there.
BUDGETS: dict[str, dict[int, float]] = {
    "update, memory": {100: 10, 10_000: 18, 1_000_000: 32},
    "add, memory": {100: 30, 10_000: 45, 1_000_000: 75},
    "remove, memory": {100: 30, 10_000: 45, 1_000_000: 75},
    "get, memory": {10_000: 3},
    "bytes written per update": {100: 2_700, 10_000: 4_400, 1_000_000: 6_500},
    "update on LMDB over raw put": {100: 1.15, 10_000: 1.15, 1_000_000: 1.25},
    "bulk build, memory": {1_000_000: 400},
    "open, LMDB": {1_000_000: 1},
    "first read, LMDB": {1_000_000: 0.2},
    "resident then": {1_000_000: 60},
    "deep read, memory": dict.fromkeys((100, 10_000, 1_000_000), 4),
}
MORE_IS_BETTER = frozenset({"bulk build, memory"})


@dataclass(frozen=True)
class Result:
    """One cell: a workload at one N. ``low`` and ``high`` are quartiles where it was repeated, else the value."""

    workload: str
    n: int
    unit: str
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, workload: str, n: int, unit: str, timing: Timing, scale: float = 1) -> Result:
        """Make one from a timing in microseconds."""
        return cls(workload, n, unit, timing.median * scale, timing.low * scale, timing.high * scale)

    @property
    def budget(self) -> float | None:
        """What the design allows, where it says so for this N."""
        return BUDGETS.get(self.workload, {}).get(self.n)

    @property
    def ratio(self) -> float | None:
        """Measured over budget, above 1 where it is missed."""
        if self.budget is None or not self.value:
            return None
        return self.budget / self.value if self.workload in MORE_IS_BETTER else self.value / self.budget


def machine() -> dict[str, str]:
    """Say what it was measured on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}",
        "protobuf": version("protobuf"),
        "lmdb": version("lmdb"),
        "treering": version("treering"),
    }


def print_table(results: list[Result]) -> None:
    """Print one row for each workload and N, with the budget and the ratio beside it."""
    table = Table(title="treering beside its budgets")
    table.add_column("workload")
    for name in ("N", "median", "quartiles", "unit", "budget", "ratio"):
        table.add_column(name, justify="left" if name == "unit" else "right")
    order = list(dict.fromkeys(result.workload for result in results))
    previous = ""
    for result in sorted(results, key=lambda result: (order.index(result.workload), result.n)):
        ratio = result.ratio
        style = "" if ratio is None else "green" if ratio <= 1 else "yellow" if ratio <= 1.5 else "red"
        table.add_row(
            "" if result.workload == previous else result.workload,
            f"{result.n:,}",
            _number(result.value),
            "" if result.low == result.high else f"{_number(result.low)} - {_number(result.high)}",
            result.unit,
            "" if result.budget is None else _number(result.budget),
            "" if ratio is None else f"[{style}]{ratio:.2f}[/]",
            end_section=False,
        )
        previous = result.workload
    console = Console()
    console.print(table)
    console.print(
        "Medians over short batches, rivals in turn in one run, the garbage collector held meanwhile. One thread. A "
        "child is a message of 145 bytes; every update gives a child other bytes. Memory is memory:, a dict; LMDB "
        "syncs at every commit, and its raw put writes the keys and values of the very same commits into a copy of "
        "the store. Resident memory is that of a new process: interpreter, libraries and the mapped pages read.",
        style="dim",
    )
    console.print("  ".join(f"{name} {value}" for name, value in machine().items()), style="dim")


def write_json(results: list[Result], folder: Path) -> Path:
    """Write everything to a file of its own, named by the time, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    rows = [{**asdict(result), "budget": result.budget, "ratio": result.ratio} for result in results]
    path.write_text(json.dumps({"time": now.isoformat(), **machine(), "results": rows}, indent=1), encoding="utf-8")
    return path


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"

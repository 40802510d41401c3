"""Run the benchmarks: ``python -m benchmarks [--quick] [--only WORKLOAD ...]``."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import plot, report
from benchmarks.bench import Bench
from benchmarks.result import Run
from benchmarks.workloads import batch, footprint, history, machine, reading, single, stores, writers

SIZES = (100, 10_000, 1_000_000)
QUICK_SIZES = (100, 10_000)
DOCS = Path("docs")
BUILD = Path("build") / "bench"
# By what a commit promises, so that only the stores of one group are open at a time.
PLAN: dict[str, dict[str, Sequence[Callable[[Bench, str], None]]]] = {
    "steps": {"machine": [machine.measure]},
    "memory": {
        "single": [single.measure],
        "batch": [batch.measure],
        "build": [batch.build],
        "reading": [reading.scan, reading.deep],
        "diff": [reading.diff],
        "prune": [history.prune],
        "lookup": [history.lookup],
        "bytes": [footprint.written],
    },
    "written": {"single": [single.measure], "batch": [batch.measure], "open": [footprint.opening]},
    "durable": {
        "single": [single.measure],
        "batch": [batch.measure],
        "build": [batch.build],
        "reading": [reading.scan, reading.deep],
        "writers": [writers.threads, writers.processes],
    },
    "on servers": {"stores": [stores.measure]},
}
WORKLOADS = tuple(dict.fromkeys(name for plan in PLAN.values() for name in plan))


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure treering beside rivals and budgets.")
    parser.add_argument("--quick", action="store_true", help=f"fewer rounds, and N up to {QUICK_SIZES[-1]:,} only")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--n", type=int, nargs="+", metavar="N", help="numbers of children to measure at")
    parser.add_argument("--output", type=Path, help=f"folder of performance.md ({DOCS}; {BUILD} for a part of it)")
    parser.add_argument("--report", action="store_true", help="measure nothing: tables and plots from the kept results")
    arguments = parser.parse_args()
    partial = arguments.quick or arguments.only or arguments.n
    output: Path = arguments.output or (BUILD if partial else DOCS)
    kept = output / "performance" / "results.json"
    if not arguments.report:
        sizes = tuple(arguments.n or (QUICK_SIZES if arguments.quick else SIZES))
        _measure(kept, sizes, arguments.only or WORKLOADS, quick=arguments.quick)
    page = output / "performance.md"
    if output != DOCS:
        shutil.copy(DOCS / "performance.md", page)
    run = Run.read(kept)
    plot.write(run, kept.parent)
    report.write(run, page)
    report.show(run)
    print(f"tables in {page}, plots and results in {kept.parent}")


def _measure(kept: Path, sizes: tuple[int, ...], names: Sequence[str], *, quick: bool) -> None:
    """Run the workloads, and keep what is known after each."""
    BUILD.mkdir(parents=True, exist_ok=True)
    if os.getloadavg()[0] > (os.cpu_count() or 1) / 2:
        print("this machine is busy: figures will be blurred, those of syncs most of all")
    # Not in /tmp, which may be in memory and sync nothing.
    with tempfile.TemporaryDirectory(prefix="stores-", dir=BUILD) as folder:
        bench = Bench(Path(folder), sizes, quick=quick)
        for group, plan in PLAN.items():
            for name in (name for name in plan if name in names):
                begin = time.perf_counter()
                print(f"measuring {name}, {group} ...", end=" ", flush=True)
                for workload in plan[name]:
                    workload(bench, group)
                bench.results.run.write(kept)
                print(f"{time.perf_counter() - begin:.0f} s", flush=True)
            bench.close()


if __name__ == "__main__":
    main()

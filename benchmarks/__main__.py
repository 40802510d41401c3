"""Run the benchmarks: ``python -m benchmarks [--quick] [--only WORKLOAD ...]``."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks import plot, report
from benchmarks.bench import Bench
from benchmarks.result import Run
from benchmarks.workloads import batch, footprint, history, reading, single, writers

SIZES = (100, 10_000, 1_000_000)
QUICK_SIZES = (100, 10_000)
DOCS = Path("docs")
BUILD = Path("build") / "bench"
WORKLOADS = {
    "single": (single.measure,),
    "batch": (batch.measure,),
    "build": (batch.build,),
    "reading": (reading.scan, reading.deep, reading.diff),
    "prune": (history.prune,),
    "lookup": (history.lookup,),
    "writers": (writers.threads, writers.processes),
    "open": (footprint.opening,),
    "written": (footprint.written,),
}


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
        _measure(output, sizes, arguments.only or list(WORKLOADS), quick=arguments.quick).write(kept)
    page = output / "performance.md"
    if not page.exists():
        shutil.copy(DOCS / "performance.md", page)
    run = Run.read(kept)
    report.write(run, page)
    plot.write(run, kept.parent)
    report.show(run)
    print(f"tables in {page}, plots and results in {kept.parent}")


def _measure(output: Path, sizes: tuple[int, ...], names: list[str], *, quick: bool) -> Run:
    BUILD.mkdir(parents=True, exist_ok=True)
    # Not in /tmp, which may be in memory and sync nothing.
    with tempfile.TemporaryDirectory(prefix="stores-", dir=BUILD) as folder:
        bench = Bench(Path(folder), sizes, quick=quick)
        for name in names:
            begin = time.perf_counter()
            print(f"measuring {name} ...", end=" ", flush=True)
            for workload in WORKLOADS[name]:
                workload(bench)
            print(f"{time.perf_counter() - begin:.0f} s", flush=True)
        bench.close()
    return bench.results.run


if __name__ == "__main__":
    main()

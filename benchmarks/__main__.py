"""Run the benchmarks: ``python -m benchmarks [--quick] [--n 100 10000]``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import workload
from benchmarks.report import Result, print_table, write_json

SIZES = (100, 10_000, 1_000_000)
QUICK_SIZES = (100, 10_000)
OUTPUT = Path("build") / "bench"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure treering beside its budgets.")
    parser.add_argument("--quick", action="store_true", help=f"fewer rounds, and N up to {QUICK_SIZES[-1]:,} only")
    parser.add_argument("--n", type=int, nargs="+", metavar="N", help="numbers of children to measure at")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder for the results as JSON (%(default)s)")
    arguments = parser.parse_args()
    sizes = arguments.n or (QUICK_SIZES if arguments.quick else SIZES)
    rounds, batch = (8, 25) if arguments.quick else (30, 50)
    results: list[Result] = []
    for n in sizes:
        print(f"measuring N = {n:,} ...", flush=True)
        results += workload.in_memory(n, rounds, batch)
        with tempfile.TemporaryDirectory(prefix="treering-bench-", dir=_folder(arguments.output)) as folder:
            results += workload.on_lmdb(n, rounds, batch, Path(folder))
    print_table(results)
    print(f"results in {write_json(results, arguments.output)}")


def _folder(output: Path) -> Path:
    """Return where stores are made: beside the results, because /tmp may be in memory and sync nothing."""
    output.mkdir(parents=True, exist_ok=True)
    return output


if __name__ == "__main__":
    main()

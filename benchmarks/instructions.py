"""Count the machine instructions of one operation: ``python -m benchmarks.instructions [--n N] [--source FOLDER]``.

Times on a shared machine vary by a factor of two from one minute to the next; this number does not. It needs valgrind
on the PATH, and takes a minute. ``--source`` counts another copy of treering, such as one without the loops in C.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CONTENDERS = ("treering", "zodb")
CALLS = ("update", "add", "get")
WARM, COUNT = 50, 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.instructions", description=__doc__)
    parser.add_argument("--n", type=int, default=1_000, help="number of children")
    parser.add_argument("--source", type=Path, default=Path("src"), help="where treering is imported from")
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        contender, call = arguments.inside
        _run(contender, call, arguments.n)
        return
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not on the PATH")
    for contender in CONTENDERS:
        for call in CALLS:
            print(f"{contender}, {call}: {_count(contender, call, arguments.n, arguments.source):,} instructions")


def _count(contender: str, call: str, n: int, source: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        command += [sys.executable, "-m", "benchmarks.instructions", "--inside", contender, call, "--n", str(n)]
        environment = {**os.environ, "PYTHONPATH": f"{source.resolve()}:{Path.cwd()}", "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None
    return round(int(found[1]) / COUNT)


def _run(contender: str, call: str, n: int) -> None:
    """Do the operations, with the counter on for those that count."""
    from benchmarks.contender import Contender, additions, updates
    from benchmarks.fleet import fleet
    from benchmarks.rivals.zodb import Zodb
    from benchmarks.treering_store import Treering

    store: Contender = Treering.in_memory(Path()) if contender == "treering" else Zodb.in_memory(Path())
    store.fill(fleet(n))
    make = additions if call == "add" else updates
    warm, counted = make(n, WARM), make(n, COUNT, seed=3)
    operation = getattr(store, call)
    for edit in warm:
        operation(edit)
    gc.collect()
    gc.disable()
    _switch("on")
    for edit in counted:
        operation(edit)
    _switch("off")


def _switch(state: str) -> None:
    subprocess.run(["callgrind_control", "-i", state, str(os.getpid())], stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()

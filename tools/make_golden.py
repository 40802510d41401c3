"""Write golden files that are missing: whole stores in the stored format, with what they hold.

A golden file is a promise: stores that users have are read for ever. Once a release has written the format, a file that
no longer fits means that the *code* is wrong. Never replace one then; add a scenario, or a folder for a new format
version. Before that, ``--replace NAME`` writes one anew; say in the changelog why its bytes changed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "src")]

from tests.golden.scenario import FOLDER, SCENARIOS, encode  # noqa: E402 - the path comes first


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replace", nargs="+", default=[], choices=sorted(SCENARIOS), metavar="NAME")
    replaced = parser.parse_args().replace
    if replaced:
        print("Replacing golden files: stores written so far may become unreadable.", file=sys.stderr)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, scenario in SCENARIOS.items():
        file = FOLDER / f"{name}.json"
        if file.exists() and name not in replaced:
            continue
        with tempfile.TemporaryDirectory() as folder:
            text = encode(scenario.write(Path(folder) / "store"))
        file.write_text(text, encoding="utf-8")
        print(f"{file.relative_to(PROJECT)}: {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

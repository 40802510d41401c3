"""Write golden files that are missing: whole stores in the stored format, with what they hold.

A golden file is a promise: stores that users have are read for ever. The format is frozen, so a file that no longer
fits means that the *code* is wrong. None is ever replaced; add a scenario, or a folder for a new format version. What
was written is noted in a list of checksums beside the folder.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "src")]

from tests.golden.scenario import FOLDER, SCENARIOS, encode  # noqa: E402 - the path comes first


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, scenario in SCENARIOS.items():
        file = FOLDER / f"{name}.json"
        if file.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            text = encode(scenario.write(Path(folder) / "store"))
        file.write_text(text, encoding="utf-8")
        print(f"{file.relative_to(PROJECT)}: {len(text)} bytes")
    listed = FOLDER.with_suffix(".sha256")
    known = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in sorted(FOLDER.glob("*.json"))]
    changed = [line.split("  ")[1] for line in known if line not in sums]
    if changed:
        print(f"not what was frozen: {', '.join(changed)}", file=sys.stderr)
        return 1
    listed.write_text("\n".join(sums) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

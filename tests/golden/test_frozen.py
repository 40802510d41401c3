"""Format 1 is frozen: its golden files stay as they are, for ever."""

from __future__ import annotations

import hashlib

from tests.golden.scenario import FOLDER, SCENARIOS


def test_no_golden_file_has_changed() -> None:
    lines = FOLDER.with_suffix(".sha256").read_text(encoding="utf-8").splitlines()
    frozen = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert sorted(frozen) == sorted(f"{name}.json" for name in SCENARIOS)
    for name, digest in frozen.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name

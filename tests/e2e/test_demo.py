"""The demo as a user runs it: in a folder of its own, by its own process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import treering

PROJECT = Path(__file__).resolve().parents[2]
DEMO = PROJECT / "examples" / "demo.py"
NOBODY = 65534
LAST_LINE = "For more: docs/tutorial.md."


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "FORCE_COLOR"}}
    return {**kept, "PYTHONIOENCODING": "utf-8", **more}


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", DEMO, *arguments],
        cwd=folder,
        env=_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def _refused(result: subprocess.CompletedProcess[str], reason: str, status: int = 1) -> bool:
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("demo: ")
    assert reason in result.stderr
    assert result.returncode == status
    return True


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _commands(output: str) -> Sequence[str]:
    return re.findall(r"^\S+ (?:-i )?-c '\n.*?\n'$", output, re.MULTILINE | re.DOTALL)


def test_it_tells_the_whole_story(tmp_path: Path, shared_data: Path) -> None:
    result = _run(tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    output = " ".join(result.stdout.split())
    for said in (
        "2,000 ONUs",
        "profile 'basic' -> 'gigabit'",
        "the tree has the same tree_id as before",
        "ReadOnlyField",
        "14 commits, tags: commissioned",
        "/profiles/gigabit 1,000/500 Mbit/s 1,200/500 Mbit/s 1,000/600 Mbit/s",
        "The profile is now 1,200/600 Mbit/s",
        "ValueError: VLAN 4095 is not from 1 to 4094",
        "ACME000001 has profile 'platinum', which is not there",
        "It has the same tree_id as the tag",
        "509 commits and",
        "as dry_run=True had foreseen. What a tag names stays, and can be read: commissioned, good.",
        "objects, all sound",
        "A deep read equals what was put in",
        "add field/trace_id",
        "15 commits in",
        "chassis.platform PLT_BAREFOOT_TOFINO -> PLT_GENERIC_BAREFOOT_TOFINO",
        LAST_LINE,
    ):
        assert said in output
    assert not [bad for bad in ("DAMAGED", "ANOTHER", "PROBLEMS", "OR NOT") if bad in output]
    pruned = re.search(r" before 521 ([\d,]+) .*? after \d+ ms 12 ([\d,]+) ", output)
    assert pruned is not None
    before, after = (int(keys.replace(",", "")) for keys in pruned.groups())
    assert before > after + 1500
    assert "secret" not in output


def test_it_fits_80_columns_and_leaves_no_colour_in_a_pipe(tmp_path: Path, shared_data: Path) -> None:
    result = _run(tmp_path)
    told, _, _ = result.stdout.partition("To go on (paste as it is):")
    assert max(map(len, told.splitlines())) <= 80
    assert "\x1b" not in result.stdout


def test_it_needs_no_more_than_ascii(tmp_path: Path) -> None:
    result = _run(tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.isascii()


def test_what_it_says_to_type_next_works(tmp_path: Path, shared_data: Path) -> None:
    commands = _commands(_run(tmp_path).stdout)
    assert len(commands) == 3
    answers = [
        subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=True,
        ).stdout
        for command in commands
    ]
    assert "olt-5" in answers[0]
    assert answers[1].count("\n") == 4
    assert "/field/trace_id" in answers[2]


def test_a_second_run_starts_anew_and_keeps_what_is_not_its_own(tmp_path: Path) -> None:
    assert _run(tmp_path).returncode == 0
    mine = tmp_path / "demo.treering" / "notes.txt"
    mine.write_text("mine")
    assert _run(tmp_path).returncode == 0
    assert mine.read_text() == "mine"
    with treering.open(f"lmdb:{tmp_path}/demo.treering/network") as repo:
        assert repo.head.seq == 520
        assert repo.verify().ok


def test_without_the_recorded_history_it_leaves_that_chapter_out(tmp_path: Path) -> None:
    assert _run(tmp_path).returncode == 0
    result = _run(tmp_path, "--history", "nowhere")
    assert (result.returncode, result.stderr) == (0, "")
    assert "Left out: there is no recorded history at nowhere." in result.stdout
    assert not (tmp_path / "demo.treering" / "fleet").exists()
    assert len(_commands(result.stdout)) == 2


# Imported by Python itself: the demo does not end before it is stopped, however late the signal comes.
_HOLDING = """
import sys, time
write = sys.stdout.write
def hold(text):
    if "To go on" in text:
        time.sleep(60)
    return write(text)
sys.stdout.write = hold
"""


@pytest.mark.parametrize("moment", ["1. An access", "This state gets a tag", "2. Two", "3. Schemas", "4. A fleet"])
def test_ctrl_c_ends_it_in_a_line_and_the_next_run_goes_through(tmp_path: Path, moment: str) -> None:
    holding = tmp_path / "holding"
    holding.mkdir()
    (holding / "sitecustomize.py").write_text(_HOLDING)
    path = os.pathsep.join([str(holding), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(
        [sys.executable, DEMO],  # without -W error: what the standard library had open when stopped is not our concern
        cwd=tmp_path,
        env=_environment(PYTHONPATH=path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        while moment not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.startswith("demo: stopped")
    assert complaint.count("\n") == 1
    for store in ("network", "apis"):
        if (tmp_path / "demo.treering" / store / "data.mdb").exists():
            try:
                with treering.open(f"lmdb:{tmp_path}/demo.treering/{store}") as repo:
                    assert repo.verify().ok
            except treering.NotAStore:  # stopped before the first commit
                pass
    assert LAST_LINE in _run(tmp_path).stdout


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "demo.treering" / "network" / "data.mdb"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"precious")
    before = _snapshot(tmp_path)
    assert _refused(_run(tmp_path), "demo.treering holds something the demo did not put there")
    assert _snapshot(tmp_path) == before


def test_a_file_in_the_folders_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo.treering").write_text("precious")
    assert _refused(_run(tmp_path), "demo.treering is not a folder")
    assert _snapshot(tmp_path) == {"demo.treering": b"precious"}


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "demo.treering").mkdir()  # a first run was stopped at once
    assert _run(tmp_path).returncode == 0


def test_links_are_not_followed_when_stores_are_deleted(tmp_path: Path) -> None:
    assert _run(tmp_path, "--history", "nowhere").returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("precious")
    (tmp_path / "demo.treering" / "fleet").symlink_to(elsewhere)
    assert _run(tmp_path).returncode == 0
    assert _snapshot(elsewhere) == {"precious": b"precious"}


@pytest.mark.skipif(sys.platform == "win32", reason="locks files with flock")
def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    import fcntl

    assert _run(tmp_path).returncode == 0
    before = _snapshot(tmp_path)
    with (tmp_path / "demo.treering" / ".treering-demo").open() as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)
        assert _refused(_run(tmp_path), "another run of the demo is using demo.treering")
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize("has_store", [False, True])
def test_a_folder_it_may_not_write_is_said_in_a_line(tmp_path: Path, has_store: bool) -> None:
    if has_store:
        assert _run(tmp_path).returncode == 0
    before = _snapshot(tmp_path)
    tmp_path.chmod(0o555)
    if has_store:
        (tmp_path / "demo.treering").chmod(0o555)
        (tmp_path / "demo.treering" / ".treering-demo").chmod(0o444)
    # Root may write anywhere; what is needed is imported first, because nobody else may be able to read this Python.
    program = (
        f"import os, sys\nsys.path.insert(0, {str(DEMO.parent)!r})\n"
        "import demo, treering.backend.lmdb\nfrom story import apis, ending, fleet, network, operators\n"
        f"if os.getuid() == 0:\n    os.setgroups([])\n    os.setgid({NOBODY})\n    os.setuid({NOBODY})\n"
        "sys.exit(demo.main())"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    for path in (tmp_path, tmp_path / "demo.treering"):
        if path.exists():
            path.chmod(0o755)
    assert _refused(result, "Permission denied")
    assert "demo.treering" in result.stderr
    assert result.stdout == ""
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize("module", ["lmdb", "rich"])
def test_a_missing_library_is_named(tmp_path: Path, module: str) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / f"{module}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{module}'\")")
    result = _run(tmp_path, PYTHONPATH=str(absent))
    assert _refused(result, module)
    assert "install" in result.stderr

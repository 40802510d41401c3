"""The command line of tools/servers.py."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from tools.server.absent import Absent
from tools.server.kept import Kept, find_kept, folder_of, start_kept, stop_kept
from tools.server.made import KINDS
from tools.server.process import NotStarted
from tools.server.run import run


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="servers.py", description="Servers on loopback, for tests and for trials.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("start", "start servers that stay, with their data, until they are stopped"),
        ("stop", "stop servers that were started so; their data stays"),
        ("status", "which of them run, where, and with what data"),
        ("run", "run a command with fresh servers, named to it in TREERING_TEST_... and ended with it"),
    ):
        command = commands.add_parser(name, help=purpose, usage=f"servers.py {name} [NAME ...]{_AFTER.get(name, '')}")
        command.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(KINDS)}; without any, all")
    ours, theirs = _split(arguments)
    asked = parser.parse_args(ours)
    if unknown := [name for name in asked.names if name not in KINDS]:
        parser.error(f"no server is called {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if bool(theirs) != (asked.command == "run"):
        parser.error("a command after -- goes with run, and run needs one")
    names = list(dict.fromkeys(asked.names)) or list(KINDS)
    match asked.command:
        case "run":
            return run(names, theirs)
        case "start":
            with ThreadPoolExecutor() as pool:
                return max(pool.map(_start, names))
        case "stop":
            for name in names:
                kept = find_kept(name)
                if kept is not None and kept.running:
                    stop_kept(kept)
                    print(f"{name} stopped; its data stays in {folder_of(name)}")
        case "status":
            for name in names:
                kept = find_kept(name)
                print(_told(kept) if kept is not None and kept.running else f"{name}: not running")
    return 0


_AFTER = {"run": " -- COMMAND ..."}


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def _start(name: str) -> int:
    try:
        print(_told(start_kept(name)), flush=True)
    except Absent as reason:
        print(f"{name} cannot be had: {reason}", file=sys.stderr)
        return 1
    except NotStarted as reason:
        print(f"{name} did not start: {reason}", file=sys.stderr)
        return 1
    return 0


def _told(kept: Kept) -> str:
    return f"{kept.name} {kept.version} at {kept.address}, pid {kept.pid}, data in {folder_of(kept.name)}"

"""What treering does, told as a story on an embedded store: ``make demo``, or ``python examples/demo.py --help``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
INTERRUPTED = 130  # as a shell says it


def main() -> int:
    """Tell the story; the exit status."""
    try:
        return _run(_arguments())
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut the sentence short
        return _stop("stopped; every commit so far is safe, and the next run starts anew", INTERRUPTED)
    except ImportError as error:
        return _stop(f"{error}; run it with make demo, or pip install 'treering[demo]'")
    except OSError as error:
        return _stop(f"cannot use {error.filename or 'the store'}: {error.strerror or error}")


def _run(arguments: argparse.Namespace) -> int:
    import treering
    from story import apis, ending, fleet, network, operators
    from story.folder import Refused, claimed
    from story.page import Page

    page = Page()
    try:
        with claimed(arguments.store):
            network.tell(page, arguments.store)
            operators.tell(page, arguments.store)
            apis.tell(page, arguments.store)
            has_fleet = fleet.tell(page, arguments.store, arguments.history)
            ending.tell(page, arguments.store, ["network", "apis", *(["fleet"] if has_fleet else [])])
    except (Refused, treering.Error) as error:
        return _stop(str(error))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="Show what treering does, on an embedded store.")
    parser.add_argument("--store", type=Path, default=Path("demo.treering"), help="the folder to use (%(default)s)")
    history = PROJECT.parent / "shared" / "data" / "stratum"
    parser.add_argument("--history", type=Path, default=history, help="a recorded history of switches, if there is one")
    return parser.parse_args()


def _stop(reason: str, status: int = 1) -> int:
    sys.stdout.flush()
    print("demo:", " ".join(reason.split()), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())

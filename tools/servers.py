"""Redis, etcd, Consul and Cassandra on this machine, for tests and for trials.

    python tools/servers.py start etcd              # stays until stopped, with its data
    python tools/servers.py status
    python tools/servers.py stop
    python tools/servers.py run redis -- COMMAND    # with TREERING_TEST_REDIS=127.0.0.1:PORT; ends with the command

A server comes from the PATH where it is there and new enough. Else it is downloaded, once, into
~/.cache/treering-servers: Debian packages through this machine's own apt sources, and Cassandra through Maven's own
settings. Nothing is installed and no root is needed; everything listens on 127.0.0.1 only.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # when run by its path

from tools.server.absent import Absent
from tools.server.command import main
from tools.server.made import KINDS, make
from tools.server.process import NotStarted, Server
from tools.server.shared import SharedServer, find_shared

__all__ = ["KINDS", "Absent", "NotStarted", "Server", "SharedServer", "find_shared", "make"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

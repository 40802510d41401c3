"""Servers for tests and trials."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # when run by its path

from tools.server.absent import Absent
from tools.server.made import KINDS, make
from tools.server.process import Server
from tools.server.shared import SharedServer, find_shared

__all__ = ["KINDS", "Absent", "Server", "SharedServer", "find_shared", "make"]

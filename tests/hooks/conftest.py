"""The engine's places for a store: a dict and LMDB, checked whole after every test."""

from __future__ import annotations

from tests.engine.conftest import repo, store

__all__ = ["repo", "store"]

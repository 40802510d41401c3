"""Backends: bytes under keys and one root, in whatever store there is. ``base`` is the contract, ``open`` the door."""

from treering.backend.base import Backend, Durability, Entry, Limits, Syncing, Watching
from treering.backend.open import StoreOptions, open_backend

__all__ = ["Backend", "Durability", "Entry", "Limits", "StoreOptions", "Syncing", "Watching", "open_backend"]

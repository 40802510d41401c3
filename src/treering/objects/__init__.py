"""Stored objects: bytes to values and back. Pure and frozen; knows no store, no schema and no protobuf."""

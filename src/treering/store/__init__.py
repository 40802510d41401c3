"""Typed, verified access to a backend: read, publish, verify. Knows objects and the root; no schema and no protobuf."""

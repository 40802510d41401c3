"""The container: a Merkle search tree with content-defined boundaries. Knows bytes and keys; no protobuf, no I/O."""

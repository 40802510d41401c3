"""A commit: the root node, where it came from, who made it (docs/format.md, "Commits")."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from treering.objects.node import Node, decode_node
from treering.objects.packing import decode_sized, decode_text, decode_varint, encode_sized, encode_text, encode_varint
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Hash, Location, Pointer

NONCE_BYTES = 8

_FIXED = struct.Struct("<QqQQQ")  # seq, time, depth, depth of the jump, depth of the jump's jump
_pack_single = struct.Struct("<QqQQQ8s32sB32sB32s").pack  # and all up to the author, where there is one parent
_NO_TEXTS = b"\x00\x00\x00"  # neither author nor note, and no extensions

NO_EXTENSIONS: Mapping[int, bytes] = MappingProxyType({})


class CommitRecord(NamedTuple):
    """The stored form of a commit.

    ``seq``: one more than the highest of its parents. ``depth``: steps to the oldest commit along first parents.
    ``jump``: an ancestor along first parents, chosen so that any ancestor is O(log history) jumps away (the skew-binary
    scheme of E. W. Myers, "An applicative random-access stack", 1983). ``time``: microseconds since 1970, UTC.
    """

    seq: int
    time: int
    nonce: bytes
    author: str
    note: str
    schema: Pointer
    parents: tuple[Pointer, ...]
    depth: int
    jump: Pointer | None
    jump_depth: int
    jump_jump_depth: int
    root: Node
    extensions: Mapping[int, bytes] = NO_EXTENSIONS

    def encode(self, node_content: bytes, node_tail: bytes) -> tuple[bytes, bytes]:
        """Return (content, tail). The root node is given encoded, as it is being written for this commit."""
        seq, time, nonce, author, note, schema, parents, depth, jump, jump_depth, jump_jump_depth, _, extensions = self
        if len(parents) == 1 and jump is not None and not extensions:  # nearly every commit, in half of the time
            parent = parents[0]
            head = _pack_single(
                seq, time, depth, jump_depth, jump_jump_depth, nonce, schema[0], 1, parent[0], 1, jump[0]
            )
            texts = encode_text(author) + encode_text(note) + b"\x00" if author or note else _NO_TEXTS
            return head + texts + node_content, schema[1] + parent[1] + jump[1] + node_tail
        fixed = _FIXED.pack(seq, time, depth, jump_depth, jump_jump_depth)
        parts = [fixed, nonce, schema.hash, encode_varint(len(parents)), *[parent.hash for parent in parents]]
        locations = [schema.location, *[parent.location for parent in parents]]
        if jump is None:
            parts.append(b"\x00")
        else:
            parts += b"\x01", jump.hash
            locations.append(jump.location)
        parts += encode_text(author), encode_text(note), encode_varint(len(extensions))
        for tag in sorted(extensions):
            parts += encode_varint(tag), encode_sized(extensions[tag])
        parts.append(node_content)
        return b"".join(parts), b"".join((*locations, node_tail))


def make_record(fields: tuple[Any, ...]) -> CommitRecord:
    """Return ``CommitRecord(*fields)``, made in a third of the time; all thirteen have to be there."""
    return tuple.__new__(CommitRecord, fields)


def decode_commit(content: bytes, tail: bytes) -> tuple[CommitRecord, bytes]:
    """Rebuild a commit; also return the content of its root node, which its tree is named by.

    Raises IndexError, struct.error or ValueError on bytes that are not a commit.
    """
    seq, time, depth, jump_depth, jump_jump_depth = _FIXED.unpack_from(content)
    position = _FIXED.size
    nonce = content[position : position + NONCE_BYTES]
    position += NONCE_BYTES
    hashes = [content[position : position + HASH_BYTES]]
    parent_count, position = decode_varint(content, position + HASH_BYTES)
    if parent_count > len(content) // HASH_BYTES:  # before so many are looked for
        raise ValueError("more parents than there is room for")
    for _ in range(parent_count):
        hashes.append(content[position : position + HASH_BYTES])
        position += HASH_BYTES
    has_jump = content[position]
    position += 1
    if has_jump:
        hashes.append(content[position : position + HASH_BYTES])
        position += HASH_BYTES
    author, position = decode_text(content, position)
    note, position = decode_text(content, position)
    extension_count, position = decode_varint(content, position)
    extensions = {}
    for _ in range(extension_count):
        tag, position = decode_varint(content, position)
        extensions[tag], position = decode_sized(content, position)
    if len(tail) < len(hashes) * LOCATION_BYTES:
        message = "commit of the wrong size"
        raise ValueError(message)
    pointers = [
        Pointer(Hash(digest), Location(tail[index * LOCATION_BYTES : (index + 1) * LOCATION_BYTES]))
        for index, digest in enumerate(hashes)
    ]
    node_content = content[position:]
    root = decode_node(node_content, tail[len(hashes) * LOCATION_BYTES :])
    record = CommitRecord(
        seq=seq,
        time=time,
        nonce=nonce,
        author=author,
        note=note,
        schema=pointers[0],
        parents=tuple(pointers[1 : 1 + parent_count]),
        depth=depth,
        jump=pointers[-1] if has_jump else None,
        jump_depth=jump_depth,
        jump_jump_depth=jump_jump_depth,
        root=root,
        extensions=extensions,
    )
    return record, node_content

"""The lower half of the reader of tests/format_reader.py: from a store's bytes to commits, nodes and containers.

It knows only docs/format.md. Every checksum and hash is checked on the way, and where pages end; `FormatError` says
where the bytes are not what the page says.
"""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import lmdb

LEAF_THRESHOLDS = """0 0x27AEBF7 0x6AD14C1 0xCD71408 0x14D28E1D 0x1E6ED393 0x2972CE74 0x359F34AB 0x42B0E19B 0x506337D3
0x5E726CFE 0x6C9DA548 0x7AA8C7EB 0x885DFC33 0x958EC498 0xA214B3D8 0xADD1BDF3 0xB8B02C53 0xC2A24077 0xCBA193AC 0xD3AE4409
0xDACDFF74 0xE10AFCF0 0xE672F2D6 0xEB1616AC 0xEF063081 0xF255C935 0xF5177827 0xF75D5268 0xF9387B77 0xFAB8D59C
0x100000000"""
INNER_THRESHOLDS = """0 0x57A9BF 0xEDAB80 0x1CE0929 0x2F7FDD3 0x46A84B7 0x6245AA5 0x823FFE0 0xA67BA49 0xCED97D3
0xFB37158 0x12B6ED9F 0x15F584AF 0x196C835A 0x1D190EF6 0x20F8294D 0x2506B4A3 0x294177E2 0x2DA522DC 0x322E5295 0x36D99594
0x3BA37031 0x408860E0 0x4584E463 0x4A9579E4 0x4FB6A6F9 0x54E4FB7C 0x5A1D153B 0x5F5BA37A 0x649D6A3E 0x69DF4564
0x6F1E2B76 0x74573049 0x79878755 0x7EAC85C8 0x83C3A45C 0x88CA80E1 0x8DBEDF89 0x929EABE9 0x9767F9BA 0x9C19055B
0xA0B0340E 0xA52C13F9 0xA98B5BF2 0xADCCEB07 0xB1EFC7E1 0xB5F31FEB 0x100000000"""
THRESHOLDS = [[int(number, 0) for number in text.split()] for text in (LEAF_THRESHOLDS, INNER_THRESHOLDS)]
EMBEDDED_BYTES = 512


class FormatError(Exception):
    """The store is not what the page says."""


def check(condition: bool, text: str) -> None:
    if not condition:
        raise FormatError(text)


def checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def blake2b(data: bytes, size: int) -> bytes:
    return hashlib.blake2b(data, digest_size=size).digest()


def inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(data)
    except zlib.error as error:
        raise FormatError("not zlib") from error
    check(inflater.eof and not inflater.unused_data, "compressed data cut short or followed by more")
    return body


class Pointer(NamedTuple):
    hash: bytes
    location: bytes


class Cursor:
    """Reads bytes from front to back; being asked for more than there is raises."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        check(self.at + size <= len(self.data), "cut short")
        self.at += size
        return self.data[self.at - size : self.at]

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)

    def end(self) -> None:
        check(self.at == len(self.data), "bytes left over")

    def integer(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def sized(self) -> bytes:
        return self.take(self.varint())

    def text(self) -> str:
        return self.sized().decode()

    def packed(self, count: int) -> list[int]:
        width = self.integer(1)
        check(width in {0, 1, 2, 4, 8}, "no such width")
        values = [self.integer(width) for _ in range(count)]
        smallest = next(size for size in (0, 1, 2, 4, 8) if all(value < 256**size for value in values))
        check(width == smallest, "a wider width than needed")
        return values


@dataclass
class Slot:
    form: int
    child: tuple[bytes, bytes] | Pointer  # content and tail of what stands here, or where it stands
    count: int = 0
    next_ordinal: int = 0


@dataclass
class Node:
    content: bytes
    own: bytes
    slots: dict[int, Slot]

    @property
    def tree_id(self) -> str:
        return blake2b(b"N" + self.content, 32).hex()


class Child(NamedTuple):
    key: bytes
    ordinal: int
    node: Node


@dataclass
class Commit:
    pointer: Pointer
    seq: int
    time: int
    depth: int
    jump_depth: int
    jump_jump_depth: int
    author: str
    note: str
    extensions: dict[int, bytes]
    schema: Pointer
    parents: list[Pointer]
    jump: Pointer | None
    root: Node

    @property
    def id(self) -> str:
        return self.pointer.hash.hex()

    @property
    def tree_id(self) -> str:
        return self.root.tree_id


class Graft(NamedTuple):
    depth: int  # of the commit that it belongs to
    parents: list[tuple[Pointer, int]]  # and their depths


class ObjectStore:
    """One store as it was when its root record was read. ``get(location)`` returns the value under a location."""

    def __init__(self, record: bytes, get: Callable[[bytes], bytes]) -> None:
        self._get = get
        self.reached: dict[bytes, str] = {}  # location of each object read so far: its kind
        check(checksum(record[:-4]) == record[-4:], "root record: checksum")
        cursor = Cursor(record[:-4])
        check(cursor.take(8) == b"treering", "no root record")
        check(cursor.integer(2) == 1, "another format version")
        self.id = cursor.take(16)
        self.version, self.next_session, self.session_floor = (cursor.integer(8) for _ in range(3))
        self.sections: dict[int, bytes] = {}
        for _ in range(cursor.varint()):
            number, elsewhere = divmod(cursor.varint(), 2)
            check(all(number > other for other in self.sections), "root record: sections out of order")
            pointer = Pointer(cursor.take(32), cursor.take(16)) if elsewhere else None
            section = self.load("T", pointer)[0] if pointer else cursor.sized()
            check((len(section) > 2048) == bool(elsewhere), "root record: a section stands where it should not")
            self.sections[number] = section
        cursor.end()
        self.branches, self.tags = (self._names(number) for number in (1, 2))
        self.grafts = self._grafts()
        self.dead = self._dead()

    @classmethod
    def of_mapping(cls, mapping: Mapping[str, bytes]) -> Self:
        return cls(mapping["treering/root"], lambda location: mapping["treering/o/" + location.hex()])

    @classmethod
    def of_lmdb(cls, folder: Path) -> Self:
        with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
            values = dict(transaction.cursor())
        return cls(values[b"\xff" * 65], values.__getitem__)

    def _names(self, section: int) -> dict[str, Pointer]:
        cursor = Cursor(self.sections.get(section, b"\x00"))
        names = {cursor.text(): Pointer(cursor.take(32), cursor.take(16)) for _ in range(cursor.varint())}
        cursor.end()
        check(list(names) == sorted(names), "names out of order")
        return names

    def _grafts(self) -> dict[Pointer, Graft]:
        cursor = Cursor(self.sections.get(3, b"\x00"))
        grafts: dict[Pointer, Graft] = {}
        for _ in range(cursor.varint()):
            child, depth = Pointer(cursor.take(32), cursor.take(16)), cursor.varint()
            parents = [(Pointer(cursor.take(32), cursor.take(16)), cursor.varint()) for _ in range(cursor.varint())]
            check(all(parent_depth < depth for _, parent_depth in parents), "a graft that leads up")
            grafts[child] = Graft(depth, parents)
        cursor.end()
        order = [(graft.depth, child.hash) for child, graft in grafts.items()]
        check(order == sorted(set(order)), "grafts out of order")
        return grafts

    def _dead(self) -> set[bytes]:
        """Return the locations of what prune took out of history and may not have deleted yet."""
        cursor = Cursor(self.sections.get(4, b"\x00"))
        dead: set[bytes] = set()
        for _ in range(cursor.varint()):
            if cursor.integer(1) == 0:
                dead.add(cursor.take(16))
                continue
            table = Pointer(cursor.take(32), cursor.take(16))
            content, tail = self.load("T", table)
            locations = [content[at : at + 16] for at in range(0, len(content), 16)]
            check(len(content) % 16 == 0 and not tail, "a dead list of another size")
            check(locations == sorted(set(locations)), "a dead list out of order")
            dead |= {table.location, *locations}
            del self.reached[table.location]  # the root leads there to delete it
        cursor.end()
        return dead

    # Objects

    def load(self, kind: str, pointer: Pointer) -> tuple[bytes, bytes]:
        """Return content and tail of an object, everything about it checked."""
        value = self._get(pointer.location)
        if value[:1] == b"+":
            parts = [
                self._get(pointer.location + b"/" + number.to_bytes(4, "big"))
                for number in range(1, int.from_bytes(value[1:5], "little"))
            ]
            value = value[5:] + b"".join(parts)
        check(value[:1] == kind.encode(), f"not an object of kind {kind}")
        codec, size = value[1], int.from_bytes(value[2:6], "little")
        header, body = (value[:10], value[10:-4]) if codec else (value[:6], value[6:-4])
        if codec:
            check(codec == 1, "only zlib is read here")
            body = inflate(body)
            check(len(body) == int.from_bytes(header[6:], "little"), "not as long as stated")
        check(size <= len(body) <= 2**30, "content longer than the object")
        content, tail = body[:size], body[size:]
        digest = blake2b(kind.encode() + content, 32)
        check(digest == pointer.hash, "hash")
        check(checksum(pointer.location + header + digest + tail) == value[-4:], "checksum")
        session = int.from_bytes(pointer.location[:4], "big")
        check(1 <= session < self.next_session, "a location of a session that was never given out")
        self.reached[pointer.location] = kind
        return content, tail

    # Commits

    def commit(self, pointer: Pointer) -> Commit:
        content, tail = (Cursor(data) for data in self.load("C", pointer))
        seq = content.integer(8)
        time = content.integer(8, signed=True)
        depth, jump_depth, jump_jump_depth = (content.integer(8) for _ in range(3))
        content.take(8)
        schema = Pointer(content.take(32), tail.take(16))
        parents = [Pointer(hash_, tail.take(16)) for hash_ in [content.take(32) for _ in range(content.varint())]]
        jump = Pointer(content.take(32), tail.take(16)) if content.integer(1) else None
        author, note = content.text(), content.text()
        extensions = {content.varint(): content.sized() for _ in range(content.varint())}
        root = self.node(content.rest(), tail.rest())
        return Commit(pointer, seq, time, depth, jump_depth, jump_jump_depth, author, note, extensions, schema, parents,
                      jump, root)  # fmt: skip

    def parents(self, commit: Commit) -> list[Pointer]:
        """Return where history goes on below a commit: at its parents, or where a graft says."""
        graft = self.grafts.get(commit.pointer)
        if graft is None:
            return commit.parents
        check(graft.depth == commit.depth, "a graft's depth")
        return [parent for parent, _ in graft.parents]

    def log(self, *starts: Pointer) -> list[Commit]:
        """Return commits and all their ancestors, highest sequence number first."""
        found: dict[Pointer, Commit] = {}
        waiting = list(starts)
        while waiting:
            pointer = waiting.pop()
            if pointer not in found:
                found[pointer] = commit = self.commit(pointer)
                waiting += self.parents(commit)
        for commit in found.values():
            parents = [found[parent] for parent in self.parents(commit)]
            check(all(parent.time <= commit.time for parent in parents), "earlier than a parent")
            if commit.pointer in self.grafts:
                below = {found[parent].depth for parent, _ in self.grafts[commit.pointer].parents}
                check(below == {depth for _, depth in self.grafts[commit.pointer].parents}, "depth in a graft")
                check(all(parent.seq < commit.seq for parent in parents), "sequence number")
                continue
            check(commit.seq == max((parent.seq + 1 for parent in parents), default=0), "sequence number")
            check(commit.depth == (parents[0].depth + 1 if parents else 0), "depth")
            self._check_jump(commit, found)
        return sorted(found.values(), key=lambda commit: commit.seq, reverse=True)

    def _check_jump(self, commit: Commit, found: Mapping[Pointer, Commit]) -> None:
        if not commit.parents:
            check(commit.jump is None, "the oldest commit has no jump commit")
            return
        check(commit.jump is not None, "no jump commit")
        parent = found[commit.parents[0]]
        first = found.get(parent.jump) if parent.jump else parent
        second = first and (found.get(first.jump) if first.jump else first)
        expected: Commit | None = parent
        if parent.depth - parent.jump_depth == parent.jump_depth - parent.jump_jump_depth:
            expected = second
        if self.grafts and (expected is None or commit.jump == parent.pointer):
            # what the jump was chosen by is pruned, or was when the commit was made
            check(commit.jump_jump_depth <= commit.jump_depth < commit.depth, "depths of jumps")
            return
        check(expected is not None and commit.jump == expected.pointer, "jump commit")
        check(expected is not None and commit.jump_depth == expected.depth, "depth of the jump commit")
        check(expected is not None and commit.jump_jump_depth == expected.jump_depth, "depth of the jump commit's jump")

    # Nodes and containers

    def node(self, content: bytes, tail: bytes) -> Node:
        front, back = Cursor(content), Cursor(tail)
        slots: dict[int, Slot] = {}
        for _ in range(front.varint()):
            number, form = divmod(front.varint(), 4)
            check(all(number > other for other in slots), "slots out of order")
            count = front.varint() if form >= 2 else 0
            here = front.take(32) if form % 2 else front.sized()
            next_ordinal = back.varint() if form >= 2 else 0
            child = Pointer(here, back.take(16)) if form % 2 else (here, back.sized())
            check(bool(form % 2) or len(here) <= EMBEDDED_BYTES, "too large to stand here")
            slots[number] = Slot(form, child, count, next_ordinal)
        back.end()
        return Node(content, front.rest(), slots)

    def _follow(self, kind: str, child: tuple[bytes, bytes] | Pointer) -> tuple[bytes, bytes]:
        if not isinstance(child, Pointer):
            return child
        content, tail = self.load(kind, child)
        check(len(content) > EMBEDDED_BYTES, "too small to stand elsewhere")
        return content, tail

    def child(self, slot: Slot) -> Node:
        return self.node(*self._follow("N", slot.child))

    def children(self, slot: Slot) -> list[Child]:
        """Return the children of a container in key order, having checked every page and where it ends."""
        levels: list[list[list[bytes]]] = []  # for each level, for each page from left to right, its keys
        content, tail = slot.child if not isinstance(slot.child, Pointer) else self.load("P", slot.child)
        check(isinstance(slot.child, Pointer) == (len(content) > EMBEDDED_BYTES), "the root page stands elsewhere")
        levels += [[] for _ in range(content[0] + 1)]
        found = self._page(content, tail, levels)
        check(len(found) == slot.count, "number of children")
        keys = [child.key for child in found]
        check(all(left < right for left, right in itertools.pairwise(keys)), "keys out of order")
        for level, pages in enumerate(levels):
            check((len(pages) == 1) == (level == len(levels) - 1), "not the lowest level with one page")
            check(pages == cut(sorted(key for page in pages for key in page), level), "a page ends at another place")
        return found

    def _page(self, content: bytes, tail: bytes, levels: list[list[list[bytes]]]) -> list[Child]:
        front, back = Cursor(content), Cursor(tail)
        level, count = front.integer(1), front.integer(2)
        shared = front.sized()
        keys = [shared + front.take(size) for size in front.packed(count)]
        longer = {key[: len(shared) + 1] for key in keys}
        check(len(longer) > 1 or longer == {shared}, "less than what all keys begin with")
        levels[level].append(keys)
        numbers = front.packed(count)
        children: list[Child] = []
        if level:
            for key, number in zip(keys, numbers, strict=True):
                below = self.load("P", Pointer(front.take(32), back.take(16)))
                check(below[0][0] == level - 1, "a page of another level")
                found = self._page(*below, levels)
                check(len(found) == number and found[-1].key == key, "number of children below, or the last key")
                children += found
        else:
            ordinals, tails = back.packed(count), back.packed(count)
            for key, size, ordinal, tail_size in zip(keys, numbers, ordinals, tails, strict=True):
                check(size <= EMBEDDED_BYTES, "too large to stand here")
                here, there = front.take(size or 32), back.take(tail_size)
                node = self.node(*((here, there) if size else self._follow("N", Pointer(here, there))))
                children.append(Child(key, ordinal, node))
        front.end()
        back.end()
        return children


def cut(keys: list[bytes], level: int) -> list[list[bytes]]:
    """Return the keys of one level as the pages that they must stand in."""
    thresholds = THRESHOLDS[min(level, 1)]
    pages: list[list[bytes]] = [[]]
    for key in keys:
        pages[-1].append(key)
        salted = zlib.crc32(key) ^ level * 0x85EBCA6B % 2**32
        number = (salted * 0x9E3779B97F4A7C15 % 2**64) >> 32
        if number < thresholds[len(pages[-1]) - 1]:
            pages.append([])
    return pages if pages[-1] else pages[:-1]

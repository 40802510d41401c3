"""The loops in C raise where something is not as it should be, keep nothing alive, and let errors through."""

from __future__ import annotations

import gc
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from itertools import count, product
from typing import Any

import pytest
from tests.native.test_same import Tree

from treering.merkle.chunking import LEAF_THRESHOLDS, cuts
from treering.merkle.place import Place
from treering.objects.columns import pack_keys
from treering.objects.frame import PAGE, hash_content, seal
from treering.objects.native import NATIVE
from treering.objects.page import Inner, Leaf, decode_page
from treering.store.batch import Batch
from treering.store.session import Session

ODD: list[Any] = [None, 0, -1, 2**70, b"", b"P", "text", (), (1, 2), [], [1], {}, object(), int, hash_content]


def odd_pages() -> list[Any]:
    """Return pages that no code of ours makes: slots unset, or of other types, or too short for what they say."""
    bare_inner, bare_leaf = Inner.__new__(Inner), Leaf.__new__(Leaf)
    short = Inner(1, (b"a", b"b"), (1, 1), bytes(64), bytes(16))
    keys = Inner(1, (b"a",), (1,), bytes(32), bytes(16))
    keys.keys = ("a", None)  # type: ignore[assignment]
    index = Inner(1, (b"a",), (1,), bytes(32), bytes(16))
    index.index = (1, 2, 3, 4, 2**80)  # type: ignore[assignment]
    no_keys = Inner(1, (b"a",), (1,), bytes(32), bytes(16))
    del no_keys.keys
    leaf = Leaf((b"a",), (b"\0",), (0,))
    leaf.values = [b"\0"]  # type: ignore[assignment]
    return [bare_inner, bare_leaf, short, keys, index, no_keys, leaf]


@pytest.mark.parametrize("name", ["descend", "with_count", "with_value", "cuts", "pack_keys", "decode_page"])
def test_what_is_odd_is_refused(name: str) -> None:
    function = getattr(NATIVE, name)
    tree = Tree(9, 1)
    given = [*ODD, *odd_pages(), tree.reader, tree.reader.page(tree.root), LEAF_THRESHOLDS]
    tried = refused = 0
    for number in range(5):
        for arguments in product(given, repeat=min(number, 2)):
            tried += 1
            try:
                function(*arguments, *([0, b"k", None][: number - len(arguments)]))
            except (TypeError, ValueError, OverflowError, AttributeError):
                refused += 1
    assert refused > tried // 2


def test_an_odd_batch_is_refused() -> None:
    assert NATIVE is not None
    tree = Tree(9, 1)
    good = [tree.batch, hash_content, seal, PAGE, b"content", b"tail", None, b""]
    NATIVE.put(*good)
    for at in range(len(good)):
        for odd in [*ODD, Batch.__new__(Batch)]:
            if at == 6 or (at == 7 and odd in (b"", b"P")) or (at in {4, 5} and type(odd) is bytes):
                continue
            if (at == 2 and odd is not None) or (at in {2, 3} and odd == b"P") or (at == 1 and odd is hash_content):
                continue
            arguments = [*good[:at], odd, *good[at + 1 :]]
            if at == 2:  # asked only for what is large
                arguments[4] = bytes(1 << 20)
            with pytest.raises(Exception):  # noqa: B017 - any, but no crash
                NATIVE.put(*arguments)
    for trail in ([None], [(1, 2)], [(page, 0) for page in odd_pages()], [(Inner.__new__(Inner), 5)]):
        for added in (0, 1):
            leaf = Leaf((b"a",), (b"\0",), (0,))
            with pytest.raises((TypeError, AttributeError, ValueError)):
                NATIVE.put_path(tree.batch, hash_content, seal, leaf, trail, added, b"")  # type: ignore[arg-type]


class Failing:
    """Stands for a function, and raises at a certain call."""

    def __init__(self, function: Callable[..., Any], at: int) -> None:
        self.function = function
        self.calls = count()
        self.at = at

    def __call__(self, *arguments: Any) -> Any:
        if next(self.calls) == self.at:
            raise KeyboardInterrupt
        return self.function(*arguments)


@pytest.mark.parametrize("at", range(3))
def test_an_interrupt_on_the_way_goes_through(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(60, 1)
    place = Place(tree.reader, tree.root, b"%06d" % 77)
    assert len(place._trail) == 3
    with monkeypatch.context() as patch:
        patch.setattr("treering.store.batch.hash_content", Failing(hash_content, at))
        with pytest.raises(KeyboardInterrupt):
            place.put(b"\0new", 0, tree.batch)
    entries = len(tree.batch.entries)
    place.put(b"\0new", 0, tree.batch)
    assert len(tree.batch.entries) == entries + 3, "the root is small enough to be embedded"
    tree.backend.write_many(tree.batch.entries)
    assert Place(tree.reader, tree.root, b"%06d" % 77).value != b"\0new", "the old tree is as it was"


def test_a_session_without_locations_left() -> None:
    tree = Tree(1, 1)
    session = Session(9, b"salted")
    session.counter = count(2**48 - 1)
    batch = Batch(session, None, tree.reader, tree.batch.base)
    batch.put(PAGE, b"content", b"")
    with pytest.raises(OverflowError):
        batch.put(PAGE, b"content", b"")
    assert len(batch.entries) == 1


def test_an_interrupt_leaves_the_cache_knowing_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(60, 1)
    place = Place(tree.reader, tree.root, b"%06d" % 77)
    monkeypatch.setattr("treering.store.batch.hash_content", Failing(hash_content, 1))
    with pytest.raises(KeyboardInterrupt):
        place.put(b"\0" + b"new" * 100, 0, tree.batch)
    cache = tree.reader.cache
    assert cache._bytes == sum(entry[2] for entry in cache.young.values())


ANOTHER_INTERPRETER = """
import sys
try:
    import _interpreters as interpreters  # Python 3.13 and later
    made = interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters as interpreters
    made = interpreters.create()
import treering.objects.page as page
from treering.objects.native import NATIVE
code = "import sys; sys.path[:] = %r; from treering.objects.native import NATIVE; assert NATIVE is None"
assert interpreters.run_string(made, code % (sys.path,)) is None
interpreters.destroy(made)
leaf = page.Leaf((b"a",), (b"x",), (0,))
assert NATIVE is not None
assert type(page.decode_page(*leaf.encode())) is page.Leaf
assert leaf.with_value(0, b"y", 0).values == (b"y",)
"""


def test_another_interpreter_goes_on_in_python() -> None:
    done = subprocess.run([sys.executable, "-c", ANOTHER_INTERPRETER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_kept_alive() -> None:
    tree = Tree(30, 2)
    leaf = Leaf((b"a", b"bb"), (b"\0", b"\0x"), (1, 2)).encode()
    inner = Inner(1, (b"a", b"bb"), (1, 300), bytes(64), bytes(32))

    def work(turns: int) -> None:
        for _ in range(turns):
            decode_page(*leaf)
            with suppress(ValueError, IndexError, struct.error):
                decode_page(leaf[0][:-1], leaf[1])
            decode_page(*inner.encode())
            cuts([b"a", b"b"] * 40, 0)
            pack_keys(0, (b"aaa", b"aab"))
            inner.with_count(1, 3)
            tree.forget_some()
            place = Place(tree.reader, tree.root, b"%06d" % 5)
            place.put(b"\0new", 7, tree.batch)
            tree.batch.put(PAGE, b"content", b"", object())
            tree.batch.entries.clear()
        tree.reader.forget()
        gc.collect()

    work(50)
    tracemalloc.start()
    try:
        work(20)
        before = tracemalloc.get_traced_memory()[0]
        work(500)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 10_000, "what is not let go of would be 500 objects"

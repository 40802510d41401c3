"""What is killed: a process that forks, for each point, a child that works on a store of its own until it dies.

``strace`` kills at the LIMIT-th system call of a kind, counted in each child; a child makes idle calls first, so that
the one it dies at is the one asked for. So one start of Python and of ``strace`` serves hundreds of points.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

import treering
from treering.opening import open_with
from treering.testing.entropy import FixedEntropy

LIMIT = 400  # more calls of one kind than a child makes

SCHEMA = treering.Schema(
    FileDescriptorSet,
    children={
        "google.protobuf.FileDescriptorSet.file": "name",
        "google.protobuf.FileDescriptorProto.message_type": "name",
    },
)


def file(name: str, version: int, messages: int = 12) -> FileDescriptorProto:
    """Return a child with children of its own, some embedded and some not."""
    made = FileDescriptorProto(name=name, package=f"version {version}", syntax="x" * (version % 3 * 300))
    made.message_type.extend(
        DescriptorProto(name=f"m{number}", reserved_name=["r" * (number * 60)]) for number in range(messages)
    )
    return made


def open_store(url: str, seed: int) -> treering.Repository:
    """Open a store so that every run writes the same bytes."""
    return open_with(
        url, SCHEMA, branch="main", author="", create=True, deadline_seconds=10, entropy=FixedEntropy(seed)
    )


def make_template(url: str) -> None:
    """Write the store that every child starts from: a history with gaps, tags and a dead list left by a crash."""
    with open_store(url, 1) as repo:
        for number in range(12):
            repo.add("/file", file(f"f{number}", number))
        repo.tag("first", "main~11")
        repo.tag("middle", "main~5")
        for number in range(40):
            repo.tag(f"many-{number}", "main~3")
        repo.prune(keep_last=9)


def steps(repo: treering.Repository) -> Iterator[object]:
    """Yield before each step that is one publication, or a few of which the last alone can be seen."""
    for number in range(9):
        yield repo.update(f"/file/f{number}", FileDescriptorProto(name=f"f{number}", package="new"))
        yield repo.replace("/file/f9", file("f9", number, messages=number * 10))
        yield repo.prune(keep_last=12 - number)
    yield repo.tag("last")
    yield repo.delete_tag("middle", *[f"many-{number}" for number in range(40)])
    yield repo.prune(keep_last=2)
    with repo.transaction() as transaction:
        transaction.remove("/file/f5")
        for number in range(10):
            transaction.add("/file", file(f"g{number}", number))
    yield repo.head
    yield repo.tag("first", move=True)
    yield repo.replace("/", FileDescriptorSet(file=[file("f1", 7)]))
    yield repo.prune()
    yield repo.verify(sweep=True)
    yield repo.remove("/file/f1")
    yield repo.delete_tag("first", "last")
    yield repo.prune()
    yield repo.verify(sweep=True)
    yield repo.add("/file", file("end", 1))


def state(repo: treering.Repository) -> str:
    """Return all that a reader can see of the history."""
    return " ".join([commit.id for commit in repo.log()] + [f"{name}={tag.id}" for name, tag in repo.tags.items()])


def idle(call: str, count: int) -> None:
    """Make ``count`` system calls of a kind that do nothing."""
    nothing = os.open("/dev/null", os.O_RDWR)
    calls = {
        "pwrite64": lambda: os.pwrite(nothing, b"", 0),
        "writev": lambda: os.writev(nothing, [b"x"]),
        "pwritev": lambda: os.pwritev(nothing, [b"x"], 0),
    }
    harmless = calls.get(call)
    for _ in range(count):
        try:
            if harmless is not None:
                harmless()
            elif call == "ftruncate":
                os.ftruncate(nothing, 0)
            else:
                os.fdatasync(nothing)
        except OSError:
            continue
    os.close(nothing)


def work(folder: str, seed: int, call: str, point: int) -> None:
    """Go through all steps, acknowledging each on standard output."""
    idle(call, LIMIT - point)
    repo = open_store(f"lmdb:{folder}", seed)
    for number, _ in enumerate(steps(repo), 1):
        os.write(1, b"done %d %s\n" % (number, state(repo).encode()))
    repo.close()


def serve() -> None:
    """Fork a child for each line: folder, kind of call, point. Answer with how it ended."""
    for line in sys.stdin:
        folder, call, point = line.split()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(folder, 2, call, int(point))
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        os.write(1, b"ended %d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve()

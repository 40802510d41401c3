"""Regenerate every committed ``*_pb2.py`` and ``*_pb2.pyi`` from its ``.proto``: ``make generate``.

Needs grpcio-tools at the version pinned in ``requirements/generate.txt``. That version decides the oldest protobuf that
accepts the generated code (protobuf refuses code made for a newer release), so raise both together.
"""

from __future__ import annotations

import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROJECT = Path(__file__).resolve().parents[1]
# Include root -> where its Python goes. The path below the root is the import path, in .proto and in Python.
ROOTS = {"proto": "src", "src": "src", "examples": "examples", "tests/proto": "tests/proto"}


def main() -> int:
    """Generate for every root that has ``.proto`` files; the exit status of the first protoc that fails, or 0."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    includes = [f"-I{PROJECT / root}" for root in ROOTS if (PROJECT / root).is_dir()] + [f"-I{well_known}"]
    for root, output in ROOTS.items():
        sources = sorted(str(path.relative_to(PROJECT / root)) for path in (PROJECT / root).rglob("*.proto"))
        if not sources:
            continue
        target = PROJECT / output
        status: int = protoc.main(["protoc", *includes, f"--python_out={target}", f"--pyi_out={target}", *sources])
        if status:
            return status
        sys.stdout.write("".join(f"{root}/{source}\n" for source in sources))
    return 0


if __name__ == "__main__":
    sys.exit(main())

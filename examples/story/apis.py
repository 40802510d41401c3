"""Chapter 3: schemas that nobody annotated, the API descriptors in the package googleapis-common-protos."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from importlib.metadata import distribution
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet

import treering
from story.folder import size_on_disk, store_url
from story.page import Page, timed

PACKAGE = "googleapis-common-protos"
STATUS = treering.Path("file", "google/rpc/status.proto", "message_type", "Status")
METHODS = treering.Path("file", "google/longrunning/operations.proto", "service", "Operations", "method")

# What a sidecar says: the full name of each field that holds children, and the field of the child that is its key.
CHILDREN = {
    "google.protobuf.FileDescriptorSet.file": "name",
    "google.protobuf.FileDescriptorProto.message_type": "name",
    "google.protobuf.FileDescriptorProto.enum_type": "name",
    "google.protobuf.FileDescriptorProto.service": "name",
    "google.protobuf.FileDescriptorProto.extension": "name",
    "google.protobuf.DescriptorProto.nested_type": "name",
    "google.protobuf.DescriptorProto.enum_type": "name",
    "google.protobuf.DescriptorProto.field": "name",
    "google.protobuf.EnumDescriptorProto.value": "name",
    "google.protobuf.ServiceDescriptorProto.method": "name",
}


def tell(page: Page, folder: Path) -> None:
    """Import the descriptors, read one, edit two, and compare."""
    page.chapter("3. Schemas that nobody annotated")
    files = load_descriptors()
    page.say(
        f"The package {PACKAGE} carries the descriptors of {len(files.file)} .proto files. They cannot be annotated,",
        f"so a sidecar names the {len(CHILDREN)} fields that hold children, messages nested in messages included:",
        "Schema(FileDescriptorSet, children={'google.protobuf.FileDescriptorSet.file': 'name', ...}).",
    )
    schema = treering.Schema(FileDescriptorSet, children=CHILDREN)
    with treering.open(store_url(folder, "apis"), schema, author="ada") as repo:
        _, importing = timed(lambda: repo.replace("/", files, note=f"import of {PACKAGE}"))
        sizes = [_size(repo, folder, f"imported, in {importing:.0f} ms")]
        repo.tag("imported")
        page.table(("what", "nodes"), [(name, f"{number:,}") for name, number in _counts(files)], numbers=("nodes",))
        same = repo.get("/", deep=True) == files
        page.say(
            f"In one commit. A deep read {'equals' if same else 'DIFFERS FROM'} what was put in.",
            "Each of these is a node now; the fields of google.rpc.Status:",
        )
        fields = repo.get(STATUS / "field")
        page.table(
            ("field", "number", "type"),
            [(field.name, field.number, _type_name(field)) for field in fields],
            numbers=("number",),
        )
        _edit(repo, page, folder, sizes)
        page.say(f"The sizes (the descriptors take {files.ByteSize():,} bytes when serialised in one piece):")
        page.table(("after", "nodes", "objects", "on disk"), sizes, numbers=("nodes", "objects", "on disk"))


def load_descriptors() -> FileDescriptorSet:
    """Return the descriptors of every file in the package. ImportError where it is not installed."""
    files = FileDescriptorSet()
    for file in sorted(str(path) for path in distribution(PACKAGE).files or ()):
        if file.endswith(".proto"):
            module = importlib.import_module(file.removesuffix(".proto").replace("/", ".") + "_pb2")
            module.DESCRIPTOR.CopyToProto(files.file.add())
    return files


def _edit(repo: treering.Repository, page: Page, folder: Path, sizes: list[tuple[str, ...]]) -> None:
    field = FieldDescriptorProto(
        name="trace_id", number=4, type=FieldDescriptorProto.TYPE_STRING, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    repo.add(STATUS / "field", field, note="Status gets a trace_id")
    sizes.append(_size(repo, folder, "a field added"))
    method = repo.get(METHODS / "WaitOperation")
    method.options.deprecated = True
    repo.update(METHODS / "WaitOperation", method, note="WaitOperation is deprecated")
    sizes.append(_size(repo, folder, "a method changed"))
    page.say("A field is added to it, and a method of another file deprecated. What differs:")
    rows = [
        (change.kind, "/".join(change.path.segments[-2:]), change.path.segments[1]) for change in repo.diff("imported")
    ]
    page.table(("change", "node", "in"), rows)
    page.say("The same for Status as JSON Patch (RFC 6902), repo.diff('imported', path=...).json_patch():")
    page.show(json.dumps(repo.diff("imported", path=STATUS).json_patch(), indent=2))


def _size(repo: treering.Repository, folder: Path, title: str) -> tuple[str, ...]:
    nodes = sum(number for _, number in _counts(repo.get("/", deep=True)))
    kibibytes = size_on_disk(folder, "apis") / 1024
    return title, f"{nodes:,}", f"{repo.verify().objects:,}", f"{kibibytes:,.0f} KiB"


def _counts(files: FileDescriptorSet) -> list[tuple[str, int]]:
    counts = Counter({"files": len(files.file)})
    for file in files.file:
        counts["extensions"] += len(file.extension)
        counts["services"] += len(file.service)
        counts["methods"] += sum(len(service.method) for service in file.service)
        counts["enums"] += len(file.enum_type)
        counts["enum values"] += sum(len(enum.value) for enum in file.enum_type)
        counts["messages"] += len(file.message_type)
        for message in file.message_type:
            _count_message(message, counts)
    return counts.most_common()


def _count_message(message: DescriptorProto, counts: Counter[str]) -> None:
    counts["fields"] += len(message.field)
    counts["enums"] += len(message.enum_type)
    counts["enum values"] += sum(len(enum.value) for enum in message.enum_type)
    counts["nested messages"] += len(message.nested_type)
    for nested in message.nested_type:
        _count_message(nested, counts)


def _type_name(field: FieldDescriptorProto) -> str:
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    many = "repeated " if field.label == FieldDescriptorProto.LABEL_REPEATED else ""
    return many + (field.type_name.removeprefix(".") or kind)

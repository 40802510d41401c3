"""How the story is set: chapters, sentences and tables that fit 80 columns, on a terminal or in a file."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any, TypeVar

from google.protobuf.message import Message
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import treering

T = TypeVar("T")
MAX_WIDTH = 100  # longer lines are hard to read
GAP = 3  # columns between two cells of a table
MAX_CHANGES = 12  # in one table


class Page:
    """Where the story is told."""

    def __init__(self) -> None:
        console = Console(highlight=False)
        self._console = Console(highlight=False, width=min(console.width, MAX_WIDTH))

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._console.print()
        self._console.print(Text(title, style="bold"))
        self._console.print(Text("=" * len(title), style="dim"))

    def say(self, *sentences: str) -> None:
        """Print a paragraph. A word longer than a line, such as a path, is not broken."""
        width = self._console.width
        lines = textwrap.wrap(" ".join(sentences), width, break_long_words=False, break_on_hyphens=False)
        self.show("\n".join(lines))

    def show(self, text: str) -> None:
        """Print lines as they are, so that they can be copied."""
        self._console.print()
        self._console.print(Text(text), soft_wrap=True)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        numbers: Sequence[str] = (),
        cut: str = "",
        wrap: str = "",
    ) -> None:
        """Print a table. Where it is too wide, cells of column ``cut`` lose their end and those of ``wrap`` take lines.

        The columns in ``numbers`` stand to the right.
        """
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name, justify="right" if name in numbers else "left", no_wrap=name != wrap)
        texts = [[str(cell) for cell in row] for row in rows]
        if cut:
            column = list(columns).index(cut)
            widths = [max(map(len, cells)) for cells in zip(columns, *texts, strict=True)]
            room = self._console.width - (sum(widths) - widths[column]) - GAP * (len(columns) - 1)
            for cells in texts:
                cells[column] = self._cut(cells[column], room)
        for cells in texts:
            table.add_row(*map(Text, cells))
        self._console.print()
        self._console.print(table)

    def changes(self, diff: treering.Diff, schema: treering.Schema) -> None:
        """Print what differs."""
        changes = list(diff)
        rows = [(change.kind, change.path, describe(change, schema)) for change in changes[:MAX_CHANGES]]
        self.table(("change", "path", "what"), rows, cut="what")
        if len(changes) > MAX_CHANGES:
            self.say(f"... and {len(changes) - MAX_CHANGES:,} more")

    def _cut(self, text: str, room: int) -> str:
        end = "\N{HORIZONTAL ELLIPSIS}" if self._console.encoding.startswith("utf") else "..."
        return text if len(text) <= room else text[: room - len(end)].rstrip() + end


def describe(change: treering.Change, schema: treering.Schema) -> str:
    """Say in a line what a change is: the fields that differ, or what came or went. Nothing sensitive is shown."""
    old, new = change.old, change.new
    if isinstance(old, Message) and isinstance(new, Message):
        return ", ".join(_iter_differences(old, new, schema))
    message = new if change.kind == "add" else old
    if isinstance(message, Message):
        return f"{message.DESCRIPTOR.name}: {_fields(message, schema)}"
    return "the list is another"


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """Call a function; return its result and the milliseconds it took."""
    start = perf_counter()
    result = function()
    return result, (perf_counter() - start) * 1000


def _iter_differences(old: Message, new: Message, schema: treering.Schema, prefix: str = "") -> Iterator[str]:
    for field in old.DESCRIPTOR.fields:
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        if isinstance(before, Message) and field.full_name not in schema.sensitive:
            yield from _iter_differences(before, after, schema, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name} {_shown(field, before, schema)} -> {_shown(field, after, schema)}"


def _fields(message: Message, schema: treering.Schema) -> str:
    return ", ".join(f"{field.name} {_shown(field, value, schema)}" for field, value in message.ListFields())


def _shown(field: Any, value: Any, schema: treering.Schema) -> str:  # Any: types-protobuf has two FieldDescriptors
    if field.full_name in schema.sensitive:
        return "(not shown)"
    if field.is_repeated:
        return f"({len(value)})"
    if isinstance(value, Message):
        return f"({_fields(value, schema)})"
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    return repr(value)

"""Paths: the steps from the root of a tree to a node.

A path is kept as text segments in one canonical form, so that equal paths are equal strings: percent-encoded where a
character would be read as syntax (``/ % , [ ]``) or cannot be seen (controls, unassigned, bytes that are not UTF-8).
Everything else, spaces and letters of any script, stays readable. No Unicode normalisation takes place.

What a segment means (a field's name, a key, of which type) only the schema can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from treering.errors import InvalidPath

# A path, or a component of a segment, that is canonical as it stands: no decoding, no look at single characters.
_PLAIN_PATH: Final = re.compile(r"(?:/(?:[ -$&-.0-Z\\^-~]++|%(?:2[5CF]|5[BD]))++)++").fullmatch
_PLAIN_COMPONENT: Final = re.compile(r"[ -$&-+\-.0-Z\\^-~]+").fullmatch
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_NAMED_SEGMENT: Final = re.compile(r"(?:\[[^\[\]=]+=[^\[\]]+\])+").fullmatch
_NAMED_PAIR: Final = re.compile(r"\[([^=]+)=([^\]]+)\]").findall
_GNMI_KEY: Final = re.compile(r"\[((?:[^\\\[\]=]|\\.)+)=((?:[^\\\]]|\\.)+)\]", re.DOTALL).findall
_GNMI_ELEMENT: Final = re.compile(
    r"/((?:[^\\/\[\]]|\\.)+)((?:\[(?:[^\\\[\]=]|\\.)+=(?:[^\\\]]|\\.)+\])*)", re.DOTALL
).match
_GNMI_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL).sub
_SYNTAX: Final = {ord(char): f"%{ord(char):02X}" for char in "/%,[]"}


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A composite key whose components were given by name, in no certain order, as gNMI does.

    ``pairs``: (name of the key field, value), sorted by name. Only the schema knows the order of the components, so a
    path with such a step is equal to the plain one only after the schema has resolved it. Its text is
    ``[name=Ethernet1%2F2][zone=b]``, which ``Path.parse`` reads back.
    """

    pairs: tuple[tuple[str, str | bytes], ...]


Step = str | bytes | tuple[str | bytes, ...] | NamedKey


class Path:
    """The steps from the root to a node; immutable and hashable, and every step is kept as text.

    ``Path("ports", 7) == Path.parse("/ports/7")``. A step is a str, an int (an enum's number too), a bool (``true`` or
    ``false``), bytes (``%FF`` where they are not text), a tuple of these for a composite key, a `NamedKey`, or a Path,
    whose steps are taken in. ``.`` and ``..`` are keys like any other.

    Raises InvalidPath for an empty step or one of another type.

    >>> path = Path("interfaces", "Ethernet1/2")
    >>> str(path), path == Path.parse(str(path)), list(path)
    ('/interfaces/Ethernet1%2F2', True, ['interfaces', 'Ethernet1/2'])
    """

    __slots__ = ("segments",)

    segments: tuple[str, ...]

    def __init__(self, *steps: object) -> None:
        segments: list[str] = []
        for step in steps:
            if isinstance(step, Path):
                segments += step.segments
            else:
                segments.append(encode_step(step))
        _set_segments(self, tuple(segments))

    @classmethod
    def of(cls, value: object) -> Path:
        """Take what a caller may give for a path: a Path, its text, or a tuple of steps. Raises InvalidPath."""
        if type(value) is str:
            return _parse(value)
        if isinstance(value, Path):
            return value
        if isinstance(value, str):
            return _parse(str(value))
        if isinstance(value, tuple):
            return cls(*value)
        raise InvalidPath("a path is a string, a Path or a tuple of steps", path=value)

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read the text of a path: percent-encoded segments, each after a ``/``.

        The first slash may be missing; ``/`` and the empty text are the root. Raises InvalidPath for a bad percent
        escape and for an empty segment, also after a trailing slash: an empty key in a formatted path must not name the
        container instead.
        """
        if not isinstance(text, str):
            raise InvalidPath("the text of a path is a str", path=text)
        return _parse(text)

    @classmethod
    def gnmi(cls, text: str) -> Path:
        r"""Read a path as gNMI writes it: ``/interfaces/interface[name=Ethernet1/2]``.

        A key in brackets becomes a step of its own. The name of a single key is not kept; several keys of one element
        may come in any order and become one step with their names, a `NamedKey`. ``\]`` and ``\\`` are escapes.
        Raises InvalidPath.
        """
        return _of_segments(tuple(_gnmi_segments(text)))

    @property
    def parent(self) -> Path:
        """The path without its last step; the root's parent is the root."""
        return _of_segments(self.segments[:-1])

    def child(self, segment: str) -> Path:
        """Append a segment known to be canonical (a field's name, a key as its codec writes it); it is not checked."""
        return _of_segments((*self.segments, segment))

    def starts_with(self, other: Path) -> bool:
        """Tell whether ``other`` is this path or one above it."""
        return self.segments[: len(other.segments)] == other.segments

    def __truediv__(self, step: object) -> Path:
        if isinstance(step, Path):
            return _of_segments(self.segments + step.segments)
        return _of_segments((*self.segments, encode_step(step)))

    def __iter__(self) -> Iterator[Step]:
        """Yield the decoded steps: str, bytes where not UTF-8, a tuple for a composite key, or a NamedKey."""
        return map(decode_step, self.segments)

    def __len__(self) -> int:
        return len(self.segments)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Path):
            return self.segments == other.segments
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.segments)

    def __str__(self) -> str:
        return "/" + "/".join(self.segments)

    def __repr__(self) -> str:
        return f"Path.parse({str(self)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _of_segments, (self.segments,)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Path cannot be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Path cannot be changed: {name}")


def encode_step(step: object) -> str:
    """Turn one step into its canonical segment. Raises InvalidPath for an empty one and for a type that is no step."""
    if isinstance(step, tuple):
        segment = ",".join([encode_component(part) for part in step])
    elif isinstance(step, NamedKey):
        segment = _encode_named(step.pairs)
    else:
        segment = encode_component(step)
    if not segment:
        raise InvalidPath("a step of a path is empty", path=step)
    return segment


def encode_component(part: object) -> str:
    """Turn one key (str, bytes, int, bool), or one component of a key, into canonical text. Raises InvalidPath."""
    if isinstance(part, str):
        text = str.__str__(part)
        if _PLAIN_COMPONENT(text):
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidPath("a step of a path is not valid Unicode", path=text) from None
        return _escape(text)
    if isinstance(part, bool):
        return "true" if part else "false"
    if isinstance(part, int):
        return str(int(part))
    if isinstance(part, bytes):
        return _escape(part.decode(errors="surrogateescape"))
    raise InvalidPath("a step of a path is a str, bytes, an int, a bool or a tuple of these", path=part)


def decode_step(segment: str) -> Step:
    """Undo `encode_step`: str, bytes where not UTF-8, a tuple if the segment has several components, or a NamedKey."""
    if segment.startswith("["):
        return NamedKey(_decode_named(segment))
    if "," in segment:
        return tuple(map(decode_component, segment.split(",")))
    return decode_component(segment)


def decode_component(text: str) -> str | bytes:
    """Decode canonical text without regard to commas: str, or bytes where they are not UTF-8."""
    text = text.replace("%2F", "/")  # by far the most frequent; the percent sign itself is never left as it is
    if "%" not in text:
        return text
    raw = unquote_to_bytes(text)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _escape(text: str) -> str:
    text = text.translate(_SYNTAX)
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else _escape_char(char) for char in text])


def _escape_char(char: str) -> str:
    return "".join([f"%{byte:02X}" for byte in char.encode(errors="surrogateescape")])


def _encode_named(pairs: tuple[tuple[str, str | bytes], ...]) -> str:
    encoded = {encode_component(name).replace("=", "%3D"): encode_component(value) for name, value in pairs}
    segment = "".join([f"[{name}={encoded[name]}]" for name in sorted(encoded)])
    if len(encoded) != len(pairs) or (pairs and not _NAMED_SEGMENT(segment)):
        raise InvalidPath("a key's components have names, each its own, and values", path=segment)
    return segment


def _decode_named(segment: str) -> tuple[tuple[str, str | bytes], ...]:
    return tuple((unquote_to_bytes(name).decode(), decode_component(value)) for name, value in _NAMED_PAIR(segment))


def _canonical(segment: str) -> str:
    """Bring a segment that somebody wrote into canonical form."""
    if not segment:
        raise InvalidPath("a path has an empty segment", path=segment)
    if _BAD_ESCAPE(segment):
        raise InvalidPath("a percent sign in a path must start an escape such as %2F", path=segment)
    if "[" in segment or "]" in segment:
        if not _NAMED_SEGMENT(segment):
            raise InvalidPath("brackets in a path are written %5B and %5D; for gNMI there is Path.gnmi", path=segment)
        try:
            return _encode_named(_decode_named(segment))
        except UnicodeError:
            raise InvalidPath("the name of a key is not valid Unicode", path=segment) from None
    try:
        parts = map(unquote_to_bytes, segment.split(","))
        return ",".join([_escape(part.decode(errors="surrogateescape")) for part in parts])
    except UnicodeEncodeError:
        raise InvalidPath("a path is not valid Unicode", path=segment) from None


def _parse(text: str) -> Path:
    if _PLAIN_PATH(text):
        return _of_segments(tuple(text[1:].split("/")))
    if text in {"", "/"}:
        return ROOT
    try:
        return _of_segments(tuple(map(_canonical, text.removeprefix("/").split("/"))))
    except InvalidPath as error:
        raise InvalidPath(error.message, path=text) from None


def _gnmi_segments(text: str) -> Iterator[str]:
    """Yield the canonical segments of a gNMI path: per element its name, then its keys as one segment."""
    rest = text if text.startswith("/") else f"/{text}"
    position = 0
    while position < len(rest) and rest != "/":
        element = _GNMI_ELEMENT(rest, position)
        if element is None:
            raise InvalidPath("a gNMI path is made of /name and [key=value]", path=text)
        position = element.end()
        keys = [(_gnmi_unescape(name), _gnmi_unescape(value)) for name, value in _GNMI_KEY(element[2])]
        yield encode_component(_gnmi_unescape(element[1]))
        if len(keys) == 1:
            yield encode_component(keys[0][1])
        elif keys:
            yield _encode_named(tuple(keys))


def _gnmi_unescape(text: str) -> str:
    return _GNMI_ESCAPE(r"\1", text) if "\\" in text else text


def _of_segments(segments: tuple[str, ...]) -> Path:
    path = _new_path(Path)
    _set_segments(path, segments)
    return path


_new_path = object.__new__
_set_segments = vars(Path)["segments"].__set__  # the slot itself: __setattr__ refuses
ROOT: Final = Path()

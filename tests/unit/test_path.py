from __future__ import annotations

import copy
import enum
import pickle

import pytest

from treering.errors import InvalidPath
from treering.path import ROOT, NamedKey, Path


class Color(enum.IntEnum):
    RED = 1


class Word(enum.StrEnum):
    PORTS = "ports"


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((), "/"),
        (("ports", 7), "/ports/7"),
        (("ports", -7), "/ports/-7"),
        (("ports", True), "/ports/true"),
        (("ports", False), "/ports/false"),
        (("ports", Color.RED), "/ports/1"),
        ((Word.PORTS,), "/ports"),
        (("interfaces", "Ethernet1/2"), "/interfaces/Ethernet1%2F2"),
        (("zones", "a,b"), "/zones/a%2Cb"),
        (("zones", ("a", "b")), "/zones/a,b"),
        (("zones", ("a,b", 3, True, b"\xff")), "/zones/a%2Cb,3,true,%FF"),
        (("100%",), "/100%25"),
        (("[x]",), "/%5Bx%5D"),
        (("a b", " c "), "/a b/ c "),
        ((".", ".."), "/./.."),
        (("Köln", "東京"), "/Köln/東京"),
        (("a\nb\x00",), "/a%0Ab%00"),
        (("\u00a0",), "/%C2%A0"),
        ((b"abc", b"\xff/\x00"), "/abc/%FF%2F%00"),
        (("a", Path("b", "c"), "d"), "/a/b/c/d"),
        ((NamedKey((("zone", "b"), ("name", "a=/"))),), "/[name=a=%2F][zone=b]"),
    ],
)
def test_text_of_steps(steps: tuple[object, ...], text: str) -> None:
    path = Path(*steps)
    assert str(path) == text
    assert Path.parse(text) == path
    assert Path(*path) == path
    assert Path.of(steps) == path
    assert hash(Path.parse(text)) == hash(path)


def test_decoded_steps() -> None:
    path = Path.parse("/a%2Fb/c,d%2C/%FF/é/7/%2525")
    assert list(path) == ["a/b", ("c", "d,"), b"\xff", "é", "7", "%25"]
    assert len(path) == 6
    assert path.segments == ("a%2Fb", "c,d%2C", "%FF", "é", "7", "%2525")


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("ports/7", "/ports/7"),
        ("", "/"),
        ("/", "/"),
        ("/%61%2fb", "/a%2Fb"),
        ("/%c3%a9", "/é"),
        ("/a\tb", "/a%09b"),
        ("/[b=1][a=%5d]", "/[a=%5D][b=1]"),
        ("/a,,b", "/a,,b"),
    ],
)
def test_parse_brings_text_to_one_form(given: str, canonical: str) -> None:
    assert str(Path.parse(given)) == canonical
    assert Path.parse(given) == Path.parse(canonical)


@pytest.mark.parametrize(
    "text",
    [
        *("//", "/a//b", "/a/", "/ports/", "/%", "/a%2", "/%zz", "/[", "/a]b", "/x[a=1]", "/[a]", "/[=1]"),
        *("/[a=1][a=2]", "/[%FF=1]", "/\ud800", "/\ud800%41"),
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(InvalidPath) as error:
        Path.parse(text)
    assert error.value.facts["path"] == text


@pytest.mark.parametrize("step", ["", b"", (), ("",), None, 1.5, ["a"], ("a", None), "\ud800", NamedKey(())])
def test_steps_refused(step: object) -> None:
    with pytest.raises(InvalidPath):
        Path("a", step)
    with pytest.raises(InvalidPath):
        Path("a") / step


@pytest.mark.parametrize("value", [None, 7, ["a"], b"/a"])
def test_of_refuses_what_is_no_path(value: object) -> None:
    with pytest.raises(InvalidPath):
        Path.of(value)
    with pytest.raises(InvalidPath):
        Path.parse(value)  # type: ignore[arg-type]


def test_of_takes_a_path_as_it_is() -> None:
    path = Path("a")
    assert Path.of(path) is path
    assert Path.of(Word.PORTS) == Path("ports")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/interfaces/interface[name=Ethernet1/2]", Path("interfaces", "interface", "Ethernet1/2")),
        ("interfaces/interface[name=Ethernet1/2]/state", Path("interfaces", "interface", "Ethernet1/2", "state")),
        ("/", ROOT),
        ("", ROOT),
        (r"/a[k=x\]y\\z]", Path("a", r"x]y\z")),
        ("/a[k=[x]", Path("a", "[x")),
        (r"/a\/b\[c", Path("a/b[c")),
        ("/a[k=x=y]", Path("a", "x=y")),
        ("/l[b=2][a=1]/x", Path("l", NamedKey((("a", "1"), ("b", "2"))), "x")),
    ],
)
def test_gnmi(text: str, path: Path) -> None:
    assert Path.gnmi(text) == path
    assert Path.parse(str(path)) == path


def test_gnmi_keys_come_in_any_order() -> None:
    assert Path.gnmi("/l[b=2][a=1]") == Path.gnmi("/l[a=1][b=2]")
    assert str(Path.gnmi("/l[b=2][a=1]")) == "/l/[a=1][b=2]"


@pytest.mark.parametrize(
    "text", ["//", "/a/", "/a[b]", "/a[b=", "/a[=c]", "/a[b=]", "/a]", "/[b=c]", "/a[b=1][b=2]", "/a[b=1]c"]
)
def test_gnmi_refuses(text: str) -> None:
    with pytest.raises(InvalidPath):
        Path.gnmi(text)


def test_moving_around() -> None:
    path = Path("devices") / "as7712" / Path("ports", 7)
    assert str(path) == "/devices/as7712/ports/7"
    assert path.parent == Path("devices", "as7712", "ports")
    assert ROOT.parent == ROOT
    assert path.child("x%2Fy") == path / "x/y"
    assert path.starts_with(path)
    assert path.starts_with(ROOT)
    assert path.starts_with(Path("devices"))
    assert not Path("devices").starts_with(path)
    assert not Path("devices2").starts_with(Path("devices"))
    assert bool(ROOT)


def test_other_types_are_not_equal() -> None:
    assert Path("a") != "/a"
    assert Path("a") != ("a",)


def test_immutable_and_copyable() -> None:
    path = Path("a", "b/c")
    with pytest.raises(AttributeError):
        path.segments = ()
    with pytest.raises(AttributeError):
        del path.segments
    assert copy.deepcopy(path) == path
    assert pickle.loads(pickle.dumps(path)) == path
    assert eval(repr(path)) == path

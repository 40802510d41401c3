from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from treering.errors import InvalidPath
from treering.path import NamedKey, Path

texts = st.text(min_size=1)
scalars = st.one_of(texts, st.binary(min_size=1))
named = st.dictionaries(texts, scalars, min_size=1, max_size=3).map(lambda pairs: NamedKey(tuple(pairs.items())))
composites = st.lists(st.one_of(texts, st.binary(), st.integers(), st.booleans()), min_size=2, max_size=4).map(tuple)
steps = st.lists(st.one_of(scalars, st.integers(), st.booleans(), composites, named), max_size=4)


@given(steps)
def test_text_round_trips(given_steps: list[object]) -> None:
    path = Path(*given_steps)
    text = str(path)
    again = Path.parse(text)
    assert again == path
    assert str(again) == text
    assert Path(*path) == path
    assert len(path) == len(given_steps)
    assert text.isprintable()


@given(st.lists(scalars, max_size=4))
def test_steps_come_back(given_steps: list[str | bytes]) -> None:
    def raw(step: object) -> object:
        return step.encode() if isinstance(step, str) else step

    assert [raw(step) for step in Path(*given_steps)] == [raw(step) for step in given_steps]


@given(st.lists(scalars, max_size=3), st.lists(scalars, max_size=3))
def test_different_steps_are_different_paths(one: list[str | bytes], other: list[str | bytes]) -> None:
    raw = [[step.encode() if isinstance(step, str) else step for step in steps_] for steps_ in (one, other)]
    assert (Path(*one) == Path(*other)) == (raw[0] == raw[1])


@given(st.text())
def test_any_text_parses_or_is_refused(text: str) -> None:
    for read in (Path.parse, Path.gnmi):
        try:
            path = read(text)
        except InvalidPath:
            continue
        assert Path.parse(str(path)) == path

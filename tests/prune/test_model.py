"""The rules of publication, prune and sweep, on their own: a store of locations, and actors that stop anywhere.

A commit is three pages at three places. Actors are generators that yield before each look at, or change of, the store,
so a schedule may interleave them at will, let one stall, or crash it. After every step all that the root leads to must
be stored; at the end, one prune and one sweep must leave nothing else. ``Rules`` names what makes that true: each rule
turned off loses data in some schedule.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import pytest

PLACES = "abc"
SCHEDULES = 1_500


@dataclass(frozen=True)
class Rules:
    """What the implementation holds to."""

    grafts_are_neighbours: bool = True  # what an earlier prune left side by side counts as adjacent
    locations_are_new: bool = True  # no page is taken over from elsewhere because its content is equal
    floor_at_every_root_read: bool = True  # not only after a lost compare-and-set
    proof_by_the_root_compared_with: bool = True  # that a commit to be named is still in history


class Location(NamedTuple):
    session: int
    number: int


class Page(NamedTuple):
    location: Location
    content: int


@dataclass(frozen=True)
class Commit:
    location: Location
    parent: Commit | None
    pages: tuple[Page, ...]

    @property
    def reach(self) -> set[Location]:
        return {self.location, *(page.location for page in self.pages)}


@dataclass(frozen=True)
class Root:
    """The one value that is moved by compare-and-set."""

    head: Commit
    version: int = 0
    tags: tuple[Commit, ...] = ()
    grafts: Mapping[Location, Commit | None] = field(default_factory=dict)
    dead: frozenset[Location] = frozenset()
    next_session: int = 2
    floor: int = 0

    def below(self, commit: Commit) -> Commit | None:
        return self.grafts.get(commit.location, commit.parent)

    @property
    def line(self) -> list[Commit]:
        """History, newest first."""
        found, commit = [], self.head
        while commit is not None:
            found.append(commit)
            commit = self.below(commit)
        return found

    @property
    def reach(self) -> set[Location]:
        return set().union(*(commit.reach for commit in self.line))


class Lost(AssertionError):
    """Something is gone that must stay, or still there though it must go."""


class World:
    """A store, and what an onlooker knows of it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.numbers = itertools.count()
        first = Commit(self.new(1), None, tuple(Page(self.new(1), 0) for _ in PLACES))
        self.root = Root(first)
        self.stored = first.reach
        self.ever_reached = set(first.reach)
        self.acknowledged: list[Commit] = []
        self.pruned: set[Location] = set()

    def new(self, session: int) -> Location:
        return Location(session, next(self.numbers))

    def move(self, expected: Root, **changes: object) -> bool:
        """Compare and set."""
        if self.root is not expected:
            return False
        self.root = replace(expected, version=expected.version + 1, **changes)  # type: ignore[arg-type]
        self.ever_reached |= self.root.reach
        return True

    def check(self) -> None:
        """Nothing is missing: no object, no acknowledged commit."""
        if not self.root.reach <= self.stored:
            raise Lost("an object that the root leads to")
        line = self.root.line
        if any(commit not in line for commit in self.root.tags):
            raise Lost("a tagged commit")
        if any(commit not in line and commit.location not in self.pruned for commit in self.acknowledged):
            raise Lost("an acknowledged commit")
        if any(commit.location in self.pruned for commit in line):
            raise Lost("a pruned commit came back")

    # Actors

    def writer(self, chance: random.Random, commits: int) -> Iterator[None]:
        session = 0
        for _ in range(commits):
            lost = False
            while True:
                yield
                root = self.root
                is_checked = self.rules.floor_at_every_root_read or lost
                if session == 0 or (is_checked and session < root.floor):
                    yield
                    if self.move(root, next_session=root.next_session + 1):
                        session = root.next_session
                    continue
                pages = list(root.head.pages)
                at, content = chance.randrange(len(PLACES)), chance.randrange(3)
                equal = [commit.pages[at] for commit in root.line if commit.pages[at].content == content]
                if self.rules.locations_are_new or not equal:
                    pages[at] = Page(self.new(session), content)
                    yield
                    self.stored.add(pages[at].location)
                else:
                    pages[at] = equal[0]
                commit = Commit(self.new(session), root.head, tuple(pages))
                yield
                self.stored.add(commit.location)
                yield
                if self.move(root, head=commit):
                    self.acknowledged.append(commit)
                    break
                lost = True

    def tagger(self, chance: random.Random, times: int) -> Iterator[None]:
        for _ in range(times):
            yield
            chosen, drop = chance.choice(self.root.line), chance.random() < 0.5
            done = False
            while not done:
                yield
                root = self.root
                if drop:
                    tags = tuple(tag for tag in root.tags if tag is not chosen)
                elif chosen in root.line or not self.rules.proof_by_the_root_compared_with:
                    tags = (*(tag for tag in root.tags if tag is not chosen), chosen)
                else:
                    break
                yield
                done = self.move(root, tags=tags)

    def pruner(self, chance: random.Random, times: int) -> Iterator[None]:
        for _ in range(times):
            keep_last, cut = chance.choice([1, 1, 2]), False
            while not cut:
                yield
                root = self.root
                dropped, grafts, dead = self.plan(root, keep_last)
                yield
                cut = self.move(root, grafts=grafts, dead=root.dead | dead)
            self.pruned |= {commit.location for commit in dropped}
            yield from self.burial()

    def plan(self, root: Root, keep_last: int) -> tuple[list[Commit], dict[Location, Commit | None], set[Location]]:
        """Return the commits to drop, the grafts without them, and the locations that go."""
        line = root.line
        kept = [commit for at, commit in enumerate(line) if at < keep_last or commit in root.tags]
        dropped = [commit for commit in line if commit not in kept]
        grafts = dict(root.grafts)
        dead: set[Location] = set()
        for above, below in itertools.zip_longest(kept, kept[1:]):
            end = line.index(below) if below else len(line)
            run = line[line.index(above) + 1 : end]
            if not run:
                continue
            grafts[above.location] = below
            neighbours = [above]
            if below and (self.rules.grafts_are_neighbours or run[-1].parent is below):
                neighbours.append(below)
            dead |= set().union(*(commit.reach for commit in run)).difference(*(each.reach for each in neighbours))
        for commit in dropped:
            grafts.pop(commit.location, None)
        return dropped, grafts, dead

    def burial(self) -> Iterator[None]:
        """Delete what the root names as dead, then have it forget that."""
        yield
        dead = self.root.dead
        for location in sorted(dead):
            yield
            self.stored.discard(location)
        while dead & self.root.dead:
            yield
            root = self.root
            yield
            self.move(root, dead=root.dead - dead)

    def sweeper(self) -> Iterator[None]:
        floor = 0
        while not floor:
            yield
            root = self.root
            yield
            if self.move(root, floor=root.next_session):
                floor = root.next_session
        yield
        marked = self.root.reach | self.root.dead
        yield
        for location in sorted(self.stored):
            if location not in marked and location.session < floor:
                yield
                self.stored.discard(location)

    def finish(self) -> None:
        """After all that happened, one prune and one sweep leave what the root leads to, and nothing else."""
        for _ in self.pruner(random.Random(0), 1):
            self.check()
        if self.stored & self.ever_reached != self.root.reach:
            raise Lost("a prune left something that only pruned commits held")
        for _ in self.sweeper():
            self.check()
        if self.stored != self.root.reach or self.root.dead:
            raise Lost("a sweep left something that nothing leads to")


def run_at_random(rules: Rules, seed: int) -> None:
    """Two writers and all others, stepping in random turns; some stall for long, some crash and start again."""
    chance = random.Random(seed)
    world = World(rules)
    makers: list[Callable[[], Iterator[None]]] = [
        lambda: world.writer(chance, 4),
        lambda: world.writer(chance, 4),
        lambda: world.tagger(chance, 4),
        lambda: world.pruner(chance, 3),
        world.sweeper,
    ]
    actors = [make() for make in makers]
    weights = [chance.choice([1, 1, 1, 0.05, 5]) for _ in actors]
    crash = chance.choice([0, 0.01, 0.05])
    while actors:
        (at,) = chance.choices(range(len(actors)), weights)
        is_over = next(actors[at], "over") == "over"
        world.check()
        if is_over or chance.random() < crash:
            actors.pop(at)
            weights.pop(at)
            if not is_over and chance.random() < 0.7:
                actors.append(chance.choice(makers)())
                weights.append(1)
    world.finish()


def test_nothing_is_lost_and_nothing_is_left() -> None:
    for seed in range(SCHEDULES):
        run_at_random(Rules(), seed)


@pytest.mark.parametrize("rule", list(Rules.__dataclass_fields__))
def test_each_rule_is_needed(rule: str) -> None:
    with pytest.raises(Lost):
        for seed in range(SCHEDULES):
            run_at_random(replace(Rules(), **{rule: False}), seed)


ACTORS: dict[str, Callable[[World, random.Random], Iterator[None]]] = {
    "writer": lambda world, chance: world.writer(chance, 2),
    "tagger": lambda world, chance: world.tagger(chance, 2),
    "pruner": lambda world, chance: world.pruner(chance, 1),
    "sweeper": lambda world, _: world.sweeper(),
}


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("other", ACTORS)
@pytest.mark.parametrize("one", ACTORS)
def test_every_place_to_stall_or_to_crash(one: str, other: str, crashes: bool) -> None:
    """One actor stops at each of its steps; the other does all of its work, or stops too; then the first goes on."""
    for seed in range(3):
        for stop, other_stop in itertools.product(range(20), [*range(14), 1_000]):
            chance = random.Random(seed)
            world = World(Rules())
            for make, times in ((world.writer, 4), (world.tagger, 2), (world.pruner, 1), (world.writer, 2)):
                for _ in make(chance, times):
                    world.check()
            first, second = ACTORS[one](world, chance), ACTORS[other](world, chance)
            rest = () if crashes else (first, second)
            for steps in (itertools.islice(first, stop), itertools.islice(second, other_stop), *rest):
                for _ in steps:
                    world.check()
            world.finish()

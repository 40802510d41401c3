"""Tables: the marked sections of docs/performance.md, and a short one for the terminal. Prose is left alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import budget
from benchmarks.budget import Row
from benchmarks.result import Result, Run
from benchmarks.stores import KINDS
from benchmarks.workloads import machine, stores

_RIVALRY = ("single", "batch", "build", "reading", "writers")  # where contenders do the same work
_STORES = {name for kind in KINDS for name in (kind.name, stores.RAW_NAME.format(kind.name))}
_TIMES = {"µs", "ms", "µs/child", "1,000 children/s"}
_MARKED = re.compile(r"<!-- measured: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def write(run: Run, page: Path) -> None:
    """Put the tables of a run into the sections of a page that are marked for them."""
    text = page.read_text(encoding="utf-8")

    def fill(found: re.Match[str]) -> str:
        name = found.group(1)
        made = _plot(page, name) if name in PLOTS else SECTIONS[name](run)
        return f"<!-- measured: {name} -->\n{made.strip()}\n<!-- end -->"

    page.write_text(_MARKED.sub(fill, text), encoding="utf-8")


def show(run: Run) -> None:
    """Print the budgets."""
    table = Table(title="treering beside its budgets")
    for name in ("what", "N", "budget", "measured", "ratio", ""):
        table.add_column(name, justify="left" if name in {"what", ""} else "right")
    for row in [*budget.design_rows(run), *budget.goal_rows(run), *budget.growth_rows(run)]:
        if row.ratio is not None and row.measured is not None:
            style = "green" if row.ratio <= 1 else "red"
            cells = (_with_unit(row.budget, row.unit), _with_unit(row.measured, row.unit))
            table.add_row(row.what, f"{row.n:,}", *cells, f"{row.ratio:.2f}", f"[{style}]{row.verdict.strip('*')}[/]")
    Console().print(table)


def number(value: float) -> str:
    """Write a number with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _budgets(run: Run) -> str:
    return _rows(budget.design_rows(run), "budget", machine.slowness(run))


def _goals(run: Run) -> str:
    return _rows(budget.goal_rows(run), "goal")


def _growth(run: Run) -> str:
    return _rows(budget.growth_rows(run), "at most")


def _rows(rows: Iterable[Row], bound: str, slowness: float | None = None) -> str:
    """Write bounds and what was measured. ``slowness``: of this machine; a column more, for what takes its time."""
    heads = ["", "N", bound, "measured", f"measured / {bound}"]
    if slowness:
        heads.append(f"at the other's speed, / {bound}")
    lines = [f"| {' | '.join(heads)} | |", f"|---|{'---:|' * (len(heads) - 1)}---|"]
    for row in rows:
        measured = "" if row.measured is None else _with_unit(row.measured, row.unit)
        ratio = "" if row.measured is None else f"{row.measured / row.budget:.2f}"
        limit = ("at least " if row.more_is_better else "") + _with_unit(row.budget, row.unit)
        if slowness:
            ratio += f" | {_at_speed(row, slowness)}"
        lines.append(f"| {row.what} | {row.n:,} | {limit} | {measured} | {ratio} | {row.verdict} |")
    return "\n".join(lines)


def _at_speed(row: Row, slowness: float) -> str:
    """Return measured over budget on a machine faster by ``slowness``; empty for what takes more than a processor."""
    if row.measured is None or row.unit not in _TIMES:
        return ""
    return f"{row.measured / row.budget * (slowness if row.more_is_better else 1 / slowness):.2f}"


def _section(prefix: str) -> Callable[[Run], str]:
    """Return what writes all workloads of the sections that begin with a prefix."""

    def write_section(run: Run) -> str:
        chosen = [result for result in run.results if result.section.startswith(prefix)]
        parts = []
        for section in dict.fromkeys(result.section for result in chosen):
            ours = [result for result in chosen if result.section == section]
            title = section.partition(", ")[2]
            parts.append(_compare(ours, title))
        return "\n\n".join(parts) or "Not measured in this run."

    return write_section


def _compare(results: list[Result], title: str) -> str:
    """Write workloads by N; where there are rivals, each with how many times as long it takes as treering."""
    sizes = sorted({result.n for result in results})
    cells = {(result.workload, result.contender, result.n): result for result in results}
    rows = list(dict.fromkeys((result.workload, result.contender) for result in results))
    first: dict[str, str] = {}
    for workload, contender in rows:
        first.setdefault(workload, contender)
    rivalry = results[0].section.partition(",")[0] in _RIVALRY
    head = " | ".join(f"N = {n:,} | x" if rivalry else f"N = {n:,}" for n in sizes)
    lines = [f"**{title.capitalize()}**\n"] if title else []
    lines += [f"| workload | | {head} |", "|---|---|" + "---:|" * (len(sizes) * (2 if rivalry else 1))]
    for workload, contender in rows:
        line = f"| {workload if contender == first[workload] else ''} | {contender} |"
        for n in sizes:
            result = cells.get((workload, contender, n))
            ours = cells.get((workload, first[workload], n))
            line += f" {_cell(result)} |"
            if rivalry:
                shown = result and ours and ours.value and contender != first[workload]
                line += f" {result.value / ours.value:.2f} |" if shown and result and ours else " |"
        lines.append(line)
    return "\n".join(lines)


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    text = _with_unit(result.value, result.unit)
    return text if result.samples == 1 else f"{text} ({number(result.low)}-{number(result.high)})"


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()


def _stores(run: Run) -> str:
    """Write a line for each store about commits and one about reading, then how each is set, or why it is not there."""
    tables = [
        {
            "update": stores.COMMIT,
            "of it publishing": stores.PUBLISH,
            "raw write": stores.RAW,
            "x": stores.RATIO,
            "x, median of pairs": stores.PAIRED,
            "requests": stores.REQUESTS,
            "mean": stores.REQUESTS_MEAN,
            "keys and values": stores.BYTES,
            "sent": stores.SENT,
        },
        {
            "deep read": stores.DEEP,
            "requests": stores.DEEP_REQUESTS,
            "open and first read": stores.OPEN,
            "requests ": stores.OPEN_REQUESTS,
        },
    ]
    said = {name: value for name, value in run.settings.items() if name in _STORES}
    if not said:
        return "Not measured in this run."
    parts = []
    for columns in tables:
        lines = [f"| | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
        for kind in KINDS:
            found = [run.find(workload, kind.name, stores.N) for workload in columns.values()]
            if any(found):
                lines.append(f"| {kind.name} | {' | '.join(map(_cell, found))} |")
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, _list(said)])


def _settings(run: Run) -> str:
    return _list({name: value for name, value in run.settings.items() if name not in _STORES})


def _machine(run: Run) -> str:
    return _list({"measured": run.started, **run.machine})


def _steps(run: Run) -> str:
    """Write what single steps take here, beside what they took where the budgets were set."""
    lines = ["| step | here | where the budgets were set | here / there |", "|---|---:|---:|---:|"]
    for name, budgeted in machine.BUDGETED.items():
        found = run.find(name, machine.CONTENDER, 0)
        if found is not None:
            lines.append(f"| {name} | {_cell(found)} | {_with_unit(budgeted, 'µs')} | {found.value / budgeted:.2f} |")
    slowness = machine.slowness(run)
    if slowness is None:
        return "Not measured in this run."
    lines.append(f"| without the sync, geometric mean | | | {slowness:.2f} |")
    return "\n".join(lines)


def _plot(page: Path, name: str) -> str:
    file = page.parent / page.stem / f"{name.removeprefix('plot_')}.svg"
    return f"![{PLOTS[name]}]({file.relative_to(page.parent)})" if file.exists() else ""


def _list(facts: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


PLOTS = {
    "plot_update": "Cost of one update over the number of children",
    "plot_threads": "Durable commits a second by threads",
    "plot_growth": "Cost at a million children over cost at a hundred",
    "plot_bytes": "Bytes of one update",
}
SECTIONS: dict[str, Callable[[Run], str]] = {
    "machine": _machine,
    "steps": _steps,
    "budgets": _budgets,
    "goals": _goals,
    "growth": _growth,
    "settings": _settings,
    "single": _section("single"),
    "ratios": _section("ratios"),
    "batch": _section("batch"),
    "build": _section("build"),
    "reading": _section("reading"),
    "diff": _section("diff"),
    "history": _section("history"),
    "lookup": _section("lookup"),
    "writers": _section("writers"),
    "open": _section("open"),
    "memory": _section("memory"),
    "written": _section("written"),
    "disk": _section("disk"),
    "stores": _stores,
}

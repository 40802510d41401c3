"""Plots of a run, as SVG files that are the same for the same figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks import budget
from benchmarks.report import number
from benchmarks.result import Run
from benchmarks.treering_store import MEMORY
from benchmarks.workloads.footprint import BYTES, BYTES_KEPT
from benchmarks.workloads.single import BATCHES, DISK
from benchmarks.workloads.writers import BY_THREADS, THREADS

mpl.use("svg")
mpl.rcParams.update({"svg.hashsalt": "treering", "svg.fonttype": "none", "font.size": 9, "axes.grid": True})
mpl.rcParams.update({"grid.alpha": 0.3, "figure.constrained_layout.use": True, "legend.frameon": False})

from matplotlib.figure import Figure  # noqa: E402 - the settings come first
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter  # noqa: E402

_STRONG = "#b03a2e"  # treering's colour
_COLORS = {  # by how a contender's name begins, the same in every plot
    "treering": _STRONG,
    "kept": _STRONG,
    "ZODB": "#1f618d",
    "SQLite": "#239b56",
    "git, pygit2": "#6c3483",
    "git, dulwich": "#ca6f1e",
    "raw": "#7d6608",
    "floor": "#616a6b",
}
_PLAIN: Any = StrMethodFormatter("{x:,.0f}")
_MEANING = {"memory": "in memory", "written": "on disk, not synced", "durable": "on disk, synced"}


def write(run: Run, folder: Path) -> None:
    """Draw every plot that the run has figures for."""
    for name, draw in (
        ("update", _updates),
        ("threads", _threads),
        ("bytes", _bytes),
        ("growth", _growth),
    ):
        file, figure = folder / f"{name}.svg", draw(run)
        file.unlink(missing_ok=True)
        if figure is not None:
            figure.savefig(file, metadata={"Date": None, "Creator": None})


def _updates(run: Run) -> Figure | None:
    """Cost of one update over N, by what a commit promises."""
    groups = {
        group: [
            result for result in run.results if result.section == f"single, {group}" and result.workload == "update"
        ]
        for group in BATCHES
    }
    if not any(groups.values()):
        return None
    figure = Figure(figsize=(11, 5))
    for axes, (group, results) in zip(figure.subplots(1, 3, sharex=True), groups.items(), strict=True):
        names = list(dict.fromkeys(result.contender for result in results))
        for name, style in _styled(names):
            mine = sorted((result for result in results if result.contender == name), key=lambda result: result.n)
            line = [result.n for result in mine], [result.value for result in mine]
            axes.plot(*line, label=name, **style)
        axes.set(xscale="log", yscale="log", title=_MEANING[group], xlabel="children")
        axes.margins(y=0.1)
        axes.xaxis.set_major_formatter(_PLAIN)
        axes.yaxis.set_major_formatter(_PLAIN)
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    figure.axes[0].set_ylabel("µs for one update in one commit, median")
    return figure


def _threads(run: Run) -> Figure | None:
    """Durable commits a second by 1, 8 and 64 threads."""
    series = {}
    for name in dict.fromkeys(result.contender for result in run.results if result.section == "writers"):
        rates = [run.value(BY_THREADS.format(count), name, budget.MIDDLE) for count in THREADS]
        if all(rates):
            series[name] = rates
    if not series:
        return None
    figure = Figure(figsize=(6, 3.8))
    axes: Any = figure.subplots()
    for name, style in _styled(list(series)):
        axes.plot(THREADS, series[name], label=name, **style)
    axes.set(xscale="log", xlabel="committing threads", ylabel="durable commits a second")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(_PLAIN)
    axes.set_xticks(THREADS, [str(count) for count in THREADS])
    axes.minorticks_off()
    axes.legend(fontsize=8)
    return figure


def _bytes(run: Run) -> Figure | None:
    """Bytes of one update: written and kept by treering, and the growth of everybody's files."""
    bars = []
    for workload, label in ((BYTES.format("update"), "treering: written"), (BYTES_KEPT.format("update"), "kept")):
        bars += [(f"{label}, N = {n:,}", run.value(workload, MEMORY, n)) for n in _sizes(run)]
    names = dict.fromkeys(result.contender for result in run.results if result.workload == DISK)
    bars += [(f"files of {name}", run.value(DISK, name, budget.MIDDLE)) for name in names]
    known = [(label, value) for label, value in bars if value]
    if not known:
        return None
    return _bars(known, "bytes for one update (files: at N = 10,000)", limit=None)


def _growth(run: Run) -> Figure | None:
    """Cost at 1,000,000 children over cost at 100."""
    known = [(row.what, row.measured) for row in budget.growth_rows(run) if row.measured]
    if not known:
        return None
    return _bars(known, "cost at 1,000,000 children over cost at 100", limit=budget.MAX_GROWTH)


def _bars(known: Sequence[tuple[str, float]], title: str, *, limit: float | None) -> Figure:
    figure = Figure(figsize=(8, 0.9 + 0.26 * len(known)))
    axes = figure.subplots()
    labels, values = [label for label, _ in known], [value for _, value in known]
    bars = axes.barh(labels, values, color=[_color(label.removeprefix("files of ")) for label in labels], alpha=0.85)
    axes.bar_label(bars, [f" {number(value)}" for value in values], fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(title)
    axes.margins(x=0.12)
    if limit is not None:
        axes.axvline(limit, color="black", linestyle="--", linewidth=1)
    return figure


def _styled(names: Sequence[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    for name in names:
        color = _color(name)
        yield name, {"color": color, "marker": "o", "markersize": 4, "linewidth": 2.2 if color == _STRONG else 1.3}


def _color(name: str) -> str:
    return next((color for start, color in _COLORS.items() if name.startswith(start)), _STRONG)


def _sizes(run: Run) -> list[int]:
    return sorted({result.n for result in run.results if result.section == "written"})

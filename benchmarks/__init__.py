"""Measures treering beside its budgets, its rivals and its floor: ``python -m benchmarks --help``.

``harness`` times, ``contender`` says what every store measured can do, ``treering_store`` and ``rivals`` are those
stores, ``workloads`` are what they are put through, ``budget``, ``report`` and ``plot`` say what came of it.
"""

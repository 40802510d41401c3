"""Measures treering beside its budgets: ``python -m benchmarks --help``."""

"""Commits and what names them: names, ancestry, the line of a branch."""

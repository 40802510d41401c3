"""One commit, read: what ``repo.at`` returns."""

from __future__ import annotations

from treering.history.commit import Commit
from treering.tree.view import View


class Snapshot(View):
    """The tree of one commit. It never changes, whatever is committed later. Threads may share it.

    ``get keys count exists iterate`` are those of the repository; ``commit`` is the commit.
    """

    __slots__ = ("commit",)

    def __init__(self, view: View, commit: Commit) -> None:
        super().__init__(view.reader, view.shape, view.root)
        self.commit = commit

    def __repr__(self) -> str:
        return f"<Snapshot of {self.commit.name}>"

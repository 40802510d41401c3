"""LMDB, the embedded default: one directory, one write transaction per commit, read by any number of processes.

The classic LMDB 0.9 file format, everything in the main database: objects under their own keys, the root under a key
longer than theirs that sorts last. So a commit touches the path to the rightmost leaf and nothing else, and appending
keeps leaves full.

Good to know of LMDB itself: it wants a local file system; an I/O error while *reading* kills the process (SIGBUS, the
file is mapped into memory); its writer lock has no timeout, so a process that is *stopped* inside a commit (a killed
one does no harm) holds up the writers of all others for as long, whatever the deadline. Within a process it holds.
"""

from treering.errors import MissingDependency

try:
    import lmdb  # noqa: F401 - only to say clearly what is missing
except ImportError as error:
    raise MissingDependency("the LMDB store needs the package lmdb: install treering[lmdb]", extra="lmdb") from error

from treering.backend.lmdb.backend import LmdbBackend, open_url

__all__ = ["LmdbBackend", "open_url"]

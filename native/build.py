"""Build the inner loops in C, beside treering's modules: ``python native/build.py``. Also the build hook of the wheel.

Where there is no compiler, or Python has no headers, this says so, and treering does everything in Python.
``TREERING_PURE=1`` in the environment wants it so: then nothing is built, and what was is removed.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parent
PACKAGE = SOURCES.parent / "src" / "treering" / "objects"
NAME = "_native"
TRIED = ((3, 11), (3, 12), (3, 13))  # they look into objects, and what is in those may change

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # it is only needed where a wheel is built
    BuildHookInterface = object  # type: ignore[assignment, misc]


class NativeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Takes what was built into the wheel, which then is one for this Python and this machine."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the files of the wheel are collected: apart, so that what a checkout has built stays there."""
        if self.target_name != "wheel":
            return
        if version == "editable":
            build(PACKAGE)
            return
        self._folder = tempfile.TemporaryDirectory()
        built = build(Path(self._folder.name))
        if built is not None:
            build_data["force_include"][str(built)] = f"treering/objects/{built.name}"
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clean up, once the wheel is there."""
        if self.target_name == "wheel" and version != "editable":
            self._folder.cleanup()


def build(folder: Path) -> Path | None:
    """Build the module into a folder, and return where it is; None where that cannot be done."""
    target = folder / f"{NAME}{sysconfig.get_config_var('EXT_SUFFIX')}"
    try:
        target.unlink(missing_ok=True)  # one that was built from other sources is worse than none
        problem = _why_not()
        if not problem:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                made = Path(scratch) / target.name
                problem = _compile(made)
                if not problem:
                    made.replace(target)
                    return target
    except OSError as error:  # a folder that cannot be written to
        problem = str(error)
    print(f"treering runs in pure Python here: {problem}", file=sys.stderr)
    return None


def _why_not() -> str:
    if os.environ.get("TREERING_PURE", "0") != "0":
        return "TREERING_PURE is set"
    if platform.python_implementation() != "CPython":
        return "the inner loops in C are for CPython"
    if sys.version_info[:2] not in TRIED:
        return f"the inner loops in C were not tried with Python {sys.version_info[0]}.{sys.version_info[1]} yet"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "the inner loops in C need the global interpreter lock"
    if os.name != "posix":
        return "the inner loops in C are built on POSIX systems only, as yet"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "Python's headers are not installed (on Debian: apt-get install python3-dev)"
    return ""


def _compile(made: Path) -> str:
    """Compile and link; return what went wrong."""
    get = sysconfig.get_config_var
    compiler, linker = shlex.split(get("CC")), shlex.split(get("LDSHARED"))
    if shutil.which(compiler[0]) is None and shutil.which("cc"):  # Python was built with one that is not here
        compiler[0] = linker[0] = "cc"
    flags = ["-O2", "-DNDEBUG", "-fwrapv", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden"]
    flags += [*shlex.split(get("CCSHARED") or ""), f"-I{sysconfig.get_path('include')}"]
    objects = []
    for source in sorted(SOURCES.glob("*.c")):
        objects.append(str(made.with_name(f"{source.stem}.o")))
        problem = _run([*compiler, *flags, "-c", str(source), "-o", objects[-1]])
        if problem:
            return problem
    return _run([*linker, *objects, "-o", str(made)])


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return f"there is no C compiler ({command[0]})"
    return f"the C compiler failed: {done.stderr.strip()[:2000]}" if done.returncode else ""


if __name__ == "__main__":
    if build(PACKAGE) is not None:
        print("built treering's inner loops in C")

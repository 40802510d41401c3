"""Compile treering's hot modules with mypyc, and put a wheel for this Python and machine into dist/compiled/.

The same source, type-checked as it is, becomes C extensions beside the modules; everything else stays Python. What is
compiled knows only values that treering made itself: code that meets a user's input stays as it is, since compiled
functions answer a wrong type with a bare TypeError. See docs/decisions/0012-compiled-wheel.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "build" / "compiled"
MODULES = [
    "objects/packing",
    "objects/pointer",
    "objects/frame",
    "objects/page",
    "objects/node",
    "objects/commit",
    "objects/root",
    "merkle/chunking",
    "merkle/container",
    "merkle/place",
    "merkle/seal",
    "merkle/bulk",
    "merkle/diff",
    "store/cache",
    "store/session",
    "store/reader",
    "store/lineage",
    "store/dead",
    "store/state",
    "store/batch",
    "tree/address",
    "tree/walk",
    "tree/seal",
    "tree/build",
    "tree/edit",
    "tree/join",
    "history/group",
    "history/branch",
]

_SETUP = """
from setuptools import setup
from mypyc.build import mypycify

setup(ext_modules=mypycify({arguments!r}, opt_level="3", debug_level="0"))
"""


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    source = FOLDER / "src"
    shutil.copytree(PROJECT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "proto" / "treering", source / "treering", dirs_exist_ok=True)
    for name in ("README.md", "LICENSE"):
        shutil.copy(PROJECT / name, FOLDER)
    (FOLDER / "pyproject.toml").write_text(_settings(), encoding="utf-8")
    arguments = ["--ignore-missing-imports", "--config-file=", *(f"src/treering/{module}.py" for module in MODULES)]
    (FOLDER / "setup.py").write_text(_SETUP.format(arguments=arguments), encoding="utf-8")
    environment = {**os.environ, "MYPYPATH": str(source)}
    wheels = PROJECT / "dist" / "compiled"
    for command in (["build_ext", "--inplace"], ["bdist_wheel", "--dist-dir", str(wheels)]):
        subprocess.run([sys.executable, "setup.py", "-q", *command], cwd=FOLDER, env=environment, check=True)
    print(f"a wheel in {wheels}; the compiled package in {source}")


def _settings() -> str:
    """Return the project's metadata, for setuptools instead of hatchling."""
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    metadata = text[text.index("[project]") : text.index("# The include path of an installed treering")]
    return f"""{metadata}
[tool.setuptools]
package-dir = {{"" = "src"}}

[tool.setuptools.packages.find]
where = ["src"]

[tool.setuptools.package-data]
"*" = ["*.proto", "py.typed", "*.pyi"]
"""


if __name__ == "__main__":
    main()

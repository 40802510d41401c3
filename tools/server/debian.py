"""Programs from Debian packages, unpacked into the cache: nothing is installed, and no root is needed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

from tools.server.absent import Absent
from tools.server.cache import cache_folder, cached
from tools.server.launch import output_of

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def find_program(name: str, *, minimum: tuple[int, ...], version_argument: str) -> tuple[Path, str] | None:
    """The program on the PATH, and its version, where it is new enough."""
    found = shutil.which(name)
    if found is None:
        return None
    version = program_version(Path(found), version_argument)
    if tuple(int(part) for part in version.split(".")) < minimum:
        return None
    return Path(found), version


def program_version(program: Path, argument: str) -> str:
    _, written = output_of([str(program), argument], env=environment_for(program))
    found = re.search(r"\bv?=?(\d+\.\d+\.\d+)", written)
    if found is None:
        raise Absent(f"{program.name} does not run here: {written.strip()[-300:]}")
    return found[1]


def unpacked(suite: str, packages: list[str]) -> Path:
    """A folder that holds what these packages of this Debian suite would install."""

    def fill(folder: Path) -> None:
        for command in ("apt-get", "dpkg"):
            if shutil.which(command) is None:
                raise Absent(f"it is not on the PATH, and there is no {command} to get it with")
        with tempfile.TemporaryDirectory(prefix="treering-apt-") as work:
            for package in _download(suite, packages, Path(work)):
                _must(["dpkg", "-x", str(package), str(folder)], "cannot unpack it")

    return cached(f"{packages[0]}-{suite}", fill)


def environment_for(program: Path) -> dict[str, str]:
    """What an unpacked program needs to find the libraries that were unpacked with it."""
    libraries = [str(folder) for folder in program.parents[1].glob("lib/*-linux-*") if any(folder.glob("*.so*"))]
    environment = dict(os.environ)
    if libraries and program.is_relative_to(cache_folder()):
        environment["LD_LIBRARY_PATH"] = ":".join(libraries)
    return environment


def _download(suite: str, packages: list[str], work: Path) -> list[Path]:
    work.chmod(0o755)
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (work / folder).mkdir(parents=True)
    signed_by = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (work / "sources.list").write_text(f"deb {signed_by}{_mirror()} {suite} main\n", encoding="utf-8")
    apt = ["apt-get", "-q"]
    for option in (
        f"Dir::Etc::SourceList={work}/sources.list",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State::Lists={work}/lists",
        f"Dir::Cache={work}/cache",
        "Acquire::Languages=none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        "Acquire::Retries=2",
    ):
        apt += ["-o", option]
    _must([*apt, "update"], f"cannot read the list of Debian {suite}'s packages")
    _must([*apt, "download", *packages], f"cannot download it from Debian {suite}", cwd=work / "packages")
    return sorted((work / "packages").glob("*.deb"))


def _mirror() -> str:
    """The mirror that this machine takes Debian from."""
    try:
        machine = platform.freedesktop_os_release()
    except OSError:
        machine = {}
    status, written = output_of([
        "apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
        "Created-By: Packages",
    ])  # fmt: skip
    targets = [line.split("|") for line in written.splitlines() if line.count("|") == 2] if status == 0 else []
    for address, suite, component in targets:
        # Its updates and security suites may live on mirrors that hold no other suite.
        if machine.get("ID") == "debian" and suite == machine.get("VERSION_CODENAME") and component == "main":
            return address
    raise Absent("it is not on the PATH, and this machine's apt sources name no Debian mirror")


def _must(command: list[str], complaint: str, cwd: Path | None = None) -> None:
    status, written = output_of(command, cwd=cwd)
    if status:
        errors = [line for line in written.splitlines() if line.startswith("E:")] or written.splitlines()[-1:]
        raise Absent(f"{complaint}: {' '.join(errors)[:300]}")

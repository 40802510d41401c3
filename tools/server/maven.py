"""Java programs by Maven, from wherever this machine's own settings say, into the cache."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from tools.server.absent import Absent
from tools.server.cache import cached
from tools.server.launch import output_of


def find_java(wanted: int) -> Path:
    """The java of JAVA_HOME, else of the PATH, where it has the wanted version."""
    home = os.environ.get("JAVA_HOME")
    found = f"{home}/bin/java" if home else shutil.which("java")
    if found is None or not Path(found).exists():
        raise Absent(f"it needs Java {wanted}, and there is no java in JAVA_HOME or on the PATH")
    _, written = output_of([found, "-version"])
    version = re.search(r'version "(\d+)', written)
    if version is None or int(version[1]) != wanted:
        raise Absent(f"it needs Java {wanted}; {found} is {written.splitlines()[0] if written else 'silent'}")
    return Path(found)


def jars(group: str, artifact: str, version: str) -> Path:
    """A folder with this artifact and everything that it needs to run."""

    def fill(folder: Path) -> None:
        maven = shutil.which("mvn")
        if maven is None:
            raise Absent("it is got with Maven, and there is no mvn on the PATH")
        with tempfile.TemporaryDirectory(prefix="treering-maven-") as work:
            project = Path(work) / "pom.xml"
            project.write_text(_PROJECT.format(group=group, artifact=artifact, version=version), encoding="utf-8")
            status, written = output_of([
                maven, "--quiet", "--batch-mode", "--strict-checksums", "-Dstyle.color=never", "--file", str(project),
                f"-Duser.home={Path.home()}",  # Java would not look at HOME
                "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}",
            ])  # fmt: skip
        if status:
            errors = [line for line in written.splitlines() if "ERROR" in line] or ["it said nothing"]
            raise Absent(f"Maven cannot get {artifact} {version}: {errors[0][:300]}")

    return cached(f"{artifact}-{version}", fill)


_PROJECT = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>treering</groupId> <artifactId>test-server</artifactId> <version>1</version> <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>{group}</groupId> <artifactId>{artifact}</artifactId> <version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""

"""Refuse a release that is missing in its changelog: ``python -m tests.release.check [FOLDER]``.

The one source of the version is `airflow_provider_ard/__init__.py`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
HEADING = re.compile(r"^## \[(?P<version>[^]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)

# What PyPI shows beside a package, once the project has a public home.
HOME = ("Homepage", "Source", "Changelog")


def faults(version_source: str, changelog: str) -> list[str]:
    """Return what keeps a release back, nothing if it may go ahead."""
    versions = VERSION.findall(version_source)
    if len(versions) != 1:
        return [f"wanted one __version__, found {len(versions)}"]
    (version,) = versions
    headings = {match["version"]: match for match in HEADING.finditer(changelog)}
    if version not in headings:
        return [f"CHANGELOG.md has no section [{version}]: it has {', '.join(headings) or 'none'}"]
    section = changelog[headings[version].end() :].partition("\n## ")[0]
    wrong = []
    if not headings[version]["date"]:
        wrong.append(f"the section [{version}] of CHANGELOG.md has no date, as in ## [{version}] - 2026-01-31")
    if not re.search(r"^- ", section, re.MULTILINE):
        wrong.append(f"the section [{version}] of CHANGELOG.md is empty")
    if "Unreleased" in headings:
        rest = changelog[headings["Unreleased"].end() :].partition("\n## ")[0]
        if re.search(r"^- ", rest, re.MULTILINE):
            wrong.append(f"CHANGELOG.md has entries under [Unreleased] still: do they belong to [{version}]?")
    return wrong


def reminder(pyproject: str) -> str:
    """Return a line with the project URLs missing in the metadata, nothing if it has all."""
    lacking = [name for name in HOME if name not in tomllib.loads(pyproject)["project"].get("urls", {})]
    return f"Remember: [project.urls] of pyproject.toml has no {', '.join(lacking)} yet.\n" if lacking else ""


def main() -> int:
    """Print what is wrong, and return the exit code."""
    folder = Path(sys.argv[1] if sys.argv[1:] else ".")
    wrong = faults((folder / "airflow_provider_ard" / "__init__.py").read_text(), (folder / "CHANGELOG.md").read_text())
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or "The changelog describes this version.\n")
    sys.stdout.write(reminder((folder / "pyproject.toml").read_text()))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

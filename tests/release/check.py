"""Check that the changelog describes the release: `python -m tests.release.check [FOLDER]`.

The version is defined in `airflow_provider_ard/__init__.py`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
HEADING = re.compile(r"^## \[(?P<version>[^]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)

# Project URLs that PyPI shows.
PROJECT_URLS = ("Homepage", "Source", "Changelog")


def find_problems(version_source: str, changelog: str) -> list[str]:
    """Return the problems that block a release."""
    versions = VERSION.findall(version_source)
    if len(versions) != 1:
        return [f"expected one __version__, got {len(versions)}"]
    (version,) = versions
    headings = {match["version"]: match for match in HEADING.finditer(changelog)}
    if version not in headings:
        return [f"CHANGELOG.md has no section [{version}]: it has {', '.join(headings) or 'none'}"]
    section = changelog[headings[version].end() :].partition("\n## ")[0]
    problems = []
    if not headings[version]["date"]:
        problems.append(f"the section [{version}] of CHANGELOG.md has no date, as in ## [{version}] - 2026-01-31")
    if not re.search(r"^- ", section, re.MULTILINE):
        problems.append(f"the section [{version}] of CHANGELOG.md is empty")
    if "Unreleased" in headings:
        rest = changelog[headings["Unreleased"].end() :].partition("\n## ")[0]
        if re.search(r"^- ", rest, re.MULTILINE):
            problems.append(f"CHANGELOG.md still has entries under [Unreleased]: do they belong to [{version}]?")
    return problems


def reminder(pyproject: str) -> str:
    """Return a line with the project URLs missing in the metadata, empty if it has all."""
    missing = [name for name in PROJECT_URLS if name not in tomllib.loads(pyproject)["project"].get("urls", {})]
    return f"Remember: [project.urls] of pyproject.toml has no {', '.join(missing)} yet.\n" if missing else ""


def main() -> int:
    """Print the problems and return the exit code."""
    folder = Path(sys.argv[1] if sys.argv[1:] else ".")
    problems = find_problems(
        (folder / "airflow_provider_ard" / "__init__.py").read_text(), (folder / "CHANGELOG.md").read_text()
    )
    sys.stdout.write("".join(f"{line}\n" for line in problems) or "The changelog describes this version.\n")
    sys.stdout.write(reminder((folder / "pyproject.toml").read_text()))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.release.audit import verdict
from tests.release.check import find_problems, reminder
from tests.release.licenses import gpl_only

REPOSITORY = Path(__file__).parents[2]
SOURCE = '"""A package."""\n\n__version__ = "1.2.0"\n'
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-22\n\n### Added\n\n- A feature.\n\n## [1.1.0] - 2026-10-01\n\n- Older.\n"


def test_changelog_with_the_version_passes():
    assert find_problems(SOURCE, CHANGELOG) == []


@pytest.mark.parametrize(
    ("changelog", "message"),
    [
        (CHANGELOG.replace("[1.2.0]", "[1.1.9]"), "no section [1.2.0]"),
        (CHANGELOG.replace(" - 2026-11-22", ""), "no date"),
        (CHANGELOG.replace("- A feature.", ""), "is empty"),
        (
            CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n- Not released yet.\n"),
            "still has entries under [Unreleased]",
        ),
        ("", "it has none"),
    ],
)
def test_invalid_changelog_is_reported(changelog, message):
    (problem,) = find_problems(SOURCE, changelog)
    assert message in problem


@pytest.mark.parametrize(("changelog", "code"), [(CHANGELOG, 0), (CHANGELOG.replace("[1.2.0]", "[1.1.9]"), 1)])
def test_exit_code(tmp_path, changelog, code):
    (tmp_path / "airflow_provider_ard").mkdir()
    (tmp_path / "airflow_provider_ard" / "__init__.py").write_text(SOURCE)
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "p"\n')
    process = subprocess.run(
        [sys.executable, "-m", "tests.release.check", str(tmp_path)], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert process.returncode == code
    assert b"no Homepage, Source, Changelog yet" in process.stdout


def test_missing_project_urls_are_listed():
    assert "no Homepage, Changelog yet" in reminder('[project.urls]\nSource = "https://example.org"\n')
    urls = "".join(f'{name} = "https://example.org"\n' for name in ("Homepage", "Source", "Changelog"))
    assert reminder(f"[project.urls]\n{urls}") == ""


@pytest.mark.parametrize(
    ("license_text", "is_rejected"),
    [
        ("GPL-3.0-only", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0", True),
        ("MIT", False),
        ("LGPL-2.1-or-later", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("BSD-3-Clause OR GPL-2.0", False),
        ("Apache Software License; GNU General Public License v2 (GPLv2)", False),
    ],
)
def test_gpl_only_licenses_are_rejected(license_text, is_rejected):
    assert gpl_only(license_text) is is_rejected


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        (0, "No known vulnerabilities found", 0),
        (1, "Found 2 known vulnerabilities in 1 package", 1),
        (1, "requests.exceptions.ConnectionError: Max retries exceeded", 2),
        (2, "usage: pip-audit", 2),
    ],
)
def test_audit_exit_code(code, output, expected):
    assert verdict(code, output) == expected

"""Modules are limited in length; longer ones are split by topic."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("airflow_provider_ard", "benchmarks", "dags_examples", "demo", "scripts", "tests")
MAX_LINES = 300


def test_modules_have_at_most_300_lines():
    modules = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py")]
    lines = {str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines()) for path in modules}
    assert len(lines) > 100
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}

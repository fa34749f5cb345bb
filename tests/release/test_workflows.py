"""The workflows in .github/ run commands that exist; their schemas are checked by `make release-check`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[str]:
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_make_targets_of_workflows_exist(path: Path) -> None:
    for step in steps(path):
        if step.startswith("make "):
            process = subprocess.run(
                ["make", "--dry-run", *step.split()[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False
            )
            assert process.returncode == 0, process.stderr


def test_ci_workflow_runs_the_script_of_the_repository() -> None:
    assert ".ci/run" in steps(REPOSITORY / ".github" / "workflows" / "ci.yml")


def test_links_of_the_description_contain_the_tag() -> None:
    release = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "release.yml").read_text())
    # YAML 1.1 reads the key `on` as true.
    (pattern,) = release[True]["push"]["tags"]
    prefix = pattern.partition("[")[0]
    assert f"{{{{view}}}}/{prefix}{{version}}/" in (REPOSITORY / "hatch_build.py").read_text()

"""The environments of `make matrix`, the choice of those that can run here, and the constraints of deployments."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.matrix import __main__ as matrix
from tests.matrix.deployments import MWAA, find_deployments, missing_deployments, write_without_test_tools
from tests.matrix.environments import ENVIRONMENTS, PYTHON, REPOSITORY, Environment, find_python, parse_pins

MISSING = Environment("3.3", "newest", "3.99")


def test_every_environment_has_pinned_versions():
    assert all(environment.pins() for environment in ENVIRONMENTS)


def test_every_python_of_the_classifiers_is_in_the_matrix():
    classifiers = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["classifiers"]
    claimed = {
        line.rpartition(" ")[2] for line in classifiers if line.startswith("Programming Language :: Python :: 3.")
    }
    assert {environment.python for environment in ENVIRONMENTS} == claimed


def test_short_matrix_has_the_oldest_and_the_newest_python():
    pythons = [environment.python for environment in ENVIRONMENTS if environment.name in matrix.SHORT]
    assert pythons == [PYTHON, "3.13"]


def test_running_python_is_found():
    assert find_python(f"{sys.version_info.major}.{sys.version_info.minor}") == sys.executable


def test_environment_without_its_python_is_skipped_by_name(capsys):
    this = Environment("3.3", "newest", f"{sys.version_info.major}.{sys.version_info.minor}")
    assert matrix.installable([this, MISSING]) == [this]
    assert capsys.readouterr().out == "3.3-newest-py3.99: skipped, Python 3.99 is not installed\n"


def test_failing_shim_of_pyenv_is_no_python(tmp_path, monkeypatch):
    (tmp_path / "shims").mkdir()
    shim = tmp_path / "shims" / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "shims"), prepend=":")
    assert find_python("3.99") is None


def test_deployments_are_those_of_the_folder(tmp_path):
    files = [tmp_path / f"mwaa-2.11.0-{part}.txt" for part in ("airflow", "essential")]
    files.append(tmp_path / "official-3.1.8-airflow.txt")
    for file in files:
        file.write_text("moto==5.0.1\nPytest_timeout==2.0\nrequests==2.32.5\n")
    mwaa, official = find_deployments(str(tmp_path))
    assert (mwaa.name, mwaa.airflow, mwaa.files) == ("mwaa-2.11.0", "apache-airflow==2.11.0", tuple(files[:2]))
    assert (official.airflow, official.files) == ("apache-airflow==3.1.8", (files[2],))
    assert missing_deployments([mwaa, official]) == list(MWAA[1:])
    assert set(Path(write_without_test_tools(mwaa.files)).read_text().split()) == {"requests==2.32.5"}


def test_without_a_folder_all_deployments_are_missing():
    assert missing_deployments(find_deployments(None)) == list(MWAA)


@pytest.mark.parametrize("deployment", find_deployments(), ids=lambda deployment: deployment.name)
def test_constraints_of_a_deployment_allow_all_dependencies(deployment):
    pins = parse_pins("\n".join(file.read_text() for file in deployment.files))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    required = [
        Requirement(line) for line in [*project["dependencies"], *(line for name in extras for line in extras[name])]
    ]
    pinned = [(requirement, pins[requirement.name]) for requirement in required if requirement.name in pins]
    assert len(pinned) > 10
    assert [
        (str(requirement), version) for requirement, version in pinned if version not in requirement.specifier
    ] == []

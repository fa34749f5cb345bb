"""The environments of `make matrix`, and the choice of those whose Python is installed."""

from __future__ import annotations

import sys
import tomllib

from tests.matrix import __main__ as matrix
from tests.matrix.environments import ENVIRONMENTS, PYTHON, REPOSITORY, Environment, find_python

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

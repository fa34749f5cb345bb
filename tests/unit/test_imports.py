"""A DAG file is parsed again and again: what it imports of ours must load next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
LIGHT = [
    "airflow_provider_ard.operators.order",
    "airflow_provider_ard.operators.select",
    "airflow_provider_ard.operators.tiles",
    "airflow_provider_ard.sensors.order",
    "airflow_provider_ard.triggers.order",
    "airflow_provider_ard.triggers.select",
    "airflow_provider_ard.triggers.imagery",
    "airflow_provider_ard.hooks.ard",
    "airflow_provider_ard.assets",
    "airflow_provider_ard.exceptions",
    "airflow_provider_ard.fs.azure",
]
# What Airflow itself has loaded by then is not ours to answer for.
SCRIPT = """
import importlib, json, sys
from airflow.providers.common.compat.sdk import DAG, Asset, BaseHook, BaseOperator, BaseSensorOperator
from airflow.providers.common.compat.sdk import PokeReturnValue
import airflow.triggers.base
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(*modules):
    command = [sys.executable, "-c", SCRIPT, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def loaded():
    names = loaded_by(*LIGHT)
    assert set(LIGHT) <= set(names)
    return names


def of(names, roots):
    return [name for name in names if any(f"{name}.".startswith(f"{root}.") for root in roots)]


def test_what_a_dag_file_imports_loads_none_of_what_is_banned_there(loaded):
    lint = tomllib.loads(PYPROJECT.read_text())["tool"]["ruff"]["lint"]
    banned = lint["flake8-tidy-imports"]["banned-module-level-imports"]
    assert {"requests", "shapely", "pydantic", "airflow_provider_ard.api.orders.request"} <= set(banned)
    assert of(loaded, banned) == []


def test_what_a_dag_file_imports_loads_no_library_that_airflow_has_not_loaded(loaded):
    ours_or_pythons = {"airflow", "airflow_provider_ard", *sys.stdlib_module_names}
    assert [name for name in loaded if name.partition(".")[0] not in ours_or_pythons] == []


def test_an_operator_a_sensor_and_a_trigger_load_few_modules():
    names = loaded_by(*(name for name in LIGHT if name.split(".")[1] in {"operators", "sensors", "triggers"}))
    assert len(of(names, ["airflow_provider_ard"])) <= 28
    assert len(names) <= 33


def test_the_sandbox_loads_its_servers_only_when_it_is_started():
    assert of(loaded_by("airflow_provider_ard.sandbox"), ["fastapi", "uvicorn", "shapely", "pyproj", "rasterio"]) == []

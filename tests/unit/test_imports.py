"""Modules imported by DAG files must be light, since DAG files are parsed repeatedly."""

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
    "airflow_provider_ard.triggers.budget",
    "airflow_provider_ard.triggers.order",
    "airflow_provider_ard.triggers.select",
    "airflow_provider_ard.triggers.imagery",
    "airflow_provider_ard.hooks.ard",
    "airflow_provider_ard.assets",
    "airflow_provider_ard.catalogs",
    "airflow_provider_ard.exceptions",
    "airflow_provider_ard.fs.azure",
]
# Modules that Airflow itself has loaded are not counted.
SCRIPT = """
import importlib, json, sys
from airflow_provider_ard.version_compat import Asset, BaseHook, BaseOperator, BaseSensorOperator, PokeReturnValue
from tests.airflow_names import DAG
import airflow.triggers.base
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(*modules):
    command = [sys.executable, "-c", SCRIPT, *modules]
    process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def loaded():
    names = loaded_by(*LIGHT)
    assert set(LIGHT) <= set(names)
    return names


def within(names, roots):
    return [name for name in names if any(f"{name}.".startswith(f"{root}.") for root in roots)]


def test_operators_and_sensors_load_no_triggers():
    # Half of the time would be spent on Airflow's base class for them, which only the triggerer needs.
    names = [name for name in LIGHT if ".operators." in name or ".sensors." in name]
    script = f"import sys, {', '.join(names)}; print(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert not within(process.stdout.splitlines()[-1].split(), ["airflow_provider_ard.triggers"])


def test_dag_file_imports_no_banned_modules(loaded):
    lint = tomllib.loads(PYPROJECT.read_text())["tool"]["ruff"]["lint"]
    banned = lint["flake8-tidy-imports"]["banned-module-level-imports"]
    assert {"requests", "shapely", "pydantic", "airflow_provider_ard.api.orders.request"} <= set(banned)
    assert within(loaded, banned) == []


def test_dag_file_imports_no_third_party_library(loaded):
    allowed = {"airflow", "airflow_provider_ard", *sys.stdlib_module_names}
    assert [name for name in loaded if name.partition(".")[0] not in allowed] == []


def test_operators_sensors_and_triggers_load_few_modules():
    names = loaded_by(*(name for name in LIGHT if name.split(".")[1] in {"operators", "sensors", "triggers"}))
    assert len(within(names, ["airflow_provider_ard"])) <= 36
    assert len(names) <= 41


def test_importing_sandbox_loads_no_server():
    assert (
        within(loaded_by("airflow_provider_ard.sandbox"), ["fastapi", "uvicorn", "shapely", "pyproj", "rasterio"]) == []
    )

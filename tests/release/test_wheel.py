"""The built wheel: its contents, and that it installs and imports with its declared dependencies only.

`make wheel` builds it into dist/ first. With `ARD_WHEEL=full` each extra is installed alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
UV = str(Path(sys.executable).with_name("uv"))
MEGABYTE = 1_000_000
EXTRAS = tuple(PROJECT["optional-dependencies"]) if os.environ.get("ARD_WHEEL") == "full" else ("sandbox",)
# Loaded only by the OpenLineage provider, by pytest, and with the extra `sandbox`.
NOT_IN_A_BASE_INSTALL = ("airflow_provider_ard.lineage.openlineage", "airflow_provider_ard.sandbox.")
# A module that requires the extra.
MODULE_OF_EXTRA = {
    "s3": "airflow.providers.amazon.aws.fs.s3",
    "gcs": "airflow.providers.google.cloud.fs.gcs",
    "azure": "airflow_provider_ard.fs.azure",
    "ogr": "pyogrio",
    "sandbox": "airflow_provider_ard.sandbox.server",
    "examples": "stac_geoparquet.arrow",
}
IMPORT_ALL = """
import importlib, json, pkgutil, sys
import airflow_provider_ard as package

assert "site-packages" in package.__file__, package.__file__
failed = {}
for module in pkgutil.walk_packages(package.__path__, "airflow_provider_ard."):
    if not module.name.startswith(tuple(sys.argv[1:])):
        try:
            importlib.import_module(module.name)
        except Exception as error:
            failed[module.name] = repr(error)
print(json.dumps(failed))
"""


@pytest.fixture(scope="module")
def wheel() -> Path:
    """Return the wheel of this version in dist/."""
    (path,) = (REPOSITORY / "dist").glob(f"airflow_provider_ard-{version('airflow-provider-ard')}-*.whl")
    return path


def install(wheel: Path, folder: Path, extra: str = "") -> Path:
    """Return the Python of a new environment with the wheel and its dependencies."""
    python = folder / "venv" / "bin" / "python"
    requirement = f"{wheel}[{extra}]" if extra else str(wheel)
    pinned = ("--constraints", str(REPOSITORY / "constraints.txt"))
    for command in (
        [UV, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")],
        [UV, "pip", "install", "--quiet", "--python", str(python), *pinned, requirement],
        [UV, "pip", "check", "--quiet", "--python", str(python)],
    ):
        subprocess.run(command, check=True, timeout=600)
    return python


def run_python(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AIRFLOW"))}
    # Outside the checkout, whose package would be imported first.
    folder = python.parents[2]
    env["AIRFLOW_HOME"] = str(folder / "airflow")
    return subprocess.run(
        [str(python), *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of a plain install, without any extra."""
    return install(wheel, tmp_path_factory.mktemp("base"))


def test_wheel_contains_only_the_package(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        names = file.namelist()
    folder = f"airflow_provider_ard-{version('airflow-provider-ard')}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"airflow_provider_ard", folder}
    assert [name for name in names if re.search(r"(^|/)(tests?|demo|benchmarks|node_modules|__pycache__)/", name)] == []
    assert {"airflow_provider_ard/py.typed", "airflow_provider_ard/sandbox/backend/catalog.geojson"} <= set(names)
    assert f"{folder}/licenses/LICENSE" in names
    assert wheel.stat().st_size < MEGABYTE


def test_metadata(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(file.read(name))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"]) == set(MODULE_OF_EXTRA)
    urls = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL"))
    assert urls == PROJECT["urls"]
    assert all(url.startswith("https://") for url in urls.values())
    classifiers = metadata.get_all("Classifier")
    assert {"Framework :: Apache Airflow", "Framework :: Apache Airflow :: Provider"} <= set(classifiers)
    plain = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert [line for line in plain if re.search("pytest|rasterio|fastapi|moto", line)] == []


def test_modules_import_with_the_base_install(base: Path) -> None:
    process = run_python(base, "-c", IMPORT_ALL, *NOT_IN_A_BASE_INSTALL)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout.splitlines()[-1]) == {}


@pytest.mark.parametrize(
    "arguments", [("-c", "from airflow_provider_ard.sandbox import Sandbox"), ("-m", "airflow_provider_ard.sandbox")]
)
def test_sandbox_without_its_extra_names_the_extra(base: Path, arguments: tuple[str, str]) -> None:
    process = run_python(base, *arguments)
    assert process.returncode == 1
    assert "airflow-provider-ard[sandbox]" in process.stderr.splitlines()[-1]


def test_airflow_lists_the_provider(base: Path) -> None:
    process = run_python(base, "-m", "airflow", "providers", "get", "airflow-provider-ard")
    assert version("airflow-provider-ard") in process.stdout, process.stderr


@pytest.mark.parametrize("extra", EXTRAS)
def test_extra_installs_alone(wheel: Path, tmp_path: Path, extra: str) -> None:
    process = run_python(install(wheel, tmp_path, extra), "-c", f"import {MODULE_OF_EXTRA[extra]}")
    assert process.returncode == 0, process.stderr

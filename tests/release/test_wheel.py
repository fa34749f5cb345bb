"""The built wheel: what is in it, and that it installs and imports with nothing but what it asks for.

`make wheel` builds it into dist/ first. In full (ARD_WHEEL=full) each extra is installed alone.
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
# Loaded by the OpenLineage provider alone, by pytest, and with the extra `sandbox`.
NOT_IN_A_BASE_INSTALL = ("airflow_provider_ard.lineage.openlineage", "airflow_provider_ard.sandbox.")
# The extra and a module that it is for.
PURPOSE = {
    "s3": "airflow.providers.amazon.aws.fs.s3",
    "gcs": "airflow.providers.google.cloud.fs.gcs",
    "azure": "airflow_provider_ard.fs.azure",
    "ogr": "pyogrio",
    "sandbox": "airflow_provider_ard.sandbox.server",
    "examples": "stac_geoparquet.arrow",
}
IMPORT_ALL = """
import importlib, json, pkgutil, sys
import airflow_provider_ard as ours

assert "site-packages" in ours.__file__, ours.__file__
failed = {}
for module in pkgutil.walk_packages(ours.__path__, "airflow_provider_ard."):
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
    (built,) = (REPOSITORY / "dist").glob(f"airflow_provider_ard-{version('airflow-provider-ard')}-*.whl")
    return built


def installed(wheel: Path, folder: Path, extra: str = "") -> Path:
    """Return the Python of a new environment with the wheel in it, and nothing that it does not ask for."""
    python = folder / "venv" / "bin" / "python"
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    pinned = ("--constraints", str(REPOSITORY / "constraints.txt"))
    for command in (
        [UV, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")],
        [UV, "pip", "install", "--quiet", "--python", str(python), *pinned, what],
        [UV, "pip", "check", "--quiet", "--python", str(python)],
    ):
        subprocess.run(command, check=True, timeout=600)
    return python


def in_it(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AIRFLOW"))}
    # Away from the checkout, whose package would be found first.
    folder = python.parents[2]
    env["AIRFLOW_HOME"] = str(folder / "airflow")
    return subprocess.run(
        [str(python), *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of a plain install, without any extra."""
    return installed(wheel, tmp_path_factory.mktemp("base"))


def test_only_what_users_need_is_in_it(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        names = file.namelist()
    folder = f"airflow_provider_ard-{version('airflow-provider-ard')}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"airflow_provider_ard", folder}
    assert [name for name in names if re.search(r"(^|/)(tests?|demo|benchmarks|node_modules|__pycache__)/", name)] == []
    assert {"airflow_provider_ard/py.typed", "airflow_provider_ard/sandbox/backend/catalog.geojson"} <= set(names)
    assert f"{folder}/licenses/LICENSE" in names
    assert wheel.stat().st_size < MEGABYTE


def test_its_metadata(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(file.read(name))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"]) == set(PURPOSE)
    urls = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL"))
    assert urls == PROJECT["urls"]
    assert all(url.startswith("https://") for url in urls.values())
    classifiers = metadata.get_all("Classifier")
    assert {"Framework :: Apache Airflow", "Framework :: Apache Airflow :: Provider"} <= set(classifiers)
    plain = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert [line for line in plain if re.search("pytest|rasterio|fastapi|moto", line)] == []


def test_every_public_module_imports_with_the_base_install(base: Path) -> None:
    done = in_it(base, "-c", IMPORT_ALL, *NOT_IN_A_BASE_INSTALL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {}


@pytest.mark.parametrize(
    "how", [("-c", "from airflow_provider_ard.sandbox import Sandbox"), ("-m", "airflow_provider_ard.sandbox")]
)
def test_sandbox_without_its_extra_names_the_extra(base: Path, how: tuple[str, str]) -> None:
    done = in_it(base, *how)
    assert done.returncode == 1
    assert "airflow-provider-ard[sandbox]" in done.stderr.splitlines()[-1]


def test_airflow_lists_the_provider(base: Path) -> None:
    done = in_it(base, "-m", "airflow", "providers", "get", "airflow-provider-ard")
    assert version("airflow-provider-ard") in done.stdout, done.stderr


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_installs_alone_and_does_what_it_is_for(wheel: Path, tmp_path: Path, extra: str) -> None:
    done = in_it(installed(wheel, tmp_path, extra), "-c", f"import {PURPOSE[extra]}")
    assert done.returncode == 0, done.stderr

"""The built wheel: its contents, and that it installs and imports with its declared dependencies only.

`make wheel` builds it into dist/ first. With `ARD_WHEEL=full` each extra is installed alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from email.message import Message

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


def run_python(python: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AIRFLOW"))}
    # Outside the checkout, whose package would be imported first.
    folder = python.parents[2]
    env |= {"AIRFLOW_HOME": str(folder / "airflow"), **variables}
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


def test_wheel_contains_the_examples(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        examples = {
            Path(name).name: file.read(name)
            for name in file.namelist()
            if name.startswith("airflow_provider_ard/example_dags/")
        }
    assert examples == {path.name: path.read_bytes() for path in (REPOSITORY / "dags_examples").glob("*.py")}


def read_metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(file.read(name))


def links(description: str) -> list[str]:
    """Return the targets of all links and images in Markdown."""
    tokens = [child for token in MarkdownIt().parse(description) for child in token.children or ()]
    return [str(url) for token in tokens if (url := token.attrGet("href") or token.attrGet("src"))]


def test_description_on_pypi_has_no_relative_links(wheel: Path) -> None:
    metadata = read_metadata(wheel)
    assert metadata["Description-Content-Type"] == "text/markdown"
    targets = links(metadata.get_payload())
    assert "https://ard.maxar.com/docs/" in targets
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []


def test_description_links_to_the_source_repository(tmp_path: Path) -> None:
    for name in ("README.md", "LICENSE", "hatch_build.py", "dags_examples"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "airflow_provider_ard").mkdir()
    shutil.copy(REPOSITORY / "airflow_provider_ard" / "__init__.py", tmp_path / "airflow_provider_ard")
    source = "https://git.example/ard"
    project = (REPOSITORY / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(project.replace("[project.urls]", f'[project.urls]\nSource = "{source}"'))
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", "dist", "."], cwd=tmp_path, check=True, timeout=300)
    (built,) = (tmp_path / "dist").glob("*.whl")
    targets = set(links(read_metadata(built).get_payload()))
    release = version("airflow-provider-ard")
    assert {
        f"{source}/blob/{release}/docs/ordering.md",
        f"{source}/raw/{release}/docs/images/order-light.png",
    } <= targets
    repository_files = [target.removeprefix(f"{source}/") for target in targets if target.startswith(source)]
    files = [target.split("/", 2)[2].partition("#")[0] for target in repository_files]
    assert [name for name in files if not (REPOSITORY / name).exists()] == []


def test_no_message_refers_to_a_page_of_the_repository(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        modules = [name for name in file.namelist() if name.endswith((".py", ".html", ".js"))]
        assert [name for name in modules if re.search(rb"docs/[a-z-]+\.md", file.read(name))] == []


def test_metadata(wheel: Path) -> None:
    metadata = read_metadata(wheel)
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


def test_airflow_finds_and_parses_the_examples(base: Path) -> None:
    script = """
import json
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(DagBundlesManager().get_bundle("airflow-provider-ard-example-dags").path, load_op_links=False)
print(json.dumps([sorted(bag.dag_ids), bag.import_errors]))
"""
    process = run_python(base, "-c", script, AIRFLOW__CORE__LOAD_EXAMPLES="True")
    dag_ids, errors = json.loads(process.stdout.splitlines()[-1])
    assert errors == {}
    assert {"ard_order_to_tiles", "ard_daily_monitor", "ard_new_imagery"} <= set(dag_ids)


@pytest.mark.parametrize("extra", EXTRAS)
def test_extra_installs_alone(wheel: Path, tmp_path: Path, extra: str) -> None:
    process = run_python(install(wheel, tmp_path, extra), "-c", f"import {MODULE_OF_EXTRA[extra]}")
    assert process.returncode == 0, process.stderr

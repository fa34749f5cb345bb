"""Every code block in the README and docs/ works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import yaml
from packaging.requirements import Requirement

from demo.standalone import clean_environment, free_port
from tests.docs.conftest import fields
from tests.docs.markdown import REPOSITORY, Block, blocks, languages

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox import Sandbox
    from demo.storage import S3Server

TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
# Languages of blocks that are not run.
PROSE = {"text"}
CHECKED = {"python", "console", "json", "yaml"}
# Checked by test_deploying.py.
CHECKED |= {"dockerfile", "ini", "requirements"}


def test_languages_are_checked() -> None:
    assert languages() <= CHECKED | PROSE


def is_dag(block: Block) -> bool:
    return "\n@dag(" in block.code


TESTING = REPOSITORY / "docs" / "testing.md"
PYTHON_DOCUMENTS = sorted({block.path for block in blocks("python") if not is_dag(block)} - {TESTING})


@pytest.mark.parametrize("path", PYTHON_DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks_run(path: Path, account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one document share a namespace. Their tasks belong to a DAG, and their requests are dry-run."""
    from airflow.sdk import DAG

    names: dict[str, Any] = {"__name__": "documented"}
    with DAG(dag_id="documented", schedule=None) as dag:
        for block in blocks("python"):
            if block.path == path and not is_dag(block):
                exec(compile(block.padded(), str(path), "exec"), names)
    for task in dag.tasks:
        dry_run(task)


def dry_run(task: Any) -> None:
    """Let the sandbox validate the request of a task, if its arguments are known before a run."""
    from airflow_provider_ard.api.arguments import ORDER_ARGUMENTS, SELECT_ARGUMENTS
    from airflow_provider_ard.hooks.ard import ArdHook
    from airflow_provider_ard.operators.order import ArdOrderOperator
    from airflow_provider_ard.operators.select import ArdSelectOperator

    if isinstance(task, ArdOrderOperator) and not depends_on_run(task, ORDER_ARGUMENTS):
        hook = ArdHook()
        hook.dry_run(hook.order_request(**set_arguments(task, ORDER_ARGUMENTS)))
    if isinstance(task, ArdSelectOperator) and not depends_on_run(task, SELECT_ARGUMENTS):
        ArdHook().select_request(**set_arguments(task, SELECT_ARGUMENTS))


def set_arguments(task: Any, arguments: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments that are set."""
    return {name: getattr(task, name) for name in arguments if getattr(task, name) is not None}


def depends_on_run(task: Any, arguments: tuple[str, ...]) -> bool:
    """Whether an argument is a template or the result of another task."""
    from airflow.sdk import XComArg

    values = [getattr(task, name) for name in arguments]
    return any(isinstance(value, XComArg) or (isinstance(value, str) and "{{" in value) for value in values)


@pytest.mark.timeout(200)
def test_dags_load_and_manual_ones_deliver(s3: S3Server, tmp_path: Path) -> None:
    """Run the DAGs of all documents, and the tests of docs/testing.md, in one process: its start takes long."""
    from airflow_provider_ard.sandbox import Sandbox

    dags, tests = tmp_path / "dags", tmp_path / "tests"
    dags.mkdir()
    tests.mkdir()
    dag_blocks = [block for block in blocks("python") if is_dag(block)]
    for number, block in enumerate(dag_blocks):
        (dags / f"documented_{number}.py").write_text(block.padded())
    (dags / "fields.geojson").write_text(fields())
    conftest, documented_tests = (block for block in blocks("python") if block.path == TESTING)
    (tests / "conftest.py").write_text(conftest.code)
    (tests / "test_first_order.py").write_text(documented_tests.code)
    shutil.copy(Path(__file__).with_name("documented_dags.py"), tests / "test_dags.py")

    with Sandbox(order_duration=0, storage="s3", s3_endpoint=s3.url, pixels=64) as ard:
        env = clean_environment() | {
            # Real orders take hours, so sensors in the documents poll once a minute.
            "PYTHONPATH": os.pathsep.join(
                [str(REPOSITORY / "tests" / "integration" / "fast_polling_policy"), str(REPOSITORY)]
            ),
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
        }
        process = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(tests)],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert process.returncode == 0, process.stdout[-8000:] + process.stderr[-2000:]
        outcome = json.loads((tmp_path / "outcome.json").read_text())
        assert len(outcome["dags"]) == len(dag_blocks)
        assert outcome["states"]
        assert len(ard.submissions) == outcome["order_tasks"] >= len(outcome["states"])


@pytest.mark.timeout(400)
def test_tutorial_orders_and_delivers(tmp_path: Path) -> None:
    """Run the commands as documented, except for the installation, Airflow's services, the port and the duration."""
    port = str(free_port())
    serve, *steps = [
        script(block).replace("8081", port).replace("serve", f"serve --port {port}").replace("20s", "1s")
        for block in blocks("console")
        if block.path == TUTORIAL and "pip install" not in block.code and "standalone" not in block.code
    ]
    dags = tmp_path / "airflow" / "dags"
    dags.mkdir(parents=True)
    for block in blocks("python"):
        if block.path == TUTORIAL:
            [name] = re.findall(r"^def (\w+)\(\):", block.code, re.MULTILINE)
            (dags / f"{name}.py").write_text(block.code)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    env = clean_environment() | {"AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    serve = f". .venv/bin/activate; exec {serve}"
    with subprocess.Popen(["sh", "-c", serve], cwd=tmp_path, env=env, stdout=subprocess.PIPE) as ard:
        try:
            assert ard.stdout is not None
            assert json.loads(ard.stdout.readline())
            process = subprocess.run(
                ["sh", "-ec", "\n".join(steps)],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=350,
                check=False,
            )
        finally:
            ard.terminate()
    assert process.returncode == 0, process.stdout + process.stderr
    assert "SUCCEEDED" in process.stdout
    assert list((tmp_path / "delivered" / "my-bucket" / "imagery").rglob("*.tif"))


def script(block: Block) -> str:
    """Return the commands of a console block without their prompts."""
    return "".join(f"{line.removeprefix('$ ')}\n" for line in block.code.splitlines() if line.startswith("$ "))


def commands() -> list[tuple[Block, list[str]]]:
    """Return the commands in all console blocks, without comments."""
    parsed = []
    for block in blocks("console"):
        text = block.code.replace("\\\n", " ")
        lines = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
        assert lines, f"{block.name}: no line starts with a prompt"
        parsed += [(block, shlex.split(line, comments=True)) for line in lines]
    return parsed


@pytest.mark.parametrize(("block", "words"), commands(), ids=lambda value: getattr(value, "name", None) or value[0])
def test_commands_and_arguments_are_valid(block: Block, words: list[str]) -> None:
    # Skip environment variables, and everything before a pipe.
    while "=" in words[0].split("/")[0]:
        words = words[1:]
    if "|" in words:
        words = words[words.index("|") + 1 :]
    check = CHECKS.get(words[0])
    assert check, f"{block.name}: nothing checks `{words[0]}`"
    check(words[1:])


def make(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word]
    process = subprocess.run(
        ["make", "--dry-run", *targets], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr


def pip(words: list[str]) -> None:
    assert words[0] == "install"
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    # A dot is the cloned repository.
    requirements = [re.sub(r"^\.(?=\[|$)", project["name"], word) for word in words[1:]]
    own = [Requirement(word) for word in requirements if word.startswith(project["name"])]
    assert own
    assert all(
        requirement.name == project["name"] and requirement.extras <= project["optional-dependencies"].keys()
        for requirement in own
    )


def export(words: list[str]) -> None:
    """Check that Airflow can load an exported Connection and create a client of it."""
    from airflow_provider_ard.hooks.ard import ArdHook

    for word in words:
        name, _, value = word.partition("=")
        assert name.startswith(("AIRFLOW", "ARD_", "MAXAR_ARD_", "REQUESTS_CA_BUNDLE"))
        if name.startswith("AIRFLOW_CONN_ARD"):
            with patch.dict(os.environ, {name: value}):
                assert ArdHook(name.removeprefix("AIRFLOW_CONN_").lower()).get_conn()


def ard_sandbox(words: list[str]) -> None:
    from airflow_provider_ard.sandbox.__main__ import main

    main.make_context("ard-sandbox", words)


def ard(words: list[str]) -> None:
    import argparse

    from airflow_provider_ard.cli.__main__ import _add
    from airflow_provider_ard.cli.definition import ARD_COMMANDS

    if words in (["--help"], ["--version"]):
        return
    parser = argparse.ArgumentParser()
    _add(parser, ARD_COMMANDS)
    parser.parse_args(words)


def airflow(words: list[str]) -> None:
    if words[0] == "ard":
        ard(words[1:])
        return
    from airflow.cli.cli_parser import get_parser

    get_parser().parse_args(words)


def assume_installed(words: list[str]) -> None:
    """Accept a command that is assumed to be installed."""


CHECKS = {
    ".": assume_installed,
    "make": make,
    "pip": pip,
    "export": export,
    "ard-sandbox": ard_sandbox,
    "ard": ard,
    "airflow": airflow,
    "cd": assume_installed,
    "cp": assume_installed,
    "curl": assume_installed,
    "git": assume_installed,
    **dict.fromkeys(("python", "python3"), assume_installed),
    **dict.fromkeys(("astro", "aws", "docker", "gcloud", "helm", "kubectl", "zip"), assume_installed),
}


@pytest.mark.parametrize("block", blocks("json", "yaml"), ids=lambda block: block.name)
def test_json_and_yaml_blocks_are_valid(block: Block) -> None:
    if block.language == "json":
        json.loads(block.code)
    else:
        yaml.safe_load(block.code)

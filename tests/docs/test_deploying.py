"""The files on the page about deploying: requirements, images, Helm values, configuration and secrets."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement

from airflow_provider_ard import __version__
from tests.docs.markdown import REPOSITORY, Block, blocks, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = REPOSITORY / "docs" / "deploying.md"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
WHEEL = f"airflow_provider_ard-{__version__}-py3-none-any.whl"
REQUIREMENTS_OPTIONS = {"--find-links", "--constraint"}
INSTRUCTIONS = {"ARG", "COPY", "ENV", "FROM", "RUN", "USER"}
# Values of the chart that the page sets; `config` has the sections of Airflow's configuration.
CHART_VALUES = {
    "airflowVersion",
    "images.airflow.repository",
    "images.airflow.tag",
    "secret.envName",
    "secret.secretName",
    "secret.secretKey",
    "triggerer.replicas",
    "triggerer.resources.requests.cpu",
    "triggerer.resources.requests.memory",
    "triggerer.resources.limits.memory",
}


def on_page(language: str) -> list[Block]:
    selected = [block for block in blocks(language) if block.path == PAGE]
    assert selected
    return selected


def json_with(key: str) -> dict[str, Any]:
    """Return the first JSON block with a key."""
    return next(value for block in on_page("json") if key in (value := json.loads(block.code)))


def assert_installs_this_version(requirement: Requirement) -> None:
    assert requirement.name == PROJECT["name"]
    assert requirement.extras
    assert requirement.extras <= set(PROJECT["optional-dependencies"])
    assert requirement.specifier.contains(__version__)


def test_every_version_is_this_one() -> None:
    text = PAGE.read_text()
    assert set(re.findall(r"airflow_provider_ard-\S+?\.whl", text)) == {WHEEL}
    assert set(re.findall(r"airflow-provider-ard\[\w+\]==([\d.]+\d)", text)) == {__version__}
    assert f"for version {__version__}" in text


@pytest.mark.parametrize("block", on_page("requirements"), ids=lambda block: block.name)
def test_requirements_are_valid(block: Block) -> None:
    options = [line.split()[0] for line in block.code.splitlines() if line.startswith("-")]
    assert set(options) <= REQUIREMENTS_OPTIONS
    (requirement,) = (line for line in block.code.splitlines() if not line.startswith("-"))
    assert_installs_this_version(Requirement(requirement))


@pytest.mark.parametrize("block", on_page("dockerfile"), ids=lambda block: block.name)
def test_dockerfile_installs_the_wheel_it_copies(block: Block) -> None:
    instructions = [line.split(maxsplit=1) for line in block.code.replace("\\\n", " ").splitlines()]
    assert {name for name, _ in instructions} <= INSTRUCTIONS
    assert instructions[0][0] == "FROM"
    by_name = dict(instructions)
    source, target = by_name["COPY"].split()
    assert source.endswith(WHEEL)
    assert target == "/tmp/"
    (extra,) = re.findall(rf'"{target}{re.escape(WHEEL)}\[(\w+)\]"', by_name["RUN"])
    assert extra in PROJECT["optional-dependencies"]


def test_helm_values_exist() -> None:
    (block,) = on_page("yaml")
    values = yaml.safe_load(block.code)
    for section, options in values.pop("config").items():
        assert_in_configuration((section, option) for option in options)
    assert set(paths(values)) == CHART_VALUES
    (secret,) = values["secret"]
    assert secret["envName"] == "AIRFLOW_CONN_ARD_DEFAULT"
    command = next(line for block in on_page("console") for line in block.code.splitlines() if "kubectl" in line)
    assert f" {secret['secretName']} " in command
    assert f"--from-file={secret['secretKey']}=connection.json" in command


def paths(values: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted paths of all leaves; the items of a list have the path of the list."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from paths(value, f"{prefix}.{key}".lstrip("."))
    elif isinstance(values, list):
        for value in values:
            yield from paths(value, prefix)
    else:
        yield prefix


def assert_in_configuration(options: Any) -> None:
    from airflow.configuration import conf

    description = conf.configuration_description
    assert [name for name in options if name[1] not in description[name[0]]["options"]] == []


def test_airflow_options_exist() -> None:
    (environment,) = on_page("ini")
    variables = dict(line.split("=", 1) for line in environment.code.splitlines())
    assert_in_configuration(tuple(name.lower().split("__")[1:]) for name in variables)
    json.loads(variables["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert_in_configuration(tuple(name.split(".")) for name in json_with("secrets.backend"))


@pytest.mark.parametrize("row", table(PAGE, "The Connection")[1:-1], ids=lambda row: row[0][0].content)
def test_secret_has_the_name_that_the_backend_reads(row: list[list[Any]]) -> None:
    _, (backend, *_), (secret, *_) = row
    module, _, name = backend.content.rpartition(".")
    kind = getattr(import_module(module), name)
    options = inspect.signature(kind).parameters
    sep = options["sep"].default if "sep" in options else "/"
    assert kind.build_path(options["connections_prefix"].default, "ard_default", sep) == secret.content


def test_documented_secret_is_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """With MWAA's options, in AWS Secrets Manager as created by the command of the page."""
    import boto3
    from moto import mock_aws

    from airflow_provider_ard.hooks.ard import create_client

    options = json_with("secrets.backend")
    module, _, name = options["secrets.backend"].rpartition(".")
    (secret,) = re.findall(r"--name (\S+) --secret-string", PAGE.read_text())
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name=secret, SecretString=json.dumps(json_with("conn_type")))
        backend = getattr(import_module(module), name)(**json.loads(options["secrets.backend_kwargs"]))
        connection = backend.get_connection("ard_default")
    assert connection.login == "me@example.com"
    assert connection.extra_dejson == {"namespace": "prod"}
    assert create_client(connection)

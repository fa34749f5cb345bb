"""The reference names every argument, field, error and command that there is, and none that there is not."""

from __future__ import annotations

import inspect

import pytest

from airflow_provider_ard import exceptions
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger
from tests.docs.markdown import REPOSITORY, names_in_tables

DOCS = REPOSITORY / "docs"


@pytest.mark.parametrize(
    ("operator", "page", "heading"),
    [
        (ArdOrderOperator, "ordering.md", "Arguments"),
        (ArdOrderSensor, "waiting.md", "Arguments"),
        (ArdSelectOperator, "pipelines.md", "Search: ArdSelectOperator"),
        (ArdListTilesOperator, "pipelines.md", "Wait, list the tiles, map"),
        (ArdNewImageryTrigger, "pipelines.md", "New imagery as an event"),
    ],
)
def test_every_argument_is_in_the_table(operator: type, page: str, heading: str) -> None:
    there_are = {name for name in inspect.signature(operator.__init__).parameters if name not in {"self", "kwargs"}}
    assert set(names_in_tables(DOCS / page, heading)) == there_are


def test_every_field_of_the_connection_is_in_the_table() -> None:
    fields = {"login", "password", "host", *ARD_CONNECTION["conn-fields"]}
    named = (DOCS / "connection.md").read_text()
    assert all(f"| `{field}` |" in named for field in fields)
    assert all(f"| {field['label']} |" in named for field in ARD_CONNECTION["conn-fields"].values())


def test_every_error_is_in_the_table_with_what_airflow_makes_of_it() -> None:
    from airflow.providers.common.compat.sdk import AirflowFailException

    there_are = {
        name: kind for name, kind in vars(exceptions).items() if inspect.isclass(kind) and name.startswith("Ard")
    }
    page = (DOCS / "ordering.md").read_text()
    assert set(names_in_tables(DOCS / "ordering.md", "In task code")) == set(there_are)
    for name, kind in there_are.items():
        retries = "no" if issubclass(kind, AirflowFailException) else "yes"
        assert f"| `{name}` | {retries} |" in page


def test_every_command_is_in_the_table() -> None:
    from airflow.cli.cli_config import GroupCommand

    from airflow_provider_ard.cli.definition import ARD_COMMANDS

    there_are = set()
    for command in ARD_COMMANDS:
        subcommands = command.subcommands if isinstance(command, GroupCommand) else ()
        there_are |= {f"ard {command.name} {one.name}" for one in subcommands} or {f"ard {command.name}"}
    assert set(names_in_tables(DOCS / "cli.md", "The command line")) == there_are


def test_every_extra_is_told_in_the_readme() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    readme = (REPOSITORY / "README.md").read_text()
    assert all(f"`{extra}`" in readme for extra in project["optional-dependencies"])


def test_every_example_is_in_the_table() -> None:
    there_are = {path.name for path in (REPOSITORY / "dags_examples").glob("*.py")}
    assert set(names_in_tables(DOCS / "pipelines.md", "Examples to copy")) == there_are

"""The reference lists exactly the arguments, fields, errors and commands of the code."""

from __future__ import annotations

import inspect
import re

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
ERROR_PARAMETERS = {"self", "message", "details"}


@pytest.mark.parametrize(
    ("operator", "page", "heading"),
    [
        (ArdOrderOperator, "ordering.md", "Arguments"),
        (ArdOrderSensor, "waiting.md", "Arguments"),
        (ArdSelectOperator, "pipelines.md", "Search: ArdSelectOperator"),
        (ArdListTilesOperator, "pipelines.md", "Wait, list the tiles, map"),
        (ArdNewImageryTrigger, "assets.md", "New imagery as an event"),
    ],
)
def test_every_argument_is_in_the_table(operator: type, page: str, heading: str) -> None:
    expected = {name for name in inspect.signature(operator.__init__).parameters if name not in {"self", "kwargs"}}
    assert set(names_in_tables(DOCS / page, heading)) == expected


def test_every_connection_field_is_in_the_table() -> None:
    fields = {"login", "password", "host", *ARD_CONNECTION["conn-fields"]}
    page = (DOCS / "connection.md").read_text()
    assert all(f"| `{field}` |" in page for field in fields)
    assert all(f"| {field['label']} |" in page for field in ARD_CONNECTION["conn-fields"].values())


def test_every_error_is_in_the_table() -> None:
    from airflow_provider_ard.version_compat import AirflowFailException

    expected = {
        name: kind for name, kind in vars(exceptions).items() if inspect.isclass(kind) and name.startswith("Ard")
    }
    page = (DOCS / "errors.md").read_text()
    assert set(names_in_tables(DOCS / "errors.md", "Errors")) == set(expected)
    for name, kind in expected.items():
        error = kind.__new__(kind)
        error.message = ""
        ends_the_task = isinstance(exceptions.to_airflow_exception(error, "ard_default"), AirflowFailException)
        retries = "no" if ends_the_task else "yes"
        assert f"| `{name}` | {retries} |" in page


def test_every_command_is_in_the_table() -> None:
    from airflow_provider_ard.cli.definition import ARD_COMMANDS
    from airflow_provider_ard.cli.elements import Group

    expected = set()
    for command in ARD_COMMANDS:
        subcommands = command.commands if isinstance(command, Group) else ()
        expected |= {f"ard {command.name} {subcommand.name}" for subcommand in subcommands} or {f"ard {command.name}"}
    assert set(names_in_tables(DOCS / "cli.md", "The command line")) == expected


def test_every_field_of_an_error_is_in_the_table() -> None:
    fields: set[str] = set()
    for kind in vars(exceptions).values():
        if inspect.isclass(kind) and issubclass(kind, exceptions.ArdError):
            fields |= inspect.signature(kind.__init__).parameters.keys() - ERROR_PARAMETERS
    names = [name for name in names_in_tables(DOCS / "errors.md", "Fields") if not name.startswith("Ard")]
    assert sorted(names) == sorted(fields)


def test_every_tag_is_in_the_table() -> None:
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import Usage
    from airflow_provider_ard.ordering.idempotency import IdempotencyKey, tag_submission
    from airflow_provider_ard.ordering.task_state import Attempt
    from airflow_provider_ard.ordering.terminal_key import TerminalKey

    request = OrderRequest.of(acquisitions="10400100E82CCE00", destination="s3://bucket/prefix")
    estimate = Usage(area={"total_imagery_sqkm": 1}, cost={"total_imagery_cost": 1})
    task = IdempotencyKey(dag_id="dag", task_id="task", run_id="run", namespace="prod")
    command = TerminalKey(name="key", namespace="prod")
    tags: set[str] = set()
    for key in (task, command):
        tagged = tag_submission(key.tag(request, Attempt(mapped_instances=2)), key, 0.0, estimate)
        tags |= tagged.metadata.keys()
    assert sorted(names_in_tables(DOCS / "values.md", "Tags of an order")) == sorted(tags)


def test_every_xcom_key_is_in_the_table() -> None:
    from airflow_provider_ard.links.order import ARD_LINKS
    from airflow_provider_ard.operators.delivery_verification import XCOM_KEY
    from airflow_provider_ard.ordering.reservations import RESERVATION_KEY

    package = REPOSITORY / "airflow_provider_ard"
    keys = {key for path in package.rglob("*.py") for key in re.findall(r"xcom_push\(key=\"(\w+)\"", path.read_text())}
    keys |= {XCOM_KEY, RESERVATION_KEY, *(link.key for link in ARD_LINKS)}
    table = (DOCS / "values.md").read_text().partition("## Tags of an order")[0]
    assert len(keys) > 8
    assert [key for key in keys if f"`{key}`" not in table] == []


def test_every_assumption_is_in_the_table() -> None:
    from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS

    rows = [line for line in (DOCS / "sandbox-reference.md").read_text().splitlines() if line.startswith("| `")]
    for name, values in ASSUMPTIONS.items():
        row = next(line for line in rows if line.startswith(f"| `{name}`"))
        assert row.split("|")[2].strip() == ", ".join(f"`{value}`" for value in values)
    assert {name.split()[0] for name in names_in_tables(DOCS / "sandbox-reference.md", "Undocumented behavior")} == set(
        ASSUMPTIONS
    )


def test_readme_names_every_extra() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    readme = (REPOSITORY / "README.md").read_text()
    assert all(f"`{extra}`" in readme for extra in project["optional-dependencies"])


def test_every_example_is_in_the_table() -> None:
    expected = {path.name for path in (REPOSITORY / "dags_examples").glob("*.py")}
    assert set(names_in_tables(DOCS / "pipelines.md", "Examples to copy")) == expected

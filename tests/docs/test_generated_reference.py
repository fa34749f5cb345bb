"""The generated parts of the reference are complete in the built site; see scripts/site_reference.py."""

from __future__ import annotations

import re
from html import unescape

from tests.docs.markdown import REPOSITORY

SITE = REPOSITORY / "site"


def sections(page: str) -> dict[str, str]:
    """Return the text of each section of a page by its heading."""
    html = (SITE / page).read_text()
    parts = re.split(r"<h2 id=\"[^\"]*\">(.*?)(?:<a .*?)?</h2>", html)[1:]
    return {strip_tags(title): strip_tags(body) for title, body in zip(parts[::2], parts[1::2], strict=True)}


def strip_tags(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", html)).strip()


def test_every_command_and_flag_is_in_the_reference() -> None:
    from airflow_provider_ard.cli.definition import ARD_COMMANDS
    from airflow_provider_ard.cli.elements import Command, Group

    commands: dict[str, Command] = {}
    for command in ARD_COMMANDS:
        if isinstance(command, Group):
            commands |= {f"ard {command.name} {subcommand.name}": subcommand for subcommand in command.commands}
        else:
            commands[f"ard {command.name}"] = command
    documented = sections("commands.html")
    assert set(documented) == {*commands, "ard-sandbox serve"}
    for name, command in commands.items():
        words = documented[name].replace(",", " ").split()
        flags = [flag for argument in command.args for flag in argument.flags if flag.startswith("-")]
        assert [flag for flag in flags if flag not in words] == []
        assert len(re.findall(r"\S+", documented[name])) > len(flags)


def test_every_option_of_the_sandbox_is_in_the_reference() -> None:
    from airflow_provider_ard.sandbox.__main__ import main

    words = sections("commands.html")["ard-sandbox serve"].split()
    options = [option for parameter in main.params for option in parameter.opts if option.startswith("-")]
    assert options
    assert [option for option in options if option not in words] == []


def test_every_fault_is_in_the_reference() -> None:
    from airflow_provider_ard.sandbox.faults.kinds import KINDS, SELECTORS

    documented = sections("sandbox-reference.html")
    kinds, fields = documented["Kinds of fault"].split(), documented["Fault rules"].split()
    assert [kind for kind in KINDS if kind not in kinds] == []
    assert [field for field in SELECTORS if field not in fields] == []


def test_every_control_request_is_in_the_reference() -> None:
    from airflow_provider_ard.sandbox.routes import control

    requests = [f"{method} {route.path}" for route in control.router.routes for method in route.methods]
    documented = sections("sandbox-reference.html")["Control API"]
    assert len(requests) > 10
    assert [request for request in requests if request not in documented] == []


def test_no_marker_remains() -> None:
    assert [page.name for page in SITE.rglob("*.html") if "<!-- reference:" in page.read_text()] == []

"""Generate parts of the reference when the documentation is built, and insert diagrams; a hook of MkDocs.

A line `<!-- reference: NAME -->` in a page is replaced by the part of that name, see `PARTS`. The SVG of a diagram
replaces its image, so that it has the colors of the page.
"""

from __future__ import annotations

import argparse
import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_ard.cli.definition import ARD_COMMANDS
from airflow_provider_ard.cli.elements import Command, Group
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.__main__ import main as ard_sandbox
from airflow_provider_ard.sandbox.faults.kinds import KINDS, SELECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.cli.elements import Argument

_DIAGRAM = re.compile(r'<img[^>]* src="(?:\.\./)*images/([\w-]+\.svg)"[^>]*>')
# Their many words would precede the pages that explain them.
_RARELY_SEARCHED = ("comparison.md", "decisions/", "python.md")
_MARKER = re.compile(r"<!-- reference: (\w+) -->")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Insert the generated parts of a page, and set its keywords for the search. MkDocs calls this for each page."""
    page.meta["tags"] = config["extra"]["keywords"].get(page.file.src_uri, [])
    if page.file.src_uri.startswith(_RARELY_SEARCHED):
        page.meta["search"] = {"boost": 0.5}
    return _MARKER.sub(lambda marker: PARTS[marker[1]](), markdown)


def on_page_content(html: str, config: Any, **_: Any) -> str:
    """Replace the images of diagrams by their SVG. MkDocs calls this for each page."""
    return _DIAGRAM.sub(lambda image: (Path(config["docs_dir"]) / "images" / image[1]).read_text(), html)


def commands() -> str:
    """Return a section for each command of `ard`."""
    sections = []
    for name, command in _commands("ard", ARD_COMMANDS):
        description = escape(command.description or command.help).rstrip(".") + "."
        rows = [(_synopsis(argument), _argument_help(argument)) for argument in command.args]
        sections += [f"## {name}", description, _table(("Argument", "Description"), rows)]
    return "\n\n".join(sections)


def sandbox_options() -> str:
    """Return the table of options of `ard-sandbox serve`."""
    rows = []
    context = ard_sandbox.make_context("ard-sandbox", [])
    for option in ard_sandbox.params:
        if option.param_type_name != "option":
            continue
        record = option.to_info_dict()
        metavar = "" if record["is_flag"] else f" {_code(option.make_metavar(context))}"
        default = record["default"] if isinstance(record["default"], str | int | float) else None
        has_default = default is not None and not record["is_flag"]
        text = escape(record["help"].rstrip(".")) + (f" (default: `{default}`)" if has_default else "")
        rows.append((_code(", ".join(record["opts"]), "flag") + metavar, text))
    return _table(("Option", "Description"), rows)


def faults() -> str:
    """Return the table of kinds of fault with their options."""
    rows = []
    for name, kind in KINDS.items():
        options = "; ".join(f"`{option}`: {escape(meaning)}" for option, meaning in kind.options.items())
        endpoint = f"`{kind.endpoint}`" if kind.endpoint else ""
        rows.append((f"`{name}`", escape(kind.summary), options, endpoint))
    return _table(("Kind", "Effect", "Options", "Endpoint, unless set"), rows)


def fault_selectors() -> str:
    """Return the table of fields of every fault rule."""
    return _table(("Field", "Meaning"), [(f"`{name}`", escape(meaning)) for name, meaning in SELECTORS.items()])


def controls() -> str:
    """Return the table of control requests, from the OpenAPI description that the sandbox serves."""
    with Sandbox() as ard:
        api = requests.get(f"{ard.url}/openapi.json", timeout=10).json()
    rows = [
        (f"`{method.upper()} {path}`", escape(operation["description"].rstrip(".")), _body_fields(operation, api))
        for path, methods in sorted(api["paths"].items())
        if path.startswith("/sandbox/")
        for method, operation in methods.items()
    ]
    return _table(("Request", "Effect", "Fields of the body"), rows)


PARTS = {part.__name__: part for part in (commands, sandbox_options, faults, fault_selectors, controls)}


def _body_fields(operation: dict[str, Any], api: dict[str, Any]) -> str:
    """Return the fields of a request's JSON body, except those of fault rules, which have a table of their own."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    if name == "FaultRequest":
        return "a fault rule"
    schema = api["components"]["schemas"][name] if name else content.get("schema", {})
    return ", ".join(f"`{field}`" for field in schema.get("properties", {}))


def _commands(prefix: str, definitions: tuple[Command | Group, ...]) -> Iterator[tuple[str, Command]]:
    for definition in definitions:
        name = f"{prefix} {definition.name}"
        if isinstance(definition, Group):
            yield from _commands(name, definition.commands)
        else:
            yield name, definition


def _synopsis(argument: Argument) -> str:
    """Return the flags of an argument and its metavar, as in `ard --help`, as HTML."""
    action = _action(argument)
    invocation = argparse.HelpFormatter(prog="ard")._format_action_invocation(action)
    if not action.option_strings:
        return _code(invocation)
    # Without a value, the flags only, separated by commas.
    flags, _, value = (invocation, "", "") if action.nargs == 0 else invocation.partition(" ")
    return _code(flags, "flag") + (f" {_code(value)}" if value else "")


def _code(text: str, kind: str = "") -> str:
    """Return code as HTML, so that it may have a class, and contain what is markup in a table or a link in Markdown."""
    attribute = f' class="{kind}"' if kind else ""
    escaped = re.sub(r"[|\[\]]", lambda match: f"&#{ord(match[0])};", html.escape(text))
    return f"<code{attribute}>{escaped}</code>"


def _argument_help(argument: Argument) -> str:
    action = _action(argument)
    notes = [escape((action.help or "").rstrip("."))]
    if action.option_strings and action.required:
        notes.append("required")
    return "; ".join(notes)


def _action(argument: Argument) -> argparse.Action:
    return argparse.ArgumentParser(add_help=False).add_argument(*argument.flags, **argument.options)


def escape(text: str) -> str:
    """Return plain text, in which backticks mark code, as Markdown in a table cell."""
    return re.sub(r"([\\*|<>\[\]])", r"\\\1", text)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

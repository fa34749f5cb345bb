"""What the command line consists of: `Argument`, `Command`, `Group`, and arguments of several commands."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable


class Argument:
    """An argument: flags and options of `ArgumentParser.add_argument`."""

    def __init__(self, *flags: str, **options: Any) -> None:
        self.flags = flags
        self.options = options

    def add_to_parser(self, parser: ArgumentParser) -> None:
        """Add the argument to a parser."""
        parser.add_argument(*self.flags, **self.options)


class Command(NamedTuple):
    """A command; `function` is its path, and `check` returns the problem of arguments that contradict each other."""

    name: str
    help: str
    function: str
    args: tuple[Argument, ...]
    description: str | None = None
    check: Callable[[Namespace], str | None] | None = None

    def run(self, namespace: Namespace) -> None:
        """Run the command; exit with its exit code unless that is 0."""
        problem = self.check(namespace) if self.check else None
        if problem:
            sys.stderr.write(f"error: {problem}\n")
            sys.exit(2)
        module, _, name = self.function.rpartition(".")
        getattr(import_module(f"airflow_provider_ard.cli.{module}"), name)(namespace)


class Group(NamedTuple):
    """A group of commands."""

    name: str
    help: str
    commands: tuple[Command, ...]


ARG_CONN_ID = Argument("--conn-id", help="Connection ID of type ard (default: ard_default)", default="ard_default")
ARG_JSON = Argument("--json", help="Output JSON instead of a table", action="store_true")

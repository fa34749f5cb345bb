"""The console script `ard`, for every version of Airflow; `python -m airflow_provider_ard.cli` is the same."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from airflow_provider_ard import __version__
from airflow_provider_ard.cli.definition import ARD_COMMANDS, EXIT_CODES
from airflow_provider_ard.cli.elements import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_ard.cli.elements import Command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exit with its exit code unless that is 0."""
    parser = argparse.ArgumentParser(
        prog="ard",
        description="Manage orders of Maxar Analysis-Ready Data (ARD) through an Airflow Connection.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    _add(parser, ARD_COMMANDS)
    namespace = parser.parse_args(arguments)
    namespace.run(namespace)


def _add(parser: argparse.ArgumentParser, commands: Iterable[Command | Group]) -> None:
    choices = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        if isinstance(command, Group):
            _add(choices.add_parser(command.name, help=command.help, description=command.help), command.commands)
            continue
        command_parser = choices.add_parser(
            command.name,
            help=command.help,
            description=command.description or command.help,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for argument in command.args:
            argument.add_to_parser(command_parser)
        command_parser.set_defaults(run=command.run)


if __name__ == "__main__":
    main()

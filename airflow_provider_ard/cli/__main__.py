"""The console script `ard`, for every version of Airflow; `python -m airflow_provider_ard.cli` is the same."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from airflow.cli.cli_config import GroupCommand

from airflow_provider_ard import __version__
from airflow_provider_ard.cli.definition import ARD_COMMANDS, EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow.cli.cli_config import CLICommand


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
    namespace.func(namespace)


def _add(parser: argparse.ArgumentParser, commands: Iterable[CLICommand]) -> None:
    choices = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        command_parser = choices.add_parser(
            command.name,
            help=command.help,
            description=command.description or command.help,
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if isinstance(command, GroupCommand):
            _add(command_parser, command.subcommands)
        else:
            for argument in command.args:
                argument.add_to_parser(command_parser)
            command_parser.set_defaults(func=command.func)


if __name__ == "__main__":
    main()

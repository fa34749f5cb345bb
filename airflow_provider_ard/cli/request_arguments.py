"""The arguments of orders and Selects, from flags or a file, and errors that name them as the user wrote them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Collection, Iterator

# Flags that are repeated as NAME=VALUE.
_MAPPINGS = ("settings", "metadata")


def passed_flags(args: Namespace, names: Collection[str]) -> dict[str, Any]:
    """Return the values of the flags that were passed, by the names of their arguments."""
    values = {name: value for name in names if (value := getattr(args, name, None)) is not None}
    if "bbox" in values:
        # One string of four numbers or four strings: both are valid.
        values["bbox"] = " ".join(values["bbox"])
    return values | {name: dict(values[name]) for name in _MAPPINGS if name in values}


@contextmanager
def errors_naming_options(names: Collection[str], in_file: Collection[str] = ()) -> Iterator[None]:
    """Name the flag in the error of an argument, such as `--stack-depth` for `stack_depth`.

    `in_file`: arguments from a file, which keep their names.
    """
    try:
        yield
    except ArdRequestError as error:
        name, dot, rest = (error.argument or "").partition(".")
        if name not in names or error.status is not None:
            raise
        message = error.message.removeprefix(f"{error.argument}: ")
        option = f"--file: {name}" if name in in_file else f"--{name.replace('_', '-')}"
        raise ArdRequestError(message, argument=f"{option}{dot}{rest}") from None

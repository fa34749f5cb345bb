"""The arguments of an order in a YAML or JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from airflow_provider_ard.api.arguments import did_you_mean, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from collections.abc import Collection


def read_arguments_file(path: str, names: Collection[str]) -> dict[str, Any]:
    """Return the arguments in a file. Raises `ArdRequestError` for any other content, which may be secret: without it.

    `names`: the valid ones.
    """
    arguments = _parse(path, _read(path))
    if not isinstance(arguments, dict):
        raise _error(path, f"expected names and values of arguments, got a {type(arguments).__name__}")
    for name in arguments:
        if name not in names:
            raise _error(path, f"unknown argument {safe_repr(name)}{did_you_mean(name, names)}")
    return arguments


def _read(path: str) -> str:
    try:
        return Path(path).expanduser().read_text()
    except (OSError, ValueError) as error:
        raise _error(path, f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}") from None


def _parse(path: str, content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        # Not all JSON is YAML: a tab is no whitespace there.
        pass
    try:
        return yaml.load(content, _UniqueKeyLoader)  # noqa: S506 -- a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise _error(path, f"expected YAML or JSON{line}") from None


class _UniqueKeyLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Refuses mappings that repeat a key: of two limits, PyYAML takes the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len({str(key) for key in keys}):
            raise yaml.constructor.ConstructorError(problem_mark=node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _error(path: str, message: str) -> ArdRequestError:
    return ArdRequestError(f"{safe_repr(path)}: {message}", argument="--file")

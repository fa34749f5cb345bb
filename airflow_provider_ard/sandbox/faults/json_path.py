"""A small JSON path: `data[*].order.metadata`, `progress.acquisitions[0]`, `$` for the document."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")

Step = str | int
Path = tuple[Step, ...]
ALL = "[*]"


def parse_path(path: str) -> Path:
    """Return the steps of a path: keys, list indexes and `ALL`; raises ValueError."""
    remainder = path.strip().removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(remainder):
        match = _STEP.match(remainder, position)
        if match is None:
            raise ValueError(f"path: expected keys and indexes such as data[*].id, got {path!r}")
        key, index = match.groups()
        steps.append(key if key is not None else ALL if index == "*" else int(index))
        position = match.end()
    return tuple(steps)


def set_value(document: Any, path: Path, value: Any) -> Any:
    """Return the document with `value` at a path; keys are added, missing parents are ignored."""
    return _edit(document, path, lambda _: value)


def drop_value(document: Any, path: Path) -> Any:
    """Return the document without the keys or items at a path."""
    for parent, step in _parents(document, path):
        if isinstance(parent, dict):
            parent.pop(step, None)
        elif step == ALL:
            parent.clear()
        elif isinstance(step, int) and step < len(parent):
            del parent[step]
    return document if path else None


def rename_key(document: Any, path: Path, name: str) -> Any:
    """Return the document with the key at the end of a path renamed."""
    for parent, step in _parents(document, path):
        if isinstance(parent, dict) and step in parent:
            parent[name] = parent.pop(step)
    return document


def _edit(document: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(document)
    for parent, step in _parents(document, path):
        if isinstance(parent, dict):
            parent[step] = change(parent.get(step))
        else:
            indexes = range(len(parent)) if step == ALL else [step]
            for index in indexes:
                if isinstance(index, int) and index < len(parent):
                    parent[index] = change(parent[index])
    return document


def _parents(document: Any, path: Path) -> Iterator[tuple[Any, Step]]:
    """Yield the objects and lists that contain the end of a path, with its last step."""
    if not path:
        return
    step, rest = path[0], path[1:]
    if isinstance(step, str) and step != ALL:
        matches = isinstance(document, dict)
        children = [document[step]] if matches and step in document else []
    else:
        matches = isinstance(document, list)
        index = slice(None) if isinstance(step, str) else slice(step, step + 1)
        children = document[index] if matches else []
    if matches and not rest:
        yield document, step
    elif rest:
        for child in children:
            yield from _parents(child, rest)

"""The public API as text: `python -m tests.release.public_api > tests/release/public_api.txt`.

Names and signatures are read from the source of the public modules, so that Airflow is not needed. A module with
`__all__` has the names listed there, wherever in the package they are defined. Everything else may change in any release.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2] / "airflow_provider_ard"
SNAPSHOT = Path(__file__).with_name("public_api.txt")
PUBLIC = (
    *(
        "assets/__init__.py",
        "catalogs.py",
        "exceptions.py",
        "links/order.py",
        "hooks/ard.py",
        "sensors/*.py",
        "triggers/*.py",
    ),
    *("operators/approval.py", "operators/order.py", "operators/select.py", "operators/tiles.py"),
    *("api/account.py", "api/account_client.py", "api/client.py", "api/errors.py"),
    *("api/orders/request.py", "api/orders/status.py"),
    *("api/selects/request.py", "api/selects/results.py"),
    *(
        "api/budgets.py",
        "ordering/budget.py",
        "ordering/cumulative_budget.py",
        "ordering/idempotency.py",
        "ordering/placement.py",
    ),
    *("sandbox/account.py", "sandbox/proxy.py", "sandbox/server.py"),
)


def modules() -> list[Path]:
    """Return the source files of the public modules. Raises ValueError for a pattern that matches none."""
    paths = {pattern: list(PACKAGE.glob(pattern)) for pattern in PUBLIC}
    unmatched = [pattern for pattern in PUBLIC if not paths[pattern]]
    if unmatched:
        raise ValueError(f"PUBLIC: no module matches {', '.join(unmatched)}")
    return sorted(path for pattern in PUBLIC for path in paths[pattern] if "*" not in pattern or path.stem[0] != "_")


def snapshot() -> str:
    """Return the public API, one name per line."""
    return "".join(f"{line}\n" for path in modules() for line in _module(path))


def _module(path: Path) -> Iterator[str]:
    yield ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    body = ast.parse(path.read_text()).body
    listed = _listed(body)
    yield from _body(body if listed is None else _definitions(body, listed), indent="  ")


def _listed(body: list[ast.stmt]) -> set[str] | None:
    """Return what `__all__` lists, None without one."""
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


def _definitions(body: list[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """Return the definitions of these names, including those imported from other modules of the package."""
    definitions = []
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE.name}."):
            source = PACKAGE.parent.joinpath(*str(node.module).split(".")).with_suffix(".py")
            if imported := names & {alias.name for alias in node.names}:
                definitions += _definitions(ast.parse(source.read_text()).body, imported)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
            definitions.append(node)
    return definitions


def _body(body: list[ast.stmt], indent: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and _is_public(node.name):
            yield f"{indent}class {node.name}({', '.join(ast.unparse(base) for base in node.bases)})"
            yield from _body(node.body, indent + "  ")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_public(node.name):
            decorators = "".join(f"@{ast.unparse(decorator)} " for decorator in node.decorator_list)
            kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            yield f"{indent}{decorators}{kind} {node.name}({ast.unparse(node.args)}){returns}"
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_public(node.target.id):
            yield f"{indent}{node.target.id}: {ast.unparse(node.annotation)}"
        elif isinstance(node, ast.Assign):
            yield from (
                f"{indent}{name.id}" for name in node.targets if isinstance(name, ast.Name) and _is_public(name.id)
            )


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__init__"


if __name__ == "__main__":
    sys.stdout.write(snapshot())

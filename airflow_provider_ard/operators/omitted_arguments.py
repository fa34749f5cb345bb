"""Omitted arguments of operators: None is a value of one that limits an order or a search, and an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import OMITTED

if TYPE_CHECKING:
    from collections.abc import Iterable


class OmittedArgumentsMixin:
    """An operator with arguments whose default is `OMITTED`."""

    _omitted: set[str]

    def _record_omitted(self, **limiting: Any) -> None:
        """Record the omitted ones before rendering: an argument that renders to None is not omitted."""
        self._omitted = {name for name, value in limiting.items() if value is OMITTED}

    def _passed(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the arguments that were not omitted."""
        return {name: getattr(self, name) for name in names if name not in self._omitted}

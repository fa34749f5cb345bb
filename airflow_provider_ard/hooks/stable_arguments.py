"""Arguments in a form that Airflow serializes equally at each parse of a DAG file.

Airflow stores an object by its text. That of a generator or of a plain object contains an address in memory, so each
parse would be another version of the DAG.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_provider_ard.api.arguments import to_list

# JSON is nested less deeply, so that a list that contains itself ends.
_MAX_DEPTH = 50


def with_stable_text(value: Any, argument: str, depth: int = 0) -> Any:
    """Return an argument with generators as lists and geometry objects without a text of their own as GeoJSON.

    The value itself if it contains none of these. Raises `ArdRequestError` for a generator that raises.
    """
    if isinstance(value, Iterator):
        value = to_list(value, argument, "a list")
    if isinstance(value, list | tuple) and depth < _MAX_DEPTH:
        items = [with_stable_text(item, argument, depth + 1) for item in value]
        if all(new is item for new, item in zip(items, value, strict=True)):
            return value
        return items if isinstance(value, list) else tuple(items)
    if _has_own_text(value):
        return value
    try:
        # A cell of maxar-ard-grid; its own coordinates are UTM meters.
        return getattr(value, "geom_WGS84", None) or getattr(value, "__geo_interface__", value)
    except Exception:  # noqa: BLE001 -- properties run the user's own code; reading the argument reports it
        return value


def _has_own_text(value: Any) -> bool:
    return any(getattr(type(value), method) is not getattr(object, method) for method in ("__str__", "__repr__"))

"""A local ARD API over HTTP: logins, orders, delivered tiles and fault injection.

Use `with Sandbox(order_duration="0.2s") as ard:` in tests, or `ard-sandbox` in a shell. Requires the `sandbox` extra;
importing this package alone loads none of its dependencies.
"""

from typing import TYPE_CHECKING, Any

from airflow_provider_ard.sandbox.assumptions import Assumptions

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.server import Sandbox

__all__ = ["Assumptions", "Sandbox"]


def __getattr__(name: str) -> Any:
    """Import `Sandbox`, and with it GDAL and FastAPI, on first access."""
    if name == "Sandbox":
        try:
            from airflow_provider_ard.sandbox.server import Sandbox
        except ModuleNotFoundError as error:
            raise ImportError(f"the sandbox requires airflow-provider-ard[sandbox]: {error}") from error
        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

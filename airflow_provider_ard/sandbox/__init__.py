"""A local ARD API over HTTP: logins, orders, delivered tiles and faults on demand.

`with Sandbox(order_duration="0.2s") as ard:` in tests, `python -m airflow_provider_ard.sandbox` in a shell.
It needs the `sandbox` extra. Importing this module alone loads none of it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.server import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    """Load the server, and with it GDAL and FastAPI, only when somebody asks for it."""
    if name == "Sandbox":
        try:
            from airflow_provider_ard.sandbox.server import Sandbox
        except ModuleNotFoundError as error:
            raise ImportError(f"the sandbox needs airflow-provider-ard[sandbox]: {error}") from error
        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

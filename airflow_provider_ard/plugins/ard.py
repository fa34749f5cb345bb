"""The Airflow plugin: registers the page of ARD orders. Every Airflow component loads this module, so it stays small.

The page needs Airflow 3.1 or newer; on older versions the plugin is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

URL_PREFIX = "/ard-orders"
# /plugin/ard-orders is the page of all orders, /plugin/ard-order the tab of a task instance.
PAGE_ROUTE = "ard-orders"
TAB_ROUTE = "ard-order"


class OrdersApp:
    """The page's ASGI application, created at the first request, which only the API server receives."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if self._app is None:
            from airflow_provider_ard.plugins.orders_page.page_app import create_page_app

            self._app = create_page_app(_load_data_app)
        await self._app(scope, receive, send)


def _load_data_app() -> ASGIApp:
    from airflow_provider_ard.plugins.orders_page.app import get_app

    return get_app()


def _below_base_url(path: str) -> str:
    return urlsplit(conf.get("api", "base_url", fallback="/") or "/").path.rstrip("/") + path


def _views() -> list[dict[str, str]]:
    entry = f"{_below_base_url(URL_PREFIX)}/"
    icons = {
        "icon": f"{entry}static/icon.svg",
        "icon_dark_mode": f"{entry}static/icon-dark.svg",
    }
    task = "?dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}"
    return [
        {
            "name": "ARD orders",
            "href": entry,
            "destination": "nav",
            "category": "browse",
            "url_route": PAGE_ROUTE,
            **icons,
        },
        {
            "name": "ARD order",
            "href": f"{entry}{task}",
            "destination": "task_instance",
            "url_route": TAB_ROUTE,
            **icons,
        },
    ]


_has_pages = hasattr(AirflowPlugin, "external_views")


class ArdPlugin(AirflowPlugin):
    """The page of all orders, and the tab of a task's orders."""

    name = "ard"
    fastapi_apps = [{"app": OrdersApp(), "url_prefix": URL_PREFIX, "name": "ARD orders"}] if _has_pages else []
    external_views = _views() if _has_pages else []

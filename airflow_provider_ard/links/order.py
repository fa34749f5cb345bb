"""Links of a task in Airflow's UI: its order, the destination and the root collection.

A task pushes the URLs as XComs once they are known, and empty ones before: Airflow logs an error for a missing XCom. It
hides a link without a URL.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from airflow_provider_ard.version_compat import BaseOperatorLink, XCom, conf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_ard.version_compat import BaseOperator

_log = logging.getLogger(__name__)
ORDER_URL_KEY = "order_url"
DESTINATION_URL_KEY = "destination_url"
COLLECTION_URL_KEY = "collection_url"
# `az://container` does not contain the storage account, so the portal can only list them.
_AZURE = "https://portal.azure.com/#browse/Microsoft.Storage%2FStorageAccounts"


class ArdOrderLink(BaseOperatorLink):
    """The order in the page of this provider (Airflow 3.1 or newer), else its status at the ARD API."""

    name = "ARD order"
    key = ORDER_URL_KEY

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the URL, an empty string until it is known."""
        return XCom.get_value(ti_key=ti_key, key=self.key) or ""


class ArdDestinationLink(ArdOrderLink):
    """The order's destination in the console of AWS, Google or Azure."""

    name = "ARD delivery"
    key = DESTINATION_URL_KEY


class ArdCollectionLink(ArdOrderLink):
    """The order's root collection, in the console of AWS or Google."""

    name = "ARD root collection"
    key = COLLECTION_URL_KEY


ARD_LINKS = (ArdOrderLink(), ArdDestinationLink(), ArdCollectionLink())


def push_links(
    ti: Any,
    ard_conn_id: str,
    reports: Sequence[Mapping[str, Any]],
    status_url: str = "",
    *,
    with_unknown: bool = True,
) -> None:
    """Push the URLs of orders from the reports of `OrderStatus.report()`.

    For several orders, the order link leads to all of them; URLs that differ are empty. A failure is logged, as links
    are only displayed. `with_unknown`: False to keep the URLs that the task has pushed where these are empty.
    """
    try:
        urls = _urls(ard_conn_id, reports, status_url)
        _push(ti, {key: url for key, url in urls.items() if url or with_unknown})
    except Exception as error:  # noqa: BLE001 -- see above
        _log.warning("Pushing the links failed: %s", error)


def push_empty_links(ti: Any) -> None:
    """Push the URLs of a task that has no order yet; a failure is logged, as links are only displayed."""
    try:
        _push(ti, {link.key: "" for link in ARD_LINKS})
    except Exception as error:  # noqa: BLE001 -- see above
        _log.warning("Pushing the links failed: %s", error)


def _push(ti: Any, urls: Mapping[str, str]) -> None:
    for key, url in urls.items():
        ti.xcom_push(key=key, value=url)


def _urls(ard_conn_id: str, reports: Sequence[Mapping[str, Any]], status_url: str) -> dict[str, str]:
    single = reports[0] if len(reports) == 1 else None
    locations = {report.get("output_uri") for report in reports}
    return {
        ORDER_URL_KEY: order_page(ard_conn_id, single["order_id"] if single else None) or status_url,
        DESTINATION_URL_KEY: console_url(locations.pop()) if len(locations) == 1 else "",
        COLLECTION_URL_KEY: object_url(single.get("collection_uri")) if single else "",
    }


def order_page(ard_conn_id: str, order_id: str | None = None) -> str:
    """Return the URL of an order, or of all, on this provider's page; empty before Airflow 3.1, which has no page."""
    from airflow import __version__ as airflow_version
    from packaging.version import Version

    if Version(airflow_version).release < (3, 1):
        return ""
    query = {"connection": ard_conn_id} | ({"order": order_id} if order_id else {})
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/plugin/ard-orders?{urlencode(query)}"


def console_url(output_uri: str | None) -> str:
    """Return the URL of a location in its cloud's console, in a form that needs no region, project or tenant."""
    scheme, bucket, path = _parts(output_uri)
    if scheme == "s3":
        prefix = f"?{urlencode({'prefix': f'{path}/'})}" if path else ""
        return f"https://s3.console.aws.amazon.com/s3/buckets/{quote(bucket)}{prefix}"
    if scheme == "gs":
        return f"https://console.cloud.google.com/storage/browser/{quote(f'{bucket}/{path}'.rstrip('/'))}"
    return _AZURE if scheme == "az" else ""


def object_url(uri: str | None) -> str:
    """Return the URL of an object in its cloud's console; empty for Azure, whose portal has no such URL."""
    scheme, bucket, path = _parts(uri)
    if scheme == "s3":
        return f"https://s3.console.aws.amazon.com/s3/object/{quote(bucket)}?{urlencode({'prefix': path})}"
    if scheme == "gs":
        return f"https://console.cloud.google.com/storage/browser/_details/{quote(f'{bucket}/{path}')}"
    return ""


def _parts(uri: str | None) -> tuple[str, str, str]:
    scheme, _, rest = (uri or "").partition("://")
    bucket, _, path = rest.partition("/")
    return scheme, bucket, path.strip("/")

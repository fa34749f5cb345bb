"""Links on a task in Airflow's UI: its order, where that is delivered to, its root collection.

A task pushes the addresses as XComs once it knows them; a link that is not known is not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom, conf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import BaseOperator

ORDER_URL_KEY = "order_url"
DESTINATION_URL_KEY = "destination_url"
COLLECTION_URL_KEY = "collection_url"
# None of the storage accounts is named by `az://container`, so the portal can only list them.
_AZURE = "https://portal.azure.com/#browse/Microsoft.Storage%2FStorageAccounts"


class ArdOrderLink(BaseOperatorLink):
    """The order in the page of this provider (Airflow 3.1 or newer), else its status at the ARD API."""

    name = "ARD order"
    key = ORDER_URL_KEY

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the address, empty until it is known."""
        return XCom.get_value(ti_key=ti_key, key=self.key) or ""


class ArdDestinationLink(ArdOrderLink):
    """Where the order is delivered to, in the console of AWS, Google or Azure."""

    name = "ARD delivery"
    key = DESTINATION_URL_KEY


class ArdCollectionLink(ArdOrderLink):
    """The order's root collection, in the console of AWS or Google."""

    name = "ARD root collection"
    key = COLLECTION_URL_KEY


ARD_LINKS = (ArdOrderLink(), ArdDestinationLink(), ArdCollectionLink())


def push_links(ti: Any, ard_conn_id: str, reports: Sequence[Mapping[str, Any]], status_url: str = "") -> None:
    """Push the addresses of orders from what `OrderStatus.report()` says of them.

    Of several orders, the link to the order leads to all of them, and what is not the same for all is left out.
    """
    one = reports[0] if len(reports) == 1 else None
    places = {report.get("output_uri") for report in reports}
    links = {
        ORDER_URL_KEY: order_page(ard_conn_id, one["order_id"] if one else None) or status_url,
        DESTINATION_URL_KEY: console_url(places.pop()) if len(places) == 1 else "",
        COLLECTION_URL_KEY: object_url(one.get("collection_uri")) if one else "",
    }
    for key, url in links.items():
        if url:
            ti.xcom_push(key=key, value=url)


def order_page(ard_conn_id: str, order_id: str | None = None) -> str:
    """Return the address of an order, or of all, in this provider's page; empty before Airflow 3.1, which has none."""
    from airflow import __version__ as airflow_version
    from packaging.version import Version

    if Version(airflow_version).release < (3, 1):
        return ""
    query = {"connection": ard_conn_id} | ({"order": order_id} if order_id else {})
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/plugin/ard-orders?{urlencode(query)}"


def console_url(output_uri: str | None) -> str:
    """Return the address of a place in its cloud's console, in a form that needs no region, project or tenant."""
    scheme, bucket, path = _parts(output_uri)
    if scheme == "s3":
        prefix = f"?{urlencode({'prefix': f'{path}/'})}" if path else ""
        return f"https://s3.console.aws.amazon.com/s3/buckets/{quote(bucket)}{prefix}"
    if scheme == "gs":
        return f"https://console.cloud.google.com/storage/browser/{quote(f'{bucket}/{path}'.rstrip('/'))}"
    return _AZURE if scheme == "az" else ""


def object_url(uri: str | None) -> str:
    """Return the address of one object in its cloud's console; empty for Azure, whose portal has no such address."""
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

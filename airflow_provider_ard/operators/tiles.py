"""`ArdListTilesOperator` lists delivered tiles for `.expand()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import none_if_blank, pluralize, safe_repr
from airflow_provider_ard.api.orders.order_ids import parse_order_ids
from airflow_provider_ard.exceptions import (
    ArdError,
    ArdOrderFailed,
    ArdRequestError,
    airflow_exceptions,
    raises_airflow_exceptions,
)
from airflow_provider_ard.hooks.secret_arguments import SecretArgumentsMixin
from airflow_provider_ard.links.order import ARD_LINKS, push_empty_links, push_links
from airflow_provider_ard.version_compat import BaseOperator, conf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_ard.api.delivery.filters import TileFilter
    from airflow_provider_ard.api.delivery.layout import TileLocation
    from airflow_provider_ard.api.delivery.verification import Verification
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.hooks.storage import AirflowObjectStore
    from airflow_provider_ard.version_compat import Context


class ArdListTilesOperator(SecretArgumentsMixin, BaseOperator):
    """Read the STAC documents of delivered orders and return their tiles.

        tiles = ArdListTilesOperator(task_id="list_tiles", order_id=order.output, storage_conn_id="aws_default")
        ingest.expand(tile=tiles.output)

    XCom: a list of tiles `{"item_uri", "acquisition_id", "cell_id", "date", "assets": {key: uri}}`; with `batch_size`,
    a list of lists of these. A tile takes about 1.3 kB of XCom, with one or two `assets` a quarter of that. Any task
    can open the URIs: `ObjectStoragePath(uri, conn_id=…)`.

    With `outlets`, the asset's event contains the orders, see `airflow_provider_ard.assets`.

    If orders share a destination, only the tiles of the requested ones are returned, as far as their status echoes the
    request: exactly for cells, for an AOI by the cells that intersect it (with a margin of 200 m), and by acquisition
    for a Select.

    All filters are template fields; None, an empty string or the string `None` is no filter. Tiles that `dates`,
    `cells` or `acquisitions` exclude are not read.

    :param order_id: The ID of an order that has succeeded, or a list of them.
    :param assets: Return only these assets of each tile, by their keys in the STAC item: `["visual", "cloud-mask"]`.
        With an empty list no item is read, and listing any number of tiles takes seconds. Raises `ArdRequestError` for
        a key that no tile has.
    :param dates: Return only tiles acquired on a day, `2026-06-03`, in an interval, `2026-06-01/2026-06-30` (both days
        included; `..` for no bound), or in a list of these. The time of day is ignored.
    :param cells: Return only tiles of this cell, such as `Z13-031133320203`, or of several.
    :param acquisitions: Return only tiles of this acquisition, such as `10300100B2B49700`, or of several.
    :param verify: `"fail"` (or True) compares the delivery with the order and raises `ArdDeliveryIncomplete` for
        missing cells and assets, and missing, empty or truncated objects; `"report"` does not raise it. Both push
        a report to XCom, key `verification`: `{"complete", "counts", "problems", …}`. False does not compare.
    :param batch_size: Return batches of at most this many tiles, to stay below Airflow's `[core] max_map_length` (1024
        by default): if a task maps over more tiles than that, an error is raised before they are read.
    :param storage_conn_id: The Connection for reading the storage, such as `aws_default`: of type `aws` for S3,
        `google_cloud_platform` for Google, `wasb` or `adls` for Azure. None uses the credentials of the
        environment.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdRequestError: if an argument is invalid.
    :raises airflow_provider_ard.exceptions.ArdOrderFailed: if an order has failed.
    :raises airflow_provider_ard.exceptions.ArdDeliveryIncomplete: with `verify="fail"`, if a delivery is incomplete.
    :raises airflow_provider_ard.exceptions.ArdError: if an order is still running, or its delivery cannot be read.
    """

    template_fields: Sequence[str] = (
        "order_id",
        "assets",
        "dates",
        "cells",
        "acquisitions",
        "verify",
        "batch_size",
        "storage_conn_id",
        "ard_conn_id",
    )
    operator_extra_links = ARD_LINKS
    ui_color = "#dae8fc"

    def __init__(
        self,
        *,
        order_id: Any,
        assets: Any = None,
        dates: Any = None,
        cells: Any = None,
        acquisitions: Any = None,
        verify: Any = False,
        batch_size: int | str | None = None,
        storage_conn_id: str | None = None,
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.order_id = order_id
        self.assets = assets
        self.dates = dates
        self.cells = cells
        self.acquisitions = acquisitions
        self.verify = verify
        self.batch_size = batch_size
        self.storage_conn_id = storage_conn_id
        self.ard_conn_id = ard_conn_id

    @raises_airflow_exceptions
    def execute(self, context: Context) -> list[Any]:
        """Return the orders' tiles, or batches of them."""
        from airflow_provider_ard.api.delivery.filters import TileFilter
        from airflow_provider_ard.api.delivery.stac import read_tiles
        from airflow_provider_ard.assets.delivery import delivery_event, publish_to_outlets
        from airflow_provider_ard.hooks.ard import ArdHook
        from airflow_provider_ard.hooks.connection_ids import check_optional_conn_id
        from airflow_provider_ard.hooks.storage import AirflowObjectStore
        from airflow_provider_ard.operators.delivery_verification import parse_verify, verify_deliveries

        push_empty_links(context["ti"])
        with airflow_exceptions(self.ard_conn_id):
            order_ids = parse_order_ids(self.order_id)
            tile_filter = TileFilter.of(
                assets=self.assets, dates=self.dates, cells=self.cells, acquisitions=self.acquisitions
            )
            verify = parse_verify(self.verify)
            storage_conn_id = check_optional_conn_id(self.storage_conn_id, "storage_conn_id")
        size = self._checked_batch_size()
        hook = ArdHook(self.ard_conn_id)
        orders = [_check_succeeded(hook.get_order(order_id)) for order_id in order_ids]
        push_links(context["ti"], self.ard_conn_id, [order.report() for order in orders])
        store = AirflowObjectStore(storage_conn_id)
        with airflow_exceptions(self.ard_conn_id):
            items: dict[str, TileLocation] = {}
            deliveries = []
            events = []
            for order in orders:
                order_items = self._items(order, store, tile_filter)
                events.append(delivery_event(order.report(), len(order_items)))
                deliveries.append((order, order_items))
                items |= order_items
            self._check_map_length(len(items), size)
            if verify is None:
                read = read_tiles(items, store, tile_filter.assets)
            else:
                read, verification = verify_deliveries(hook, deliveries, store, tile_filter)
                self._report(verification, context, verify)
        tiles = [tile.to_json() for tile in read]
        publish_to_outlets(self.outlets, events, context)
        return tiles if size is None else [tiles[start : start + size] for start in range(0, len(tiles), size)]

    def _report(self, verification: Verification, context: Context, verify: str) -> None:
        """Push the result of a verification, and raise `ArdDeliveryIncomplete` if `verify` is `fail`."""
        from airflow_provider_ard.operators.delivery_verification import FAIL, XCOM_KEY

        context["ti"].xcom_push(key=XCOM_KEY, value=verification.to_json())
        log = self.log.warning if verification.counts else self.log.info
        log("Delivery of %s verified: %s", ", ".join(verification.order_ids), verification)
        if verify == FAIL:
            verification.raise_if_incomplete()

    def _items(self, order: OrderStatus, store: AirflowObjectStore, tile_filter: TileFilter) -> dict[str, TileLocation]:
        from airflow_provider_ard.api.delivery.scope import OrderScope
        from airflow_provider_ard.api.delivery.stac import find_items

        uri = order.report()["collection_uri"]
        if not uri:
            raise ArdError(f"order {order.id}: the API does not return its destination", order_id=order.id)
        order_items = find_items(uri, store, tile_filter, OrderScope(order.order).contains)
        acquisitions = {location.acquisition_id for location in order_items.values()}
        log = self.log.info if order_items else self.log.warning
        tiles, acquisitions_text = pluralize(len(order_items), "tile"), pluralize(len(acquisitions), "acquisition")
        log("Order %s: %s of %s%s", order.id, tiles, acquisitions_text, self._filters())
        return order_items

    def _filters(self) -> str:
        filters = [
            name for name in ("dates", "cells", "acquisitions") if none_if_blank(getattr(self, name)) is not None
        ]
        return f" (filtered by {', '.join(filters)})" if filters else ""

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the delivery as OpenLineage datasets."""
        from airflow_provider_ard.lineage.openlineage import lineage_of_delivery

        return lineage_of_delivery(self.ard_conn_id, parse_order_ids(self.order_id))

    def _checked_batch_size(self) -> int | None:
        size = none_if_blank(self.batch_size)
        if isinstance(size, str) and size.strip().isdecimal():
            size = int(size)
        if size is None or (isinstance(size, int) and not isinstance(size, bool) and size >= 1):
            return size
        raise ArdRequestError(
            f"expected a number of at least 1, got {safe_repr(self.batch_size)}", argument="batch_size"
        )

    def _check_map_length(self, tiles: int, size: int | None) -> None:
        """Raise an error for more mapped tasks than Airflow allows, before their items are read."""
        limit = conf.getint("core", "max_map_length", fallback=1024)
        length = tiles if size is None else -(-tiles // size)
        if length <= limit:
            return
        message = (
            f"{tiles} tiles would create {length} mapped tasks, more than [core] max_map_length ({limit}); set "
            f"batch_size to {-(-tiles // limit)} or more, or raise that limit"
        )
        if next(self.iter_mapped_dependants(), None) is not None:
            raise ArdRequestError(message, argument="batch_size")
        self.log.warning("If a task maps over this result: batch_size: %s", message)


def _check_succeeded(order: OrderStatus) -> OrderStatus:
    from airflow_provider_ard.api.orders.status import State

    if order.state is State.FAILED:
        raise ArdOrderFailed(f"order {order.id} failed: {order.status_message or order.status}", order_id=order.id)
    if order.state is not State.SUCCEEDED:
        raise ArdError(f"order {order.id} is {order.status}: wait for it with ArdOrderSensor first", order_id=order.id)
    return order

"""`ArdListTilesOperator` lists what orders delivered, ready for `.expand()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_ard.api.arguments import none_if_blank, pluralize, safe_repr
from airflow_provider_ard.api.orders.order_ids import parse_order_ids
from airflow_provider_ard.exceptions import (
    ArdError,
    ArdOrderFailed,
    ArdRequestError,
    airflow_exceptions,
    raises_airflow_exceptions,
)
from airflow_provider_ard.links.order import ARD_LINKS, push_links

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_ard.api.delivery.filters import TileFilter
    from airflow_provider_ard.api.delivery.layout import TileLocation
    from airflow_provider_ard.api.orders.status import OrderStatus


class ArdListTilesOperator(BaseOperator):
    """Read the STAC that orders delivered and return their tiles.

    XCom: a list of `{"item_uri", "acquisition_id", "cell_id", "date", "assets": {key: uri}}`, a tile each; with
    `batch_size`, a list of lists of these. Map over it: `ingest.expand(tile=list_tiles.output)`. A tile is some 1.3 kB
    of XCom, with one or two `assets` a quarter of that. The URIs open in any task: `ObjectStoragePath(uri, conn_id=…)`.

    With `outlets`, the asset's event tells of the orders, see `airflow_provider_ard.assets`.

    Of orders into one place only the tiles of the one asked for are returned, as far as its status tells what it was
    for: exactly for cells, for an AOI by the cells that meet it (200 m around them), and by acquisition for a Select.

    All filters are template fields; None, an empty text or the word None is no filter. Tiles that `dates`, `cells` or
    `acquisitions` leave out are not read.

    :param order_id: The id of an order that has succeeded, or a list of them.
    :param assets: Only these of each tile's assets, by their keys in the STAC item: `["visual", "cloud-mask"]`. An
        empty list wants none: then no item is read at all, and the listing of any number of tiles takes seconds.
        Refused: a key that no tile has.
    :param dates: Only tiles taken on a day, `2026-06-03`, in an interval, `2026-06-01/2026-06-30` (both days count;
        `..` for no bound), or in a list of these. A time of day does not count.
    :param cells: Only tiles of a cell, like `Z13-031133320203`, or of several.
    :param acquisitions: Only tiles of an acquisition, like `10300100B2B49700`, or of several.
    :param batch_size: Hand on batches of at most this many tiles, to stay below Airflow's `[core] max_map_length`
        (1024 unless it is set): more tiles than that are an error, before they are read, if a task maps over them.
    :param storage_conn_id: The Connection for reading the storage, such as `aws_default`: of type `aws` for S3,
        `google_cloud_platform` for Google, `wasb` or `adls` for Azure. None takes what the machine's environment
        offers.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdRequestError: if an argument cannot be right.
    :raises airflow_provider_ard.exceptions.ArdOrderFailed: if an order has failed.
    :raises airflow_provider_ard.exceptions.ArdError: if one is still running, or what was delivered cannot be read.
    """

    template_fields: Sequence[str] = (
        "order_id",
        "assets",
        "dates",
        "cells",
        "acquisitions",
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
        self.batch_size = batch_size
        self.storage_conn_id = storage_conn_id
        self.ard_conn_id = ard_conn_id

    @raises_airflow_exceptions
    def execute(self, context: Context) -> list[Any]:
        """Return the orders' tiles, or batches of them."""
        from airflow_provider_ard.api.delivery.filters import TileFilter
        from airflow_provider_ard.api.delivery.stac import read_tiles
        from airflow_provider_ard.assets.delivery import delivery_event, tell_outlets
        from airflow_provider_ard.hooks.ard import ArdHook
        from airflow_provider_ard.hooks.storage import reader

        with airflow_exceptions(self.ard_conn_id):
            order_ids = parse_order_ids(self.order_id)
            wanted = TileFilter.of(
                assets=self.assets, dates=self.dates, cells=self.cells, acquisitions=self.acquisitions
            )
        size = self._checked_batch_size()
        hook = ArdHook(self.ard_conn_id)
        orders = [_succeeded(hook.get_order(order_id)) for order_id in order_ids]
        push_links(context["ti"], self.ard_conn_id, [order.report() for order in orders])
        read_json = reader(none_if_blank(self.storage_conn_id))
        with airflow_exceptions(self.ard_conn_id):
            items: dict[str, TileLocation] = {}
            told = []
            for order in orders:
                found = self._items(order, read_json, wanted)
                told.append(delivery_event(order.report(), len(found)))
                items |= found
            self._check_map_length(len(items), size)
            tiles = [tile.to_json() for tile in read_tiles(items, read_json, wanted.assets)]
        tell_outlets(self.outlets, told, context)
        return tiles if size is None else [tiles[start : start + size] for start in range(0, len(tiles), size)]

    def _items(
        self, order: OrderStatus, read_json: Callable[[str], dict[str, Any]], wanted: TileFilter
    ) -> dict[str, TileLocation]:
        from airflow_provider_ard.api.delivery.scope import Ask
        from airflow_provider_ard.api.delivery.stac import find_items

        uri = order.report()["collection_uri"]
        if not uri:
            raise ArdError(f"order {order.id}: the API does not tell where it was delivered to", order_id=order.id)
        found = find_items(uri, read_json, wanted, Ask(order.order).has)
        acquisitions = {place.acquisition_id for place in found.values()}
        tell = self.log.info if found else self.log.warning
        tiles, of = pluralize(len(found), "tile"), pluralize(len(acquisitions), "acquisition")
        tell("Order %s: %s of %s%s.", order.id, tiles, of, self._filters())
        return found

    def _filters(self) -> str:
        set_ones = [
            name for name in ("dates", "cells", "acquisitions") if none_if_blank(getattr(self, name)) is not None
        ]
        return f" (filtered by {', '.join(set_ones)})" if set_ones else ""

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage of the delivery that was read."""
        from airflow_provider_ard.lineage.openlineage import lineage_of_delivery

        return lineage_of_delivery(self.ard_conn_id, parse_order_ids(self.order_id))

    def _checked_batch_size(self) -> int | None:
        size = none_if_blank(self.batch_size)
        if isinstance(size, str) and size.strip().isdecimal():
            size = int(size)
        if size is None or (isinstance(size, int) and not isinstance(size, bool) and size >= 1):
            return size
        raise ArdRequestError(f"wanted a number of at least 1, got {safe_repr(self.batch_size)}", argument="batch_size")

    def _check_map_length(self, tiles: int, size: int | None) -> None:
        """Say what Airflow would not take before ten thousand items have been read for it."""
        limit = conf.getint("core", "max_map_length", fallback=1024)
        length = tiles if size is None else -(-tiles // size)
        if length <= limit:
            return
        message = (
            f"{tiles} tiles are {length} mapped tasks, more than [core] max_map_length, {limit}: set batch_size to "
            f"{-(-tiles // limit)} or more, or raise that limit"
        )
        if next(self.iter_mapped_dependants(), None) is not None:
            raise ArdRequestError(message, argument="batch_size")
        self.log.warning("batch_size: %s, if a task is to map over them.", message)


def _succeeded(order: OrderStatus) -> OrderStatus:
    from airflow_provider_ard.api.orders.status import State

    if order.state is State.FAILED:
        raise ArdOrderFailed(f"order {order.id} has failed: {order.status_message or order.status}", order_id=order.id)
    if order.state is not State.SUCCEEDED:
        raise ArdError(f"order {order.id} is {order.status}: wait for it with ArdOrderSensor first", order_id=order.id)
    return order

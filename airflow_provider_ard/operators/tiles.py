"""`ArdListTilesOperator` lists what an order delivered, ready for `.expand()`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_ard.exceptions import ArdOrderFailed, ArdRequestError, ArdTaskError, airflow_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_ard.api.order import OrderStatus


class ArdListTilesOperator(BaseOperator):
    """Read the STAC that an order delivered and return its tiles.

    XCom: a list of `{"item_uri", "acquisition_id", "cell_id", "date", "assets": {key: uri}}`, a tile each; with
    `batch_size`, a list of lists of these. Map over it: `ingest.expand(tile=list_tiles.output)`.

    :param order_id: The id of an order that has succeeded.
    :param batch_size: Hand on batches of at most this many tiles, to stay below Airflow's `max_map_length`.
    :param storage_conn_id: The Connection for reading the storage (for S3 for example `aws_default`); None takes what
        the machine's environment offers.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdOrderFailed: if the order has failed.
    :raises airflow_provider_ard.exceptions.ArdTaskError: if it is still running, or what was delivered cannot be read.
    """

    template_fields: Sequence[str] = ("order_id", "batch_size", "storage_conn_id", "ard_conn_id")
    ui_color = "#dae8fc"

    def __init__(
        self,
        *,
        order_id: str,
        batch_size: int | None = None,
        storage_conn_id: str | None = None,
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.order_id = order_id
        self.batch_size = batch_size
        self.storage_conn_id = storage_conn_id
        self.ard_conn_id = ard_conn_id

    def execute(self, context: Context) -> list[Any]:
        """Return the order's tiles, or batches of them."""
        from airflow_provider_ard.api.delivery import list_tiles
        from airflow_provider_ard.hooks.ard import ArdHook

        size = self._checked_batch_size()
        order = ArdHook(self.ard_conn_id).get_order(self.order_id)
        collection_uri = _collection_of(order)
        with airflow_errors(self.ard_conn_id):
            tiles = [tile.to_json() for tile in list_tiles(collection_uri, self._read_json)]
        acquisitions = {tile["acquisition_id"] for tile in tiles}
        self.log.info("Order %s delivered %d tiles of %d acquisitions.", order.id, len(tiles), len(acquisitions))
        if size is None:
            return tiles
        return [tiles[start : start + size] for start in range(0, len(tiles), size)]

    def _checked_batch_size(self) -> int | None:
        size = self.batch_size
        if isinstance(size, str) and size.strip().isdecimal():
            size = int(size)
        if size is None or (isinstance(size, int) and not isinstance(size, bool) and size >= 1):
            return size
        raise ArdRequestError(f"wanted a number of at least 1, got {self.batch_size!r}", argument="batch_size")

    def _read_json(self, uri: str) -> dict[str, Any]:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        try:
            content = json.loads(ObjectStoragePath(uri, conn_id=self.storage_conn_id).read_bytes())
        except FileNotFoundError as error:
            raise ArdTaskError(f"{uri}: not there, or not to be seen with storage_conn_id") from error
        except ValueError as error:
            raise ArdTaskError(f"{uri}: not a JSON document") from error
        if not isinstance(content, dict):
            raise ArdTaskError(f"{uri}: not a STAC document")
        return content


def _collection_of(order: OrderStatus) -> str:
    from airflow_provider_ard.api.order import State

    if order.state is State.FAILED:
        raise ArdOrderFailed(f"order {order.id} has failed: {order.status_message or order.status}", order_id=order.id)
    if order.state is not State.SUCCEEDED:
        raise ArdTaskError(
            f"order {order.id} is {order.status}: wait for it with ArdOrderSensor first", order_id=order.id
        )
    uri = order.report()["collection_uri"]
    if not uri:
        raise ArdTaskError(f"order {order.id}: the API does not tell where it was delivered to", order_id=order.id)
    return str(uri)

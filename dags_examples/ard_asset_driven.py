"""Ingest imagery when it is delivered, in another DAG than the one that orders it.

Needs `airflow-provider-ard[s3,examples]`, a Connection `ard_default` of type ARD, and `aws_default` for the bucket.
The end of an order is an event of the asset that stands for the place of delivery. Any number of DAGs may order to it,
and any number be scheduled on it.
"""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import ObjectStoragePath, dag, task

from airflow_provider_ard.assets import delivered_orders, delivery_asset
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

DESTINATION = "s3://ard-demo/shared"
IMAGERY = delivery_asset(DESTINATION)
STORAGE = "aws_default"


@dag(schedule=None, default_args={"retries": 2}, tags=["ard"])
def ard_deliver():
    """Order imagery, and publish an asset event when it is delivered."""
    order = ArdOrderOperator(
        task_id="order",
        acquisitions=["10400100E82CCE00"],
        bbox=[-105.10, 40.13, -105.03, 40.19],
        destination=DESTINATION,
    )
    # With the storage's Connection, the event contains the number of tiles.
    ArdOrderSensor(task_id="wait", order_id=order.output, storage_conn_id=STORAGE, outlets=[IMAGERY])


# Airflow 2 wants a start_date of every DAG with a schedule, though no day matters here.
@dag(schedule=[IMAGERY], start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args={"retries": 2}, tags=["ard"])
def ard_ingest_delivered():
    """List the tiles of the orders that were delivered, ingest each."""
    tiles = ArdListTilesOperator(task_id="list_tiles", order_id=delivered(), storage_conn_id=STORAGE)
    ingest.expand(tile=tiles.output)


@task
def delivered(**context) -> list[str]:
    """Return the orders that have started this run: several, if they ended close to each other."""
    return [order["order_id"] for order in delivered_orders(context)]


@task(map_index_template="{{ task.op_kwargs['tile']['cell_id'] }}")
def ingest(tile: dict) -> dict:
    """Open the visual image of a tile; your own step goes here."""
    import rasterio

    uri = tile["assets"]["visual"]
    with ObjectStoragePath(uri, conn_id=STORAGE).open("rb") as file, rasterio.open(file) as image:
        return {"uri": uri, "crs": str(image.crs), "pixels": image.width * image.height}


ard_deliver()
ard_ingest_delivered()

"""Order imagery in one DAG, and ingest it in another one when it is delivered.

Needs `airflow-provider-ard[s3,examples]`, a Connection `ard_default` of type ARD, and `aws_default` for the bucket.
A finished order emits an event of the asset of its destination. Several DAGs may deliver to it, and several may be
scheduled on it.
"""

from datetime import UTC, datetime

from airflow_provider_ard.assets import delivered_orders, delivery_asset
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import ObjectStoragePath, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath

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


# Airflow 2 requires a start_date for every scheduled DAG; its value does not matter here.
@dag(schedule=[IMAGERY], start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args={"retries": 2}, tags=["ard"])
def ard_ingest_delivered():
    """List the tiles of the delivered orders, and ingest each."""
    tiles = ArdListTilesOperator(task_id="list_tiles", order_id=delivered(), storage_conn_id=STORAGE)
    ingest.expand(tile=tiles.output)


@task
def delivered(**context) -> list[str]:
    """Return the IDs of the orders that triggered this run; several, if they finished at about the same time."""
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

"""Order and ingest each new acquisition over an AOI as soon as it is published.

Needs Airflow 3.0 or newer (3.3 to neither miss nor repeat acquisitions after a restart),
`airflow-provider-ard[s3,examples]`, a Connection `ard_default` of type ARD, and `aws_default` for the bucket. Imagery
that exists when the DAG is first unpaused is not new. A run may contain several acquisitions: each has its own order
and budget.
"""

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger, new_acquisitions

try:
    from airflow.sdk import Asset, AssetWatcher, ObjectStoragePath, dag, task
except ImportError:  # Airflow 2.11 has no asset watchers, so this file defines no DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath

    AssetWatcher = None

STORAGE = "aws_default"


@task(map_index_template="{{ task.op_kwargs['tile']['cell_id'] }}")
def ingest(tile: dict) -> dict:
    """Open the visual image of a tile; your own step goes here."""
    import rasterio

    uri = tile["assets"]["visual"]
    with ObjectStoragePath(uri, conn_id=STORAGE).open("rb") as file, rasterio.open(file) as image:
        return {"uri": uri, "crs": str(image.crs), "pixels": image.width * image.height}


if AssetWatcher:
    trigger = ArdNewImageryTrigger(bbox=[-105.10, 40.13, -105.03, 40.19], query={"eo:cloud_cover": {"lte": 20}})
    imagery = Asset("new_imagery_longmont", watchers=[AssetWatcher(name="longmont", trigger=trigger)])

    @task(inlets=[imagery])
    def new(triggering_asset_events=None, inlet_events=None) -> list[dict]:
        """Return the acquisitions that triggered this run, as the argument of an order."""
        return new_acquisitions(triggering_asset_events, inlet_events)

    @dag(schedule=[imagery], is_paused_upon_creation=True, default_args={"retries": 2}, tags=["ard"])
    def ard_new_imagery():
        """Order each acquisition, wait for all, list the tiles, ingest each."""
        order = ArdOrderOperator.partial(
            task_id="order",
            destination="s3://ard-demo/new",
            max_cost=2000,
            map_index_template="{{ task.acquisitions.id }}",
        ).expand(acquisitions=new())
        delivered = ArdOrderSensor(task_id="wait", order_id=order.output)
        tiles = ArdListTilesOperator(task_id="list_tiles", order_id=order.output, storage_conn_id=STORAGE)
        delivered >> tiles
        ingest.expand(tile=tiles.output)

    ard_new_imagery()

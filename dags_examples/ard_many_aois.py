"""Order new imagery of many AOIs: one search, order and ingest for each, in parallel.

Needs `airflow-provider-ard[s3,examples]`, a Connection `ard_default` of type ARD, and `aws_default` for the bucket.
AOIs are independent: one without imagery is skipped, one above its limit fails, and the others continue.
"""

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import ObjectStoragePath, Param, dag, task, task_group
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task, task_group
    from airflow.io.path import ObjectStoragePath
    from airflow.models.param import Param

# The list can also be the output of a task.
AOIS = [
    {"bbox": [-105.10, 40.13, -105.03, 40.19], "destination": "s3://ard-demo/aois/longmont"},
    {"bbox": [-68.88, -32.92, -68.81, -32.86], "destination": "s3://ard-demo/aois/mendoza"},
    {"bbox": [13.35, 52.48, 13.45, 52.55], "destination": "s3://ard-demo/aois/berlin"},
]
STORAGE = "aws_default"
PARAMS = {
    "acquired": Param(
        "2026-09-01/2026-10-31", type="string", description="Interval of acquisition dates, both included"
    )
}


@dag(schedule=None, params=PARAMS, default_args={"retries": 2}, tags=["ard"])
def ard_many_aois():
    """Run the task group for each AOI."""
    aoi.expand_kwargs(AOIS)


@task_group
def aoi(bbox, destination):
    """Select, order, wait, list the tiles and ingest them, for one AOI."""
    select = ArdSelectOperator(
        task_id="select",
        bbox=bbox,
        datetime="{{ params.acquired }}",
        query={"eo:cloud_cover": {"lte": 5}},
        # By default the API returns only the best few tiles of each cell.
        stack_depth=100,
        skip_if_empty=True,
    )
    order = ArdOrderOperator(
        task_id="order",
        select_id=select.output,
        destination=destination,
        max_cost=5000,
        map_index_template="{{ task.destination }}",
    )
    delivered = ArdOrderSensor(task_id="wait", order_id=order.output)
    tiles = ArdListTilesOperator(task_id="list_tiles", order_id=order.output, storage_conn_id=STORAGE)
    delivered >> tiles
    ingest(tiles.output)


@task
def ingest(tiles: list[dict]) -> list[dict]:
    """Open the visual image of each tile of an AOI; replace this by your own step."""
    import rasterio

    images = []
    for tile in tiles:
        uri = tile["assets"]["visual"]
        with ObjectStoragePath(uri, conn_id=STORAGE).open("rb") as file, rasterio.open(file) as image:
            images.append({"uri": uri, "crs": str(image.crs), "pixels": image.width * image.height})
    return images


ard_many_aois()

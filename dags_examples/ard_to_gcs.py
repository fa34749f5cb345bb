"""Order imagery to Google Cloud Storage with credentials that are stored with the ARD API.

Needs `airflow-provider-ard[gcs,examples]`, a Connection `google_cloud_default` that reads the bucket, and a Connection
`ard_default` of type ARD whose `credentials_ids` map storage locations to stored credentials:

    {"gs://ard-demo": "ard-writer"}

To store them: `ard credentials put ard-writer --file service-account.json`.
"""

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import ObjectStoragePath, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath

STORAGE = "google_cloud_default"


@dag(schedule=None, default_args={"retries": 2}, tags=["ard"])
def ard_to_gcs():
    """Order, wait, list the tiles, ingest each."""
    order = ArdOrderOperator(
        task_id="order",
        acquisitions=["10400100E82CCE00"],
        bbox=[-105.10, 40.13, -105.03, 40.19],
        destination="gs://ard-demo/delivered",
    )
    delivered = ArdOrderSensor(task_id="wait", order_id=order.output)
    tiles = ArdListTilesOperator(task_id="list_tiles", order_id=order.output, storage_conn_id=STORAGE)
    delivered >> tiles
    ingest.expand(tile=tiles.output)


@task(map_index_template="{{ task.op_kwargs['tile']['cell_id'] }}")
def ingest(tile: dict) -> dict:
    """Open the visual image of a tile; your own step goes here."""
    import rasterio

    uri = tile["assets"]["visual"]
    with ObjectStoragePath(uri, conn_id=STORAGE).open("rb") as file, rasterio.open(file) as image:
        return {"uri": uri, "crs": str(image.crs), "pixels": image.width * image.height}


ard_to_gcs()

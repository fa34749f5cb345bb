"""Order imagery to Azure Blob Storage, with a SAS URL from an Airflow Connection.

Needs `airflow-provider-ard[azure,examples]`, a Connection `ard_default` of type ARD, `wasb_default` that reads the
container, and `ard_writer`, of any type, whose password is the SAS URL with permission to write. Airflow masks
passwords everywhere. The SAS must be valid for the duration of an order, up to three days. Credentials that are stored
with the ARD API, as in `ard_to_gcs.py`, work for Azure as well.
"""

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import ObjectStoragePath, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath

STORAGE = "wasb_default"


@dag(schedule=None, default_args={"retries": 2}, tags=["ard"])
def ard_to_azure():
    """Order, wait, list the tiles, ingest each."""
    order = ArdOrderOperator(
        task_id="order",
        acquisitions=["10400100E82CCE00"],
        bbox=[-105.10, 40.13, -105.03, 40.19],
        output_config={
            "azure_blob_storage": {
                "container": "ard-demo",
                "prefix": "delivered",
                "sas_url": "{{ conn.ard_writer.password }}",
            }
        },
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


ard_to_azure()

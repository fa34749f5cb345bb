"""Order to each cloud, list the delivered tiles and read a COG of each."""

from airflow.sdk import ObjectStoragePath, dag, task

from airflow_provider_ard.assets import delivery_asset
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

TILES = {"1040010060C9AD00": ["Z13-031131111333", "Z13-031131111332"]}
CLOUDS = {"s3": "s3://tiles/listed", "gcs": "gs://tiles/listed", "azure": "az://tiles/listed"}


def ingest_from(cloud, destination):
    storage = f"clouds_{cloud}"
    asset = delivery_asset(destination)

    @task
    def ingest(tile):
        import rasterio

        with (
            ObjectStoragePath(tile["assets"]["visual"], conn_id=storage).open("rb") as file,
            rasterio.open(file) as cog,
        ):
            return [tile["item_uri"], int(cog.read(1).max())]

    @dag(dag_id=f"from_{cloud}", schedule=None)
    def order_and_ingest():
        order = ArdOrderOperator(task_id="order", acquisitions=TILES, destination=destination)
        wait = ArdOrderSensor(
            task_id="wait", order_id=order.output, poke_interval=1, storage_conn_id=storage, outlets=[asset]
        )
        tiles = ArdListTilesOperator(
            task_id="list_tiles", order_id=order.output, assets=["visual"], storage_conn_id=storage
        )
        wait >> tiles
        ingest.expand(tile=tiles.output)

    return order_and_ingest()


for name, location in CLOUDS.items():
    ingest_from(name, location)

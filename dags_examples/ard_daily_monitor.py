"""Order each day's new imagery of an AOI, if it is clear and within a limit, and ingest it.

Needs `airflow-provider-ard[s3,examples]`, a Connection `ard_default` of type ARD, and `aws_default` for the bucket.
An acquisition belongs to exactly one day: retries, cleared tasks and backfills do not order it twice. A manual run
orders its day again. A day without imagery is skipped; a day above the limit fails without an order. For past days, use
`airflow backfill create`.
"""

from datetime import UTC, datetime

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import ObjectStoragePath, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath

AOI = [-105.10, 40.13, -105.03, 40.19]
MAX_COST_PER_DAY = 5000
STORAGE = "aws_default"


@dag(
    # A plain "@daily" gives runs of Airflow 3 an empty data interval that contains no acquisitions.
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,
    default_args={"retries": 2},
    tags=["ard"],
)
def ard_daily_monitor():
    """Select, order, wait, list the tiles, ingest each."""
    select = ArdSelectOperator(
        task_id="select",
        bbox=AOI,
        # Imagery is published some time after its acquisition: search the day three days before the run.
        datetime="{{ data_interval_start.subtract(days=3) }}/{{ data_interval_end.subtract(days=3) }}",
        query={"eo:cloud_cover": {"lte": 20}},
        stack_depth=100,
        skip_if_empty=True,
    )
    order = ArdOrderOperator(
        task_id="order",
        acquisitions=select.output["acquisitions"],
        destination="s3://ard-demo/monitor",
        max_cost=MAX_COST_PER_DAY,
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


ard_daily_monitor()

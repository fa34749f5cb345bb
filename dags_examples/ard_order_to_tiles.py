"""Order ARD imagery, wait for it without a worker slot, and ingest it tile by tile: a catalog and a mosaic.

Needs `airflow-provider-ard[s3,examples]`, a Connection `ard_default` of type ARD, and `aws_default` for the buckets.
The acquisitions and the AOI are those of the sandbox; pass your own as params of the run.
"""

from datetime import timedelta

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

# For Airflow 3 only, the first import is enough.
try:
    from airflow.sdk import ObjectStoragePath, Param, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath
    from airflow.models.param import Param

STORAGE = "aws_default"
PARAMS = {
    "acquisitions": Param(["10400100E82CCE00", "1040010060C9AD00"], type="array", description="Acquisition IDs"),
    "bbox": Param([-105.10, 40.13, -105.03, 40.19], type="array", description="AOI: xmin, ymin, xmax, ymax (degrees)"),
    "destination": Param("s3://ard-demo/delivered", type="string", description="Destination of the order"),
    "ingested": Param(
        "s3://ard-demo/ingested", type="string", description="Where the DAG writes, one folder per order"
    ),
}


@dag(
    schedule=None,
    params=PARAMS,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["ard"],
)
def ard_order_to_tiles():
    """Order, wait, list the tiles, ingest each, and merge them."""
    order = ArdOrderOperator(
        task_id="order",
        acquisitions="{{ params.acquisitions }}",
        bbox="{{ params.bbox }}",
        destination="{{ params.destination }}",
    )
    # Real orders take hours: omit poke_interval for the default of one minute.
    delivered = ArdOrderSensor(task_id="wait", order_id=order.output, poke_interval=5)
    # Fails if tiles or files of the order are missing or damaged.
    tiles = ArdListTilesOperator(task_id="list_tiles", order_id=order.output, verify="fail", storage_conn_id=STORAGE)
    delivered >> tiles
    folder = "{{ params.ingested }}/{{ ti.xcom_pull(task_ids='order') }}"
    rows = ingest.partial(folder=folder).expand(tile=tiles.output)
    mosaic(catalog(rows, folder), folder)


@task
def ingest(tile: dict, folder: str) -> str:
    """Measure a tile's visual image; write its row (the STAC item with statistics) and a quicklook."""
    import json

    import rasterio

    with open_file(tile["assets"]["visual"]) as file, rasterio.open(file) as cog:
        # Three bands, or one of the panchromatic WorldView-1. A reduced size reads the COG's overviews instead of the
        # complete image.
        image = cog.read(out_shape=(cog.count, 512, 512), masked=True)
    name = f"{folder}/{{}}/{tile['cell_id']}_{tile['date']}_{tile['acquisition_id']}"
    row, quicklook = name.format("rows") + ".json", name.format("quicklooks") + ".png"
    write_png(quicklook, image.filled(0))

    item = json.loads(ObjectStoragePath(tile["item_uri"], conn_id=STORAGE).read_text())
    item["properties"] |= {
        "visual:mean": image.mean(axis=(1, 2)).round(1).tolist(),
        "visual:stddev": image.std(axis=(1, 2)).round(1).tolist(),
        "visual:valid_percent": round(100 * image[0].count() / image[0].size, 1),
    }
    item["assets"] = {key: asset | {"href": tile["assets"][key]} for key, asset in item["assets"].items()}
    item["assets"]["thumbnail"] = {"href": quicklook, "type": "image/png", "roles": ["thumbnail"]}
    ObjectStoragePath(row, conn_id=STORAGE).write_text(json.dumps(item))
    return row


@task
def catalog(rows: list[str], folder: str) -> str:
    """Write the rows of all tiles to one stac-geoparquet table."""
    import json

    import pyarrow.fs  # noqa: F401 -- stac-geoparquet uses it, and older versions of pyarrow do not load it by themselves
    from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet

    items = [json.loads(ObjectStoragePath(row, conn_id=STORAGE).read_text()) for row in rows]
    table = parse_stac_items_to_arrow(items).read_all()
    uri = f"{folder}/catalog.parquet"
    target = ObjectStoragePath(uri, conn_id=STORAGE)
    to_parquet(table, target.path, filesystem=target.fs)
    return uri


@task
def mosaic(catalog: str, folder: str) -> str:
    """Merge the tiles of a catalog into one image, the least cloudy on top."""
    from contextlib import ExitStack

    import numpy as np
    import rasterio
    from pyarrow.parquet import read_table
    from rasterio.enums import Resampling
    from rasterio.transform import from_bounds
    from rasterio.vrt import WarpedVRT
    from rasterio.warp import transform_bounds

    with open_file(catalog) as file:
        tiles = read_table(file).sort_by([("tile:clouds_percent", "descending")]).column("assets").to_pylist()
    with ExitStack() as stack:
        cogs = [stack.enter_context(rasterio.open(stack.enter_context(open_file(t["visual"]["href"])))) for t in tiles]
        # Reproject all tiles to one CRS: an order may span several UTM zones.
        crs = cogs[0].crs
        corners = np.array([transform_bounds(cog.crs, crs, *cog.bounds) for cog in cogs])
        xmin, ymin, xmax, ymax = *corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)
        scale = 1600 / max(xmax - xmin, ymax - ymin)
        width, height = max(1, round((xmax - xmin) * scale)), max(1, round((ymax - ymin) * scale))
        grid = {"transform": from_bounds(xmin, ymin, xmax, ymax, width, height), "width": width, "height": height}
        merged = np.zeros((3, height, width), np.uint8)
        for cog in cogs:
            with WarpedVRT(cog, crs=crs, **grid, add_alpha=True, resampling=Resampling.bilinear) as image:
                # A panchromatic tile has one band, which becomes all three.
                np.copyto(merged, image.read(cog.indexes), where=image.dataset_mask() > 0)
    write_png(f"{folder}/mosaic.png", merged)
    return f"{folder}/mosaic.png"


def open_file(uri: str):
    """Open a file in object storage for reading, with the Airflow Connection `STORAGE`."""
    return ObjectStoragePath(uri, conn_id=STORAGE).open("rb")


def write_png(uri: str, pixels) -> None:
    """Write an 8-bit image of one or three bands, bands first, to object storage."""
    from io import BytesIO

    from PIL import Image

    image = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    Image.fromarray(image).save(png := BytesIO(), "PNG")
    ObjectStoragePath(uri, conn_id=STORAGE).write_bytes(png.getvalue())


ard_order_to_tiles()

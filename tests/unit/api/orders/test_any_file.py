"""Any file of an AOI, whole or damaged: an order, or an `ArdRequestError` that names `intersects`."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas
import pytest
import shapely
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.unit.api.orders.test_any_input import A, check

if TYPE_CHECKING:
    from collections.abc import Callable

ANY_FILE = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

coordinates = st.one_of(st.floats(-181, 181), st.floats(-90, 90), st.sampled_from([0.0, 180.00000000000003, 1e300]))
boxes = st.builds(
    lambda x, y, width, height: shapely.box(x, y, x + width, y + height),
    st.floats(-180, 179), st.floats(-90, 89), st.floats(0.02, 2), st.floats(0.02, 2),
)  # fmt: skip
shapes = st.one_of(
    boxes,
    boxes,
    st.builds(shapely.Point, coordinates, coordinates),
    st.builds(shapely.LineString, st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=4)),
    st.builds(shapely.Polygon, st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=6)),
    st.builds(shapely.MultiPolygon, st.lists(boxes, max_size=2)),
    st.builds(shapely.GeometryCollection, st.lists(boxes, max_size=2)),
    boxes.map(lambda box: shapely.force_3d(box, 7)),
    st.sampled_from([None, shapely.Polygon(), shapely.GeometryCollection()]),
)
rows = st.lists(shapes, min_size=1, max_size=3)
crs = st.sampled_from([4326, 4326, 32613, 3857, None])

RINGS = st.lists(st.tuples(coordinates, coordinates).map(lambda point: f"{point[0]},{point[1]}"), max_size=6)
CURVES = [
    "TIN (((0 0 0, 0 1 0, 1 1 0, 0 0 0)))",
    "MULTISURFACE (((0 0, 0 1, 1 1, 0 0)))",
    "GEOMETRYCOLLECTION (CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0)))",
    "POLYGON ((0 0, 1 1, 1 0))",
]


def written(driver: str, suffix: str, **options: object) -> Callable[[list[object], int | None], bytes]:
    """Return a function that returns rows as a file of a format; empty if the format cannot hold them."""

    def write(rows: list[object], crs: int | None) -> bytes:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder, f"aoi{suffix}")
            try:
                geopandas.GeoDataFrame(geometry=rows, crs=crs).to_file(path, driver=driver, **options)
            except Exception:  # noqa: BLE001 -- of the library that writes
                return b""
            return path.read_bytes()

    return write


def is_on_earth(row: shapely.Geometry | None) -> bool:
    return row is None or row.is_empty or max(map(abs, row.bounds)) < 1000


def shapefile_zip(rows: list[object], crs: int | None) -> bytes:
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            geopandas.GeoDataFrame(geometry=rows, crs=crs).to_file(Path(folder, "aoi.shp"))
        except Exception:  # noqa: BLE001 -- of the library that writes
            return b""
        with zipfile.ZipFile(content, "w") as archive:
            for part in Path(folder).iterdir():
                archive.write(part, f"sub/{part.name}")
    return content.getvalue()


FORMATS: dict[str, Callable[[list[object], int | None], bytes]] = {
    ".geojson": lambda rows, crs: json.dumps(
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None if row is None else shapely.geometry.mapping(row)} for row in rows]}
    ).encode(),
    # GDAL's writer wraps longitudes one turn at a time, which takes forever for 1e300.
    ".kml": lambda rows, crs: written("KML", ".kml")([row for row in rows if is_on_earth(row)], crs),
    ".gpkg": written("GPKG", ".gpkg"),
    ".fgb": written("FlatGeobuf", ".fgb", SPATIAL_INDEX="NO"),
    ".zip": shapefile_zip,
    ".wkt": lambda rows, crs: str(rows[0]).encode(),
}  # fmt: skip
DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "none": lambda content, at: content,
    "truncated": lambda content, at: content[: at % (len(content) + 1)],
    "one byte": lambda content, at: content[: at % (len(content) + 1)] + b"\xff" + content[at % (len(content) + 1) + 1 :],
    "zeros": lambda content, at: content[: at % (len(content) + 1)] + bytes(64) + content[at % (len(content) + 1) + 64 :],
    "repeated": lambda content, at: content + content,
    "byte order mark": lambda content, at: b"\xef\xbb\xbf" + content,
    "compressed": lambda content, at: gzip.compress(content),
    "compressed and truncated": lambda content, at: gzip.compress(content)[: at % 60 + 2],
}  # fmt: skip
layers = st.sampled_from(["", "", "", "#aoi", "#polygons", "#nothing", "#"])


def order_of_file(name: str, content: bytes, layer: str, *, remote: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        options = {"read_file": lambda uri: content} if remote else {}
        value = f"s3://bkt/{name}{layer}" if remote else f"{path}{layer}"
        event(check(acquisitions=A, destination="s3://bkt/p", intersects=value, **options))


@ANY_FILE
@pytest.mark.parametrize("suffix", FORMATS)
@given(rows, crs, st.sampled_from(sorted(DAMAGES)), st.integers(0, 10_000), layers, st.booleans())
def test_any_file(suffix, rows, crs, damage, at, layer, remote):
    order_of_file(f"aoi{suffix}", DAMAGES[damage](FORMATS[suffix](rows, crs), at), layer, remote=remote)


@ANY_FILE
@given(RINGS, RINGS, st.booleans())
def test_any_kml(outer, inner, remote):
    boundary = "<{0}BoundaryIs><LinearRing><coordinates>{1}</coordinates></LinearRing></{0}BoundaryIs>"
    rings = boundary.format("outer", " ".join(outer)) + boundary.format("inner", " ".join(inner))
    kml = f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><Polygon>{rings}</Polygon></Placemark></Document></kml>'
    order_of_file("aoi.kml", kml.encode(), "", remote=remote)


@ANY_FILE
@given(st.lists(st.sampled_from(CURVES) | shapes.map(str), min_size=1, max_size=3), st.booleans())
def test_any_well_known_text_in_a_table(texts, remote):
    table = "id;WKT\n" + "".join(f'{index};"{text}"\n' for index, text in enumerate(texts))
    order_of_file("aoi.csv", table.encode(), "", remote=remote)


@ANY_FILE
@given(st.binary(max_size=200), st.sampled_from([*FORMATS, ".gz", ".shp", ".tab", ".parquet", ""]), st.booleans())
def test_any_bytes(content, suffix, remote):
    order_of_file(f"aoi{suffix}", content, "", remote=remote)


@ANY_FILE
@given(st.binary(max_size=80) | shapes.filter(bool).map(shapely.to_wkb), st.integers(0, 200), st.booleans())
def test_any_well_known_binary(content, length, as_text):
    content = content[:length]
    check(acquisitions=A, destination="s3://bkt/p", intersects=content.hex() if as_text else content)

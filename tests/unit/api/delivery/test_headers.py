from __future__ import annotations

import random
import sqlite3

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.io import MemoryFile

from airflow_provider_ard.api.delivery.headers import HEAD_BYTES, find_defect


def geotiff(driver="GTiff", size=512, **options):
    pixels = np.random.default_rng(1).integers(0, 255, (2, size, size), dtype="uint8")
    profile = {"width": size, "height": size, "count": 2, "dtype": "uint8", "transform": Affine.scale(9.0)}
    with MemoryFile() as file:
        with rasterio.open(file.name, "w", driver=driver, **profile, **options) as image:
            image.write(pixels)
            image.write_mask(np.ones((size, size), dtype=bool))
        return file.read()


def check(content, name="a.tif"):
    """Return the defect and the ranges that were read."""
    ranges = []

    def read(start, end):
        ranges.append((start, end))
        return content[start:end]

    return find_defect(name, len(content), read), ranges


GEOTIFFS = {
    "cloud optimized": {"driver": "COG", "compress": "deflate"},
    "striped": {"compress": "deflate"},
    "tiled, big-endian": {"tiled": True, "blockxsize": 64, "blockysize": 64, "endianness": "BIG"},
    "BigTIFF": {"bigtiff": "YES", "compress": "deflate"},
    "large": {"size": 2048, "compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16},
}


@pytest.mark.parametrize("options", GEOTIFFS.values(), ids=GEOTIFFS.keys())
def test_geotiff_is_complete_or_truncated(options):
    content = geotiff(**options)
    assert check(content)[0] is None
    for length in (len(content) - 100, len(content) // 2, len(content) // 100, 100, 7, 1):
        defect, _ = check(content[:length])
        assert defect is not None
        assert "truncated" in defect


def test_cloud_optimized_geotiff_takes_one_read():
    content = geotiff("COG", compress="deflate")
    assert check(content)[1] == [(0, HEAD_BYTES)]


@pytest.fixture(scope="module")
def geopackage(tmp_path_factory):
    path = tmp_path_factory.mktemp("gpkg") / "a.gpkg"
    with sqlite3.connect(path) as database:
        database.execute("create table a (b text)")
        database.executemany("insert into a values (?)", [("x" * 1000,)] * 50)
    database.close()
    return path.read_bytes()


def test_geopackage_is_complete_or_truncated(geopackage):
    assert check(geopackage, "a.gpkg") == (None, [(0, 100)])
    for length in (len(geopackage) - 1, len(geopackage) // 2, 99, 10):
        assert check(geopackage[:length], "a.gpkg")[0]


def test_other_formats_are_not_read():
    assert check(b"x", "a.json") == (None, [])


@pytest.mark.parametrize("name", ["a.tif", "a.gpkg"])
def test_error_page_is_a_defect(name):
    assert check(b"<html>" + b" " * 500, name)[0].startswith("not a ")


def test_any_damage_is_survived(geopackage):
    """A damaged header neither raises an error nor takes many or large reads."""
    numbers = random.Random(7)
    for name, original in (("a.tif", geotiff()), ("a.tif", geotiff(bigtiff="YES")), ("a.gpkg", geopackage)):
        for _ in range(300):
            content = bytearray(original)
            for _ in range(numbers.randrange(1, 8)):
                content[numbers.randrange(300)] = numbers.randrange(256)
            _, ranges = check(bytes(content), name)
            assert len(ranges) < 1500

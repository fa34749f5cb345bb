"""Files in any format of GDAL, converted to shapely in WGS84 degrees."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import shapely
from shapely.geometry import GeometryCollection

from airflow_provider_ard.api.arguments import did_you_mean
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.crs import to_wgs84
from airflow_provider_ard.api.geo.wkb import read_wkb_rows

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from airflow_provider_ard.api.geo.files import AoiFile

# As a layer: the polygons of all layers, without the points and lines beside them.
POLYGONS_ONLY = "polygons"
_SUFFIX = re.compile(r"(?:\.[A-Za-z0-9]{1,10}){1,2}$")
_PARQUET = b"PAR1"
_AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.GEOMETRYCOLLECTION)


class _Layer(NamedTuple):
    """A layer of a file with its geometries in WGS84 degrees."""

    name: str
    geometries: list[BaseGeometry]

    def others(self) -> list[str]:
        """Return the types of the geometries that are no polygons, such as points, with their rows."""
        return [
            f"a {geometry.geom_type} in row {row}"
            for row, geometry in enumerate(self.geometries, start=1)
            if shapely.get_type_id(geometry) not in _AREAS
        ]


def read_vector_file(file: AoiFile, argument: str, repairs: list[str]) -> BaseGeometry:
    """Return the geometries of a file in any format that GDAL reads: of the chosen layer, or of all layers.

    Adds GDAL's warnings to `repairs`. Raises `ArdRequestError` with GDAL's message if GDAL cannot read it, and with the
    layer and row of a geometry that cannot be used.
    """
    if file.local is not None:
        return _read(file.local, file, argument, repairs)
    name = file.path.rsplit("/", 1)[-1]
    if name.lower().endswith(".shp"):
        raise ArdRequestError(
            f"{file.label} has no companions (.shx, .prj …) beside it; zip the Shapefile", argument=argument
        )
    # GDAL recognizes some formats by the suffix.
    suffix = _SUFFIX.search(name)
    with TemporaryDirectory(prefix="ard-aoi-") as folder:
        local = Path(folder, f"aoi{suffix[0] if suffix else ''}")
        local.write_bytes(file.content or b"")
        return _read(str(local), file, argument, repairs)


def _read(local: str, file: AoiFile, argument: str, repairs: list[str]) -> BaseGeometry:
    try:
        import pyogrio  # noqa: PLC0415 -- of the extra `ogr` only
    except ImportError:
        raise ArdRequestError(
            f"{file.label} is neither WKT nor GeoJSON; other formats need airflow-provider-ard[ogr]", argument=argument
        ) from None
    if (file.content or b"").startswith(_PARQUET) and "Parquet" not in pyogrio.list_drivers(read=True):
        raise ArdRequestError(
            f"{file.label} is GeoParquet, which this GDAL cannot read; pass the frame of geopandas.read_parquet()",
            argument=argument,
        )
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            layers = _choose(_read_layers(local), file, argument)
    except _gdal_errors() as error:
        folder = local[: local.rfind("/") + 1]
        message = str(error).replace(local, file.path.rsplit("/", 1)[-1]).split("; It might help", 1)[0]
        # Without folders, GDAL's advice at the end fits in.
        message = message.replace(folder, "") if folder else message
        raise ArdRequestError(
            f"{file.label} cannot be read: {message[:200] or type(error).__name__}", argument=argument
        ) from None
    repairs += [f"{file.label}: {str(warning.message)[:160]}" for warning in caught]
    contents = [_convert(layer, file, argument, repairs) for layer in layers]
    geometries = _areas(contents, file, argument, repairs)
    if not geometries:
        raise ArdRequestError(f"{file.label} contains no geometry", argument=argument)
    if len(contents) > 1:
        names = ", ".join(layer.name for layer in contents)
        repairs.append(f"all {len(contents)} layers of {file.label} were taken: {names[:160]}")
    return geometries[0] if len(geometries) == 1 else GeometryCollection(geometries)


class _RawLayer(NamedTuple):
    """A layer as GDAL reads it: its name, CRS and the WKB of each row, None for a row without geometry."""

    name: str
    crs: str | None
    rows: Any


def _read_layers(local: str) -> list[_RawLayer]:
    import pyogrio  # noqa: PLC0415 -- as above
    from pyogrio.raw import read  # noqa: PLC0415

    layers = []
    for dataset in _datasets(local):
        for name, kind in pyogrio.list_layers(dataset):
            if kind is not None:
                meta, _, rows, _ = read(dataset, layer=str(name), columns=[])
                layers.append(_RawLayer(str(name), meta.get("crs"), rows))
    return layers


def _datasets(local: str) -> list[str]:
    """Return the paths that GDAL opens: the file itself, or the datasets in a zip file, in any of its folders."""
    if not local.lower().endswith(".zip") or not zipfile.is_zipfile(local):
        return [local]
    with zipfile.ZipFile(local) as archive:
        names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    geodatabases = {match[0] for name in names if (match := re.match(r".*?\.gdb(?=/)", name, re.IGNORECASE))}
    shapefiles = [name for name in names if name.lower().endswith(".shp")]
    in_folders = sorted(geodatabases) or (shapefiles if any("/" in name for name in shapefiles) else [])
    files = [name for name in names if not name.endswith("/")]
    if not in_folders and len(files) == 1:
        in_folders = files
    return [f"/vsizip/{{{local}}}/{name}" for name in in_folders] or [local]


def _choose(layers: list[_RawLayer], file: AoiFile, argument: str) -> list[_RawLayer]:
    names = [layer.name for layer in layers]
    if file.layer is None or (file.layer == POLYGONS_ONLY and POLYGONS_ONLY not in names):
        return layers
    if file.layer not in names:
        raise ArdRequestError(
            f"{file.label} has no layer {file.layer!r}{did_you_mean(file.layer, [*names, POLYGONS_ONLY])}",
            argument=argument,
        )
    return [layer for layer in layers if layer.name == file.layer]


def _convert(layer: _RawLayer, file: AoiFile, argument: str, repairs: list[str]) -> _Layer:
    label = f"{file.label}, layer {layer.name!r}"
    geometries = read_wkb_rows(layer.rows, label, argument, repairs)
    if layer.crs:
        return _Layer(layer.name, to_wgs84(geometries, layer.crs, argument, repairs))
    if geometries:
        repairs.append(f"{file.label} has no CRS; WGS84 degrees are assumed")
    return _Layer(layer.name, geometries)


def _areas(layers: list[_Layer], file: AoiFile, argument: str, repairs: list[str]) -> list[BaseGeometry]:
    """Return the geometries of layers; raise `ArdRequestError` for points and lines, unless they may be left out."""
    geometries = [geometry for layer in layers for geometry in layer.geometries]
    others = {layer.name: kinds for layer in layers if (kinds := layer.others())}
    if not others:
        return geometries
    areas = [geometry for geometry in geometries if shapely.get_type_id(geometry) in _AREAS]
    if file.layer == POLYGONS_ONLY and POLYGONS_ONLY not in [layer.name for layer in layers]:
        repairs.append(f"{len(geometries) - len(areas)} points and lines of {file.label} were left out")
        return areas
    name, kinds = next(iter(others.items()))
    message = f"{file.label}, layer {name!r}: expected polygons, got {kinds[0]}"
    if areas:
        choices = [layer.name for layer in layers if layer.name not in others]
        layer_hint = f"choose a layer ({', '.join(choices)}), as in path#{choices[0]}, or " if choices else ""
        message += f"; {layer_hint}use path#{POLYGONS_ONLY} to leave points and lines out"
    raise ArdRequestError(message, argument=argument)


def _gdal_errors() -> tuple[type[Exception], ...]:
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError  # noqa: PLC0415 -- as above

    return (
        DataSourceError, DataLayerError, FeatureError, GeometryError, OSError, ValueError, RuntimeError,
        zipfile.BadZipFile, NotImplementedError,
    )  # fmt: skip

"""Order arguments for which the SDK is correct, and intended differences to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shapely
from maxar_ard_grid import Cell
from shapely.geometry import mapping

A, B = "10300100B2B49700", "104001009F982A00"
OTHER = "c2b6a1d0-0a1b-4c2d-8e3f-0123456789ab-inv"
C, D = "Z13-031133320203", "Z13-031133320212"
ROLE = "arn:aws:iam::123456789012:role/writer"
TOPIC = "arn:aws:sns:us-east-1:123456789012:orders"
KEY = json.dumps(
    {"type": "service_account", "private_key": "-----BEGIN", "client_email": "w@p.iam.gserviceaccount.com"}
)
KEY64 = base64.b64encode(KEY.encode()).decode()
SAS = "https://acct.blob.core.windows.net/con?sv=2024-08-04&se=2099-01-01T00%3A00%3A00Z&sig=a%2Bb%3D"
BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
WITH_HOLE = BOX.difference(shapely.box(-105.16, 40.14, -105.14, 40.16))
TWO_BOXES = shapely.MultiPolygon([BOX, shapely.box(-104.2, 40.1, -104.1, 40.2)])
MANY_DIGITS = shapely.Polygon([(1 / 3, 2 / 3), (1.123456789012345, 1e-7), (1.1, 1.1), (0.1 + 0.2, 1.5)])
BOW_TIE = "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))"
TILES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": mapping(BOX),
            # One cell each: the SDK stores cells in a set, in arbitrary order.
            "properties": {"date": "2024-01-01", "acquisition_id": name, "tile:zone": 13, "tile:quadkey": cell[4:]},
        }
        for name, cell in ((A, C), (B, C), (OTHER, D))
    ],
}
STACKS = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": mapping(BOX),
            "properties": {"cell_id": cell, "best_matches": [tile["properties"] for tile in TILES["features"] if tile["properties"]["tile:quadkey"] == cell[4:]]},
        }
        for cell in (C, D)
    ],
}  # fmt: skip


class GeoObject:
    """An object with the `__geo_interface__` of geometry libraries."""

    __geo_interface__ = mapping(BOX)


def feature(geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": "field"}, "geometry": mapping(geometry)}


def collection(*geometries: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [feature(geometry) for geometry in geometries]}


def s3(**config: Any) -> dict[str, Any]:
    return {"output_config": {"amazon_s3": {"bucket": "bkt", "prefix": "a/b"} | config}}


def gcs(**config: Any) -> dict[str, Any]:
    return {"output_config": {"google_cloud_storage": {"bucket": "bkt", "prefix": "a/b"} | config}}


def azure(**config: Any) -> dict[str, Any]:
    return {"output_config": {"azure_blob_storage": {"container": "con", "prefix": "a/b"} | config}}


def cases(folder: Path, results: Callable[[dict[str, Any]], Any]) -> dict[str, dict[str, Any]]:
    """Return the combinations in which the SDK is correct, with their arguments; files are written to `folder`.

    `results` converts a search's response to what is passed as acquisitions.
    """
    files = {
        "key.json": KEY, "aoi.wkt": BOX.wkt, "odd.wkt": MANY_DIGITS.wkt, "aoi.geojson": json.dumps(feature(BOX)),
        "geometry.geojson": json.dumps(mapping(BOX)), "two.geojson": json.dumps(collection(*TWO_BOXES.geoms)), "collection.json": json.dumps(collection(MANY_DIGITS)),
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_text(content)
    combinations: dict[str, dict[str, Any]] = {}
    for name, acquisitions in {
        "ID": A, "list": [A, B], "list of one ID": [A], "tuple": (A, B), "ID of WorldView-4": [OTHER], "mapping": {A: [C], B: []},
        "mapping without cells": {A: [], B: []}, "dictionary": [{"id": A}], "dictionaries with cells": [{"id": A, "cells": [C, D]}, {"id": B, "cells": [C]}],
        "dictionary without cells": [{"id": A, "cells": [C]}, {"id": B}], "empty cells": [{"id": A, "cells": []}], "tuple of dictionaries": ({"id": A}, {"id": B}),
        "tiles of a metadata search": results(TILES), "stacks of a Select": results(STACKS),
    }.items():  # fmt: skip
        combinations[f"acquisitions: {name}"] = {"acquisitions": acquisitions}
    for name, destination in {
        "s3://": "s3://bkt/a/b", "bare": "bkt/a/b", "bucket": "bkt", "bucket with a slash": "s3://bkt/", "one segment": "s3://bkt/p",
        "spaces": "s3://bkt/a b/c d", "dots and dashes": "s3://my.bucket-1/a.b/c_d", "non-ASCII": "s3://bkt/Zürich/東京",
    }.items():  # fmt: skip
        combinations[f"destination: {name}"] = {"destination": destination}
    combinations["role_arn with a destination"] = {"destination": "s3://bkt/a/b", "role_arn": ROLE}
    combinations["role_arn with a bare bucket"] = {"destination": "bkt", "role_arn": ROLE}
    for name, config in {
        "S3": s3(), "S3 without a prefix": s3(prefix=""), "GCS with a key file": gcs(service_credentials=str(folder / "key.json")),
        "GCS with a base64 key": gcs(service_credentials=KEY64), "GCS with stored credentials": gcs(credentials_id="our-stored_credentials1"),
        "GCS with both": gcs(service_credentials=KEY64, credentials_id="stored"), "GCS without a prefix": gcs(prefix="", credentials_id="stored"),
        "Azure with a SAS URL": azure(sas_url=SAS), "Azure with stored credentials": azure(credentials_id="azure-prod"), "Azure without a prefix": azure(prefix="", sas_url=SAS),
    }.items():  # fmt: skip
        combinations[f"output_config: {name}"] = config
    for name, intersects in {
        "WKT": BOX.wkt, "WKT with a hole": WITH_HOLE.wkt, "WKT of two polygons": TWO_BOXES.wkt, "WKT of a collection": shapely.GeometryCollection(TWO_BOXES.geoms).wkt,
        "WKT with many digits": MANY_DIGITS.wkt, "polygon": BOX, "polygon with a hole": WITH_HOLE, "multipolygon": TWO_BOXES, "geometry collection": shapely.GeometryCollection(TWO_BOXES.geoms),
        "polygon with many digits": MANY_DIGITS, "circle": shapely.Point(10, 45).buffer(0.5, quad_segs=64), "grid cell": Cell(C[4:], zone=13),
        "GeoJSON geometry": mapping(BOX), "GeoJSON multipolygon": mapping(TWO_BOXES), "GeoJSON polygon with a hole": mapping(WITH_HOLE), "GeoJSON geometry with many digits": mapping(MANY_DIGITS),
        "Feature": feature(BOX), "Feature of two polygons": feature(TWO_BOXES), "FeatureCollection": collection(*TWO_BOXES.geoms), "FeatureCollection of one": collection(BOX),
        "FeatureCollection of mixed types": collection(BOX, WITH_HOLE, TWO_BOXES), "JSON of a geometry": json.dumps(mapping(BOX)), "JSON of a Feature": json.dumps(feature(WITH_HOLE)),
        "JSON of a FeatureCollection": json.dumps(collection(*TWO_BOXES.geoms)), "integers": {"type": "Polygon", "coordinates": [[[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]]},
        "object with __geo_interface__": GeoObject(), "WKT file": str(folder / "aoi.wkt"), "WKT file with many digits": str(folder / "odd.wkt"),
        "Feature file": str(folder / "aoi.geojson"), "geometry file": str(folder / "geometry.geojson"), "FeatureCollection file": str(folder / "two.geojson"),
    }.items():  # fmt: skip
        combinations[f"intersects: {name}"] = {"intersects": intersects}
    for name, bbox in {
        "list": [-105.2, 40.1, -105.1, 40.2], "tuple": (-105.2, 40.1, -105.1, 40.2), "integers": [-106, 40, -105, 41],
        "integers and floats": (-106, 40.5, -105.0, 41), "many digits": [1 / 3, 0.1 + 0.2, 1e0, 1.123456789012345],
    }.items():  # fmt: skip
        combinations[f"bbox: {name}"] = {"bbox": bbox}
    combinations |= {
        "bba": {"bba": True}, "no bba": {"bba": False}, "bundle_adjust": {"settings": {"bundle_adjust": True}},
        "bba and bundle_adjust": {"bba": True, "settings": {"bundle_adjust": True}}, "hd": {"settings": {"hd": True}}, "one mask disabled": {"settings": {"water_mask": False}},
        "no masks": {"settings": dict.fromkeys(("cloud_mask", "healthy_vegetation_mask", "ms_saturation_mask", "pan_flare_mask", "terrain_shadow_mask", "water_mask"), False)},
        "no images": {"settings": dict.fromkeys(("visual", "ms_analytic", "pan_analytic", "data_mask"), False)}, "bba and one mask disabled": {"bba": True, "settings": {"cloud_mask": False}},
        "metadata": {"metadata": {"campaign": "spring", "order": 7}}, "nested metadata": {"metadata": {"a": {"b": [1, 2.5, None, True, "é"]}, "": ""}},
        "dry run": {"dry_run": True}, "no dry run": {"dry_run": False}, "email": {"emails": ["me@example.com"]}, "topic": {"topics": [TOPIC]},
        "emails and topics": {"emails": ["me@example.com", "you+ard@mail.example.co.uk"], "topics": [TOPIC, f"{TOPIC}2"]},
    }  # fmt: skip
    combinations["select_id"] = {"acquisitions": None, "select_id": "5542092796671610498"}
    combinations["select_id to GCS"] = {"acquisitions": None, "select_id": "5542092796671610498"} | gcs(
        credentials_id="stored"
    )
    combinations["all arguments"] = {
        "acquisitions": {A: [C], B: [C, D]}, "intersects": collection(*TWO_BOXES.geoms), "role_arn": ROLE, "destination": "s3://bkt/a/b",
        "settings": {"hd": True, "pan_flare_mask": False}, "metadata": {"who": "sdk"}, "emails": ["me@example.com"], "topics": [TOPIC],
    }  # fmt: skip
    return combinations


# Intended differences: (reason, arguments, result of the SDK, our result); a result is a part of the payload or an error name.
DIFFERENCES: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "cell_ids": (
        "documented in an example of the SDK, which drops them and orders complete acquisitions",
        {"acquisitions": [{"id": A, "cell_ids": [C]}]},
        {"acquisitions": [{"id": A, "cells": []}]}, {"acquisitions": [{"id": A, "cells": [C]}]},
    ),
    "duplicate IDs": (
        "duplicates are merged",
        {"acquisitions": [A, B, A]},
        {"acquisitions": [{"id": A, "cells": []}, {"id": B, "cells": []}, {"id": A, "cells": []}]}, {"acquisitions": [{"id": A, "cells": []}, {"id": B, "cells": []}]},
    ),
    "mixed forms": ("lists may mix forms", {"acquisitions": [{"id": A, "cells": [C]}, B]}, "ValidationError", {"acquisitions": [{"id": A, "cells": [C]}, {"id": B, "cells": []}]}),
    "invalid ID": ("the API would reject it", {"acquisitions": ["all"]}, {"acquisitions": [{"id": "all", "cells": []}]}, "acquisitions"),
    "select_id as a number": ("the API returns it as a number", {"acquisitions": None, "select_id": 5}, "ValidationError", {"select_id": "5"}),
    "select_id and acquisitions": ("a Select excludes acquisitions and AOI", {"select_id": "5"}, {"select_id": "5"}, "select_id"),
    "intersects and bbox": ("only one AOI is possible", {"intersects": BOX, "bbox": [0, 0, 1, 1]}, {"bbox": [0, 0, 1, 1]}, "intersects"),
    "gs://": ("a URI of Google Cloud Storage", {"destination": "gs://bkt/p"}, {"output_config": {"bucket": "gs:", "prefix": "/bkt/p"}}, "destination"),
    "S3://": ("the scheme is case-insensitive", {"destination": "S3://bkt/p"}, {"output_config": {"bucket": "S3:", "prefix": "/bkt/p"}}, {"output_config": {"bucket": "bkt", "prefix": "p"}}),
    "trailing slash": ("object names have no empty segment", {"destination": "bkt/p/"}, {"output_config": {"bucket": "bkt", "prefix": "p/"}}, {"output_config": {"bucket": "bkt", "prefix": "p"}}),
    "destination and output_config": ("the arguments contradict each other", {"destination": "bkt/p"} | s3(), {"output_config": {"bucket": "bkt", "prefix": "p"}}, "destination"),
    "two platforms": (
        "the arguments contradict each other",
        {"output_config": s3()["output_config"] | azure(sas_url=SAS)["output_config"]},
        s3(), "output_config",
    ),
    "role_arn and output_config": ("without its role the delivery fails", {"role_arn": ROLE} | s3(), s3(), s3(role_arn=ROLE)),
    "role_arn in output_config": ("without its role the delivery fails", s3(role_arn=ROLE), s3(), s3(role_arn=ROLE)),
    "Azure without credentials": ("the delivery would fail", azure(), azure(), "output_config"),
    "Azure with both": ("stored credentials take precedence, as for GCS", azure(sas_url=SAS, credentials_id="stored"), azure(sas_url=SAS, credentials_id="stored"), azure(credentials_id="stored")),
    "GCS with a JSON key": ("the content of a key file is accepted", gcs(service_credentials=KEY), "ValueError", gcs(service_credentials=KEY64)),
    "GCS with a user key": (
        "the key is not that of a service account",
        gcs(service_credentials=base64.b64encode(b'{"type": "authorized_user"}').decode()),
        gcs(service_credentials=base64.b64encode(b'{"type": "authorized_user"}').decode()), "output_config.google_cloud_storage.service_credentials",
    ),
    "unknown key": ("the API would ignore it", s3(sas_url=SAS), s3(sas_url=SAS), "output_config.amazon_s3"),
    "unusually formatted WKT": ("valid WKT is sent unchanged", {"intersects": "POLYGON((0 0,0 1,1 1,1.0 0,0 0))"}, {"intersects": "POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0))"}, {"intersects": "POLYGON((0 0,0 1,1 1,1.0 0,0 0))"}),
    "third dimension": ("the API accepts two dimensions", {"intersects": shapely.force_3d(BOX, 7)}, {"intersects": shapely.force_3d(BOX, 7).wkt}, {"intersects": BOX.wkt}),
    "self-intersection": ("the geometry is repaired", {"intersects": BOW_TIE}, {"intersects": BOW_TIE}, {"intersects": shapely.make_valid(shapely.from_wkt(BOW_TIE)).wkt}),
    "list of geometries": ("iterables are collections", {"intersects": list(TWO_BOXES.geoms)}, "AttributeError", {"intersects": shapely.GeometryCollection(TWO_BOXES.geoms).wkt}),
    "point": ("the API accepts polygons only", {"intersects": "POINT (0 0)"}, {"intersects": "POINT (0 0)"}, "intersects"),
    "file of a collection of one Feature": ("a collection stays a collection", {"intersects": "collection.json"}, {"intersects": MANY_DIGITS.wkt}, {"intersects": shapely.GeometryCollection([MANY_DIGITS]).wkt}),
    "bbox of three numbers": ("a bbox has four numbers", {"bbox": [1, 2, 3]}, {"bbox": [1, 2, 3]}, "bbox"),
    "explicit default": ("only changes are sent", {"settings": {"water_mask": True}}, {"settings": {"water_mask": True, "bundle_adjust": False}}, {"settings": {"bundle_adjust": False}}),
    "contradicting bba": ("documented: either enables it", {"bba": True, "settings": {"bundle_adjust": False}}, {"settings": {"bundle_adjust": False}}, {"settings": {"bundle_adjust": True}}),
    "misspelled setting": ("the API would ignore it", {"settings": {"water_msk": False}}, {"settings": {"water_msk": False, "bundle_adjust": False}}, "settings"),
    "dry run with email": ("a dry run sends no notification", {"dry_run": True, "emails": ["me@example.com"]}, {"notifications": [{"type": "email", "address": "me@example.com"}]}, {"notifications": None}),
    "dry_run as a string": ("templates render to strings", {"dry_run": "True"}, "ValueError", {"dry_run": True}),
    "invalid email": ("the notification would be lost", {"emails": ["nobody"]}, {"notifications": [{"type": "email", "address": "nobody"}]}, "email_notifications"),
}  # fmt: skip


def with_defaults(arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the arguments with a default acquisition and destination."""
    full = {"acquisitions": A} | arguments
    if "output_config" not in full:
        full = {"destination": "s3://bkt/a/b"} | full
    if isinstance(full.get("intersects"), str) and full["intersects"] == "collection.json":
        full["intersects"] = str(folder / "collection.json")
    return full


def canonical(body: str | bytes) -> str:
    return json.dumps(json.loads(body), sort_keys=True)

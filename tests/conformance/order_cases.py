"""Arguments of orders: those in which the SDK is correct, and intended differences to it."""

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
HOLED = BOX.difference(shapely.box(-105.16, 40.14, -105.14, 40.16))
TWO = shapely.MultiPolygon([BOX, shapely.box(-104.2, 40.1, -104.1, 40.2)])
ODD = shapely.Polygon([(1 / 3, 2 / 3), (1.123456789012345, 1e-7), (1.1, 1.1), (0.1 + 0.2, 1.5)])
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


class Located:
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
        "key.json": KEY, "aoi.wkt": BOX.wkt, "odd.wkt": ODD.wkt, "aoi.geojson": json.dumps(feature(BOX)),
        "geometry.geojson": json.dumps(mapping(BOX)), "two.geojson": json.dumps(collection(*TWO.geoms)), "one.json": json.dumps(collection(ODD)),
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_text(content)
    combinations: dict[str, dict[str, Any]] = {}
    for name, acquisitions in {
        "an id": A, "a list": [A, B], "a list of one": [A], "a tuple": (A, B), "an id of WorldView-4": [OTHER], "a mapping": {A: [C], B: []},
        "a mapping of whole ones": {A: [], B: []}, "a dictionary": [{"id": A}], "dictionaries with cells": [{"id": A, "cells": [C, D]}, {"id": B, "cells": [C]}],
        "a dictionary without cells": [{"id": A, "cells": [C]}, {"id": B}], "empty cells": [{"id": A, "cells": []}], "a tuple of dictionaries": ({"id": A}, {"id": B}),
        "tiles of a metadata search": results(TILES), "the stacks of a Select": results(STACKS),
    }.items():  # fmt: skip
        combinations[f"acquisitions: {name}"] = {"acquisitions": acquisitions}
    for name, destination in {
        "s3://": "s3://bkt/a/b", "bare": "bkt/a/b", "a bucket": "bkt", "a bucket and a slash": "s3://bkt/", "one step": "s3://bkt/p",
        "blanks": "s3://bkt/a b/c d", "dots and dashes": "s3://my.bucket-1/a.b/c_d", "beyond ASCII": "s3://bkt/Zürich/東京",
    }.items():  # fmt: skip
        combinations[f"destination: {name}"] = {"destination": destination}
    combinations["role_arn with a destination"] = {"destination": "s3://bkt/a/b", "role_arn": ROLE}
    combinations["role_arn with a bare bucket"] = {"destination": "bkt", "role_arn": ROLE}
    for name, config in {
        "S3": s3(), "S3 without a prefix": s3(prefix=""), "GCS by a path": gcs(service_credentials=str(folder / "key.json")),
        "GCS by base64": gcs(service_credentials=KEY64), "GCS by a stored credential": gcs(credentials_id="our-stored_credentials1"),
        "GCS by both": gcs(service_credentials=KEY64, credentials_id="stored"), "GCS without a prefix": gcs(prefix="", credentials_id="stored"),
        "Azure by a SAS URL": azure(sas_url=SAS), "Azure by a stored credential": azure(credentials_id="azure-prod"), "Azure without a prefix": azure(prefix="", sas_url=SAS),
    }.items():  # fmt: skip
        combinations[f"output_config: {name}"] = config
    for name, intersects in {
        "WKT": BOX.wkt, "WKT with a hole": HOLED.wkt, "WKT of several": TWO.wkt, "WKT of a collection": shapely.GeometryCollection(TWO.geoms).wkt,
        "WKT of odd numbers": ODD.wkt, "a polygon": BOX, "a polygon with a hole": HOLED, "a multipolygon": TWO, "a geometry collection": shapely.GeometryCollection(TWO.geoms),
        "a polygon of odd numbers": ODD, "a circle": shapely.Point(10, 45).buffer(0.5, quad_segs=64), "a cell of the grid": Cell(C[4:], zone=13),
        "a GeoJSON geometry": mapping(BOX), "a GeoJSON multipolygon": mapping(TWO), "a GeoJSON polygon with a hole": mapping(HOLED), "a GeoJSON geometry of odd numbers": mapping(ODD),
        "a Feature": feature(BOX), "a Feature of several": feature(TWO), "a FeatureCollection": collection(*TWO.geoms), "a FeatureCollection of one": collection(BOX),
        "a FeatureCollection of many kinds": collection(BOX, HOLED, TWO), "text of a geometry": json.dumps(mapping(BOX)), "text of a Feature": json.dumps(feature(HOLED)),
        "text of a FeatureCollection": json.dumps(collection(*TWO.geoms)), "whole numbers": {"type": "Polygon", "coordinates": [[[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]]},
        "an object with __geo_interface__": Located(), "a file of WKT": str(folder / "aoi.wkt"), "a file of odd WKT": str(folder / "odd.wkt"),
        "a file of a Feature": str(folder / "aoi.geojson"), "a file of a geometry": str(folder / "geometry.geojson"), "a file of a FeatureCollection": str(folder / "two.geojson"),
    }.items():  # fmt: skip
        combinations[f"intersects: {name}"] = {"intersects": intersects}
    for name, bbox in {
        "a list": [-105.2, 40.1, -105.1, 40.2], "a tuple": (-105.2, 40.1, -105.1, 40.2), "whole numbers": [-106, 40, -105, 41],
        "mixed numbers": (-106, 40.5, -105.0, 41), "odd numbers": [1 / 3, 0.1 + 0.2, 1e0, 1.123456789012345],
    }.items():  # fmt: skip
        combinations[f"bbox: {name}"] = {"bbox": bbox}
    combinations |= {
        "bba": {"bba": True}, "no bba": {"bba": False}, "bundle_adjust": {"settings": {"bundle_adjust": True}},
        "bba twice": {"bba": True, "settings": {"bundle_adjust": True}}, "hd": {"settings": {"hd": True}}, "a mask less": {"settings": {"water_mask": False}},
        "no masks": {"settings": dict.fromkeys(("cloud_mask", "healthy_vegetation_mask", "ms_saturation_mask", "pan_flare_mask", "terrain_shadow_mask", "water_mask"), False)},
        "no images": {"settings": dict.fromkeys(("visual", "ms_analytic", "pan_analytic", "data_mask"), False)}, "bba and a mask less": {"bba": True, "settings": {"cloud_mask": False}},
        "metadata": {"metadata": {"campaign": "spring", "order": 7}}, "deep metadata": {"metadata": {"a": {"b": [1, 2.5, None, True, "é"]}, "": ""}},
        "dry run": {"dry_run": True}, "no dry run": {"dry_run": False}, "an address": {"emails": ["me@example.com"]}, "a topic": {"topics": [TOPIC]},
        "addresses and topics": {"emails": ["me@example.com", "you+ard@mail.example.co.uk"], "topics": [TOPIC, f"{TOPIC}2"]},
    }  # fmt: skip
    combinations["a Select"] = {"acquisitions": None, "select_id": "5542092796671610498"}
    combinations["a Select to GCS"] = {"acquisitions": None, "select_id": "5542092796671610498"} | gcs(
        credentials_id="stored"
    )
    combinations["all at once"] = {
        "acquisitions": {A: [C], B: [C, D]}, "intersects": collection(*TWO.geoms), "role_arn": ROLE, "destination": "s3://bkt/a/b",
        "settings": {"hd": True, "pan_flare_mask": False}, "metadata": {"who": "sdk"}, "emails": ["me@example.com"], "topics": [TOPIC],
    }  # fmt: skip
    return combinations


# Intended differences: (reason, arguments, result of the SDK, our result); a result is a part of the payload or an error name.
DIFFERENCES: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "cell_ids": (
        "the page's own example; the SDK drops them and orders whole acquisitions, at full price",
        {"acquisitions": [{"id": A, "cell_ids": [C]}]},
        {"acquisitions": [{"id": A, "cells": []}]}, {"acquisitions": [{"id": A, "cells": [C]}]},
    ),
    "the same twice": (
        "duplicates are merged",
        {"acquisitions": [A, B, A]},
        {"acquisitions": [{"id": A, "cells": []}, {"id": B, "cells": []}, {"id": A, "cells": []}]}, {"acquisitions": [{"id": A, "cells": []}, {"id": B, "cells": []}]},
    ),
    "mixed": ("a list may mix its forms", {"acquisitions": [{"id": A, "cells": [C]}, B]}, "ValidationError", {"acquisitions": [{"id": A, "cells": [C]}, {"id": B, "cells": []}]}),
    "an id that is none": ("it could only be refused by the API", {"acquisitions": ["all"]}, {"acquisitions": [{"id": "all", "cells": []}]}, "acquisitions"),
    "a Select as a number": ("the API shows it as one", {"acquisitions": None, "select_id": 5}, "ValidationError", {"select_id": "5"}),
    "a Select and more": ("a Select goes with neither", {"select_id": "5"}, {"select_id": "5"}, "select_id"),
    "intersects and bbox": ("one AOI", {"intersects": BOX, "bbox": [0, 0, 1, 1]}, {"bbox": [0, 0, 1, 1]}, "intersects"),
    "gs://": ("a place in Google's storage", {"destination": "gs://bkt/p"}, {"output_config": {"bucket": "gs:", "prefix": "/bkt/p"}}, "destination"),
    "S3://": ("any case of the scheme", {"destination": "S3://bkt/p"}, {"output_config": {"bucket": "S3:", "prefix": "/bkt/p"}}, {"output_config": {"bucket": "bkt", "prefix": "p"}}),
    "a slash at the end": ("no object's name has an empty step", {"destination": "bkt/p/"}, {"output_config": {"bucket": "bkt", "prefix": "p/"}}, {"output_config": {"bucket": "bkt", "prefix": "p"}}),
    "two places": ("one of them is not meant", {"destination": "bkt/p"} | s3(), {"output_config": {"bucket": "bkt", "prefix": "p"}}, "destination"),
    "two platforms": (
        "one of them is not meant",
        {"output_config": s3()["output_config"] | azure(sas_url=SAS)["output_config"]},
        s3(), "output_config",
    ),
    "a role beside output_config": ("a role that vanishes is a delivery that fails", {"role_arn": ROLE} | s3(), s3(), s3(role_arn=ROLE)),
    "a role inside of output_config": ("the same", s3(role_arn=ROLE), s3(), s3(role_arn=ROLE)),
    "Azure without credentials": ("nobody could write there", azure(), azure(), "output_config"),
    "Azure by both": ("a stored credential wins, as with Google", azure(sas_url=SAS, credentials_id="stored"), azure(sas_url=SAS, credentials_id="stored"), azure(credentials_id="stored")),
    "GCS by JSON": ("the text of a key file is one, too", gcs(service_credentials=KEY), "ValueError", gcs(service_credentials=KEY64)),
    "GCS by a user's key": (
        "no service account",
        gcs(service_credentials=base64.b64encode(b'{"type": "authorized_user"}').decode()),
        gcs(service_credentials=base64.b64encode(b'{"type": "authorized_user"}').decode()), "output_config.google_cloud_storage.service_credentials",
    ),
    "an unknown key": ("it is misspelt", s3(sas_url=SAS), s3(sas_url=SAS), "output_config.amazon_s3"),
    "a valid WKT in its own way": ("it goes out as it came", {"intersects": "POLYGON((0 0,0 1,1 1,1.0 0,0 0))"}, {"intersects": "POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0))"}, {"intersects": "POLYGON((0 0,0 1,1 1,1.0 0,0 0))"}),
    "a third dimension": ("the API wants two", {"intersects": shapely.force_3d(BOX, 7)}, {"intersects": shapely.force_3d(BOX, 7).wkt}, {"intersects": BOX.wkt}),
    "a bow tie": ("it is fixed", {"intersects": BOW_TIE}, {"intersects": BOW_TIE}, {"intersects": shapely.make_valid(shapely.from_wkt(BOW_TIE)).wkt}),
    "a list of geometries": ("an iterable is a collection", {"intersects": list(TWO.geoms)}, "AttributeError", {"intersects": shapely.GeometryCollection(TWO.geoms).wkt}),
    "a point": ("the API wants polygons", {"intersects": "POINT (0 0)"}, {"intersects": "POINT (0 0)"}, "intersects"),
    "a file of one Feature in a collection": ("a collection stays one", {"intersects": "one.json"}, {"intersects": ODD.wkt}, {"intersects": shapely.GeometryCollection([ODD]).wkt}),
    "a box of three": ("a box has four", {"bbox": [1, 2, 3]}, {"bbox": [1, 2, 3]}, "bbox"),
    "a default spelt out": ("only changes are sent", {"settings": {"water_mask": True}}, {"settings": {"water_mask": True, "bundle_adjust": False}}, {"settings": {"bundle_adjust": False}}),
    "bba against bundle_adjust": ("the page: either turns it on", {"bba": True, "settings": {"bundle_adjust": False}}, {"settings": {"bundle_adjust": False}}, {"settings": {"bundle_adjust": True}}),
    "a misspelt setting": ("it would be ignored", {"settings": {"water_msk": False}}, {"settings": {"water_msk": False, "bundle_adjust": False}}, "settings"),
    "dry run with an address": ("a dry run notifies nobody", {"dry_run": True, "emails": ["me@example.com"]}, {"notifications": [{"type": "email", "address": "me@example.com"}]}, {"notifications": None}),
    "dry_run as a text": ("templates make texts", {"dry_run": "True"}, "ValueError", {"dry_run": True}),
    "an address that is none": ("nobody would be notified", {"emails": ["nobody"]}, {"notifications": [{"type": "email", "address": "nobody"}]}, "email_notifications"),
}  # fmt: skip


def with_defaults(arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the arguments with a default acquisition and destination."""
    full = {"acquisitions": A} | arguments
    if "output_config" not in full:
        full = {"destination": "s3://bkt/a/b"} | full
    if isinstance(full.get("intersects"), str) and full["intersects"] == "one.json":
        full["intersects"] = str(folder / "one.json")
    return full


def canonical(body: str | bytes) -> str:
    return json.dumps(json.loads(body), sort_keys=True)

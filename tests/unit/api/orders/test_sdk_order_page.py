"""Every behavior stated on the order page of the SDK, in the order of the page, with the payload of this provider."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import shapely

from airflow_provider_ard.api.errors import ArdNotFoundError, ArdRequestError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import State

A, B = "103001007B478000", "103001009E8C7C00"
C, D = "Z17-031313123113", "Z17-031313123112"
TOPIC = "arn:aws:sns:us-east-1:123456789012:orders"
ROLE = "arn:aws:iam::123456789012:role/writer"
BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
SAS = "https://acct.blob.core.windows.net/my-ard-container?sv=2024-08-04&sig=c2lnbmF0dXJl"
KEY = json.dumps({"type": "service_account", "private_key": "-----BEGIN"})
KEY64 = base64.b64encode(KEY.encode()).decode()
S3 = {"bucket": "my-ard-bucket", "prefix": "example/prefix"}
SETTINGS = {
    "bundle_adjust": False,
    "hd": False,
    "cloud_mask": True,
    "healthy_vegetation_mask": True,
    "ms_saturation_mask": True,
    "pan_flare_mask": True,
    "terrain_shadow_mask": True,
    "water_mask": True,
}


class Results:
    """Results of a Select or MetaSelect with the method that an order uses."""

    def as_order(self) -> list[dict[str, Any]]:
        return [{"id": A, "cells": [C, D]}, {"id": B, "cells": [C]}]


@dataclass
class Row:
    """A documented behavior with arguments that show it.

    `sent` is the expected part of the payload, with None for an absent key. `invalid` is the argument that the error names.
    """

    behavior: str
    arguments: dict[str, Any]
    sent: dict[str, Any] = field(default_factory=dict)
    invalid: str | None = None


def s3(**config: Any) -> dict[str, Any]:
    return {"destination": None, "output_config": {"amazon_s3": S3 | config}}


def gcs(**config: Any) -> dict[str, Any]:
    return {"destination": None, "output_config": {"google_cloud_storage": S3 | config}}


def azure(**config: Any) -> dict[str, Any]:
    inner = {"container": "my-ard-container", "prefix": "example/prefix"} | config
    return {"destination": None, "output_config": {"azure_blob_storage": inner}}


def select(**arguments: Any) -> dict[str, Any]:
    return {"acquisitions": None, "select_id": "5542092796671610498"} | arguments


def ids(*names: str) -> dict[str, Any]:
    return {"acquisitions": [{"id": name, "cells": []} for name in names]}


def cells(**cells_by_id: list[str]) -> dict[str, Any]:
    return {"acquisitions": [{"id": name, "cells": cell_ids} for name, cell_ids in cells_by_id.items()]}


PAGE = [
    # The keyword arguments
    Row("acquisitions: a list of ids", {"acquisitions": [A, B]}, ids(A, B)),
    Row("acquisitions: a list of dictionaries of acquisition and cells", {"acquisitions": [{"id": A, "cells": [C]}]}, cells(**{A: [C]})),
    Row("acquisitions: the results of a Select", {"acquisitions": Results()}, cells(**{A: [C, D], B: [C]})),
    Row("select_id: order the results of a Select", select(), {"select_id": "5542092796671610498", "acquisitions": None}),
    Row("select_id: no acquisitions with it", {"select_id": "5"}, invalid="select_id"),
    Row("select_id: no AOI with it, intersects", select(intersects=BOX), invalid="select_id"),
    Row("select_id: no AOI with it, bbox", select(bbox=[0, 0, 1, 1]), invalid="select_id"),
    Row("destination: an S3 path like s3://bucket/prefix", {"destination": "s3://bucket/prefix"}, {"output_config": {"bucket": "bucket", "prefix": "prefix"}}),
    Row("destination: for S3 only; here Google and Azure too, by the connection's credentials", {"destination": "gs://bucket/prefix", "credentials_ids": {"gs://": "stored"}}, {"output_config": {"google_cloud_storage": {"bucket": "bucket", "prefix": "prefix", "credentials_id": "stored"}}}),
    Row("output_config: a dictionary of the forms below", s3(), {"output_config": {"amazon_s3": S3}}),
    Row("output_config: required without a destination", {"destination": None}, invalid="destination"),
    Row("output_config: instead of a destination, not beside it", s3() | {"destination": "s3://b/p"}, invalid="destination"),
    Row("intersects: WKT", {"intersects": BOX.wkt}, {"intersects": BOX.wkt}),
    Row("intersects: a GeoJSON string", {"intersects": json.dumps(shapely.geometry.mapping(BOX))}, {"intersects": BOX.wkt}),
    Row("intersects: a Python geometry", {"intersects": BOX}, {"intersects": BOX.wkt}),
    Row("intersects: WGS84 only", {"intersects": f"SRID=32613;{BOX.wkt}"}, invalid="intersects"),
    Row("intersects: the path of a file", {"intersects": "aoi.geojson"}, {"intersects": BOX.wkt}),
    Row("intersects: the path of a file that OGR reads", {"intersects": "aoi.kml"}, {"intersects": BOX.wkt}),
    Row("intersects: a path without a file", {"intersects": "none.geojson"}, invalid="intersects"),
    Row("bbox: a list of XMIN YMIN XMAX YMAX", {"bbox": [-105.2, 40.1, -105.1, 40.2]}, {"bbox": [-105.2, 40.1, -105.1, 40.2]}),
    Row("bbox: a tuple of them", {"bbox": (-106, 40, -105, 41)}, {"bbox": [-106, 40, -105, 41]}),
    Row("bbox: in that order", {"bbox": [-105.1, 40.1, -105.2, 40.2]}, invalid="bbox"),
    Row("role_arn: a role for the writer to S3", {"role_arn": ROLE}, {"output_config": {"bucket": "bkt", "prefix": "p", "role_arn": ROLE}}),
    Row("role_arn: not needed under a bucket policy", {"role_arn": None}, {"output_config": {"bucket": "bkt", "prefix": "p"}}),
    Row("role_arn: for S3 only", gcs(credentials_id="stored") | {"role_arn": ROLE}, invalid="role_arn"),
    Row("dry_run: a boolean", {"dry_run": True}, {"dry_run": True}),
    Row("dry_run: nothing but a boolean", {"dry_run": "perhaps"}, invalid="dry_run"),
    Row("dry_run: false by default", {}, {"dry_run": False}),
    Row("bba: a boolean", {"bba": True}, {"settings": {"bundle_adjust": True}}),
    Row("bba: false by default", {}, {"settings": {"bundle_adjust": False}}),
    Row("settings: a dictionary", {"settings": {"hd": True}}, {"settings": {"bundle_adjust": False, "hd": True}}),
    Row("settings: nothing but a dictionary", {"settings": "hd"}, invalid="settings"),
    Row("metadata: your own key-value pairs", {"metadata": {"campaign": "spring", "n": 3}}, {"metadata": {"campaign": "spring", "n": 3}}),
    Row("metadata: nothing but pairs", {"metadata": ["spring"]}, invalid="metadata"),
    # Notifications
    Row("a notification by email", {"email_notifications": ["me@example.com"]}, {"notifications": [{"type": "email", "address": "me@example.com"}]}),
    Row("a notification by SNS", {"sns_notifications": [TOPIC]}, {"notifications": [{"type": "sns", "topic_arn": TOPIC}]}),
    Row("a dry run sends no notification", {"email_notifications": ["me@example.com"], "dry_run": True}, {"notifications": None}),
    # Output configurations
    Row("Amazon S3: bucket and prefix", s3(), {"output_config": {"amazon_s3": S3}}),
    Row("Amazon S3: no other keys", s3(region="us-east-1"), invalid="output_config.amazon_s3"),
    Row("Azure: a SAS URL, container and prefix", azure(sas_url=SAS), {"output_config": azure(sas_url=SAS)["output_config"]}),
    Row("Azure: a SAS URL and nothing else", azure(sas_url="https://acct.blob.core.windows.net"), invalid="output_config.azure_blob_storage.sas_url"),
    Row("Google: credentials, bucket and prefix", gcs(service_credentials=KEY64), {"output_config": gcs(service_credentials=KEY64)["output_config"]}),
    Row("Google: the path of the credentials' file, which is read and sent as base64", gcs(service_credentials="key.json"), {"output_config": gcs(service_credentials=KEY64)["output_config"]}),
    Row("Google: base64 of the file's contents", gcs(service_credentials=KEY64), {"output_config": gcs(service_credentials=KEY64)["output_config"]}),
    Row("Google: neither of the two forms", gcs(service_credentials="no such thing"), invalid="output_config.google_cloud_storage.service_credentials"),
    Row("a stored credential instead, Google", gcs(credentials_id="our-stored-credentials"), {"output_config": gcs(credentials_id="our-stored-credentials")["output_config"]}),
    Row("a stored credential instead, Azure", azure(credentials_id="our-stored-credentials"), {"output_config": azure(credentials_id="our-stored-credentials")["output_config"]}),
    Row("one of the two must be there, Google", gcs(), invalid="output_config"),
    Row("one of the two must be there, Azure", azure(), invalid="output_config"),
    # Settings
    Row("all outputs and masks are the default", {"settings": {}}, {"settings": {"bundle_adjust": False}}),
    *(Row(f"the default of {name} need not be sent", {"settings": {name: value}}, {"settings": {"bundle_adjust": False}}) for name, value in SETTINGS.items()),
    *(Row(f"{name} can be changed", {"settings": {name: not value}}, {"settings": {"bundle_adjust": False, name: not value}}) for name, value in SETTINGS.items()),
    Row("only what you wish to change", {"settings": SETTINGS | {"water_mask": False}}, {"settings": {"bundle_adjust": False, "water_mask": False}}),
    Row("settings control bundle adjustment", {"settings": {"bundle_adjust": True}}, {"settings": {"bundle_adjust": True}}),
    Row("either turns bundle adjustment on: bba", {"bba": True, "settings": {"bundle_adjust": False}}, {"settings": {"bundle_adjust": True}}),
    Row("either turns bundle adjustment on: bundle_adjust", {"bba": False, "settings": {"bundle_adjust": True}}, {"settings": {"bundle_adjust": True}}),
    # Ordering acquisitions and tiles
    Row("acquisitions with an AOI", {"acquisitions": [A], "intersects": BOX}, ids(A) | {"intersects": BOX.wkt, "bbox": None}),
    Row("acquisitions with a bbox", {"acquisitions": [A], "bbox": [0, 0, 1, 1]}, ids(A) | {"bbox": [0, 0, 1, 1], "intersects": None}),
    Row("an AOI or a bbox, not both", {"intersects": BOX, "bbox": [0, 0, 1, 1]}, invalid="intersects"),
    Row("dictionaries with the keys id and cells", {"acquisitions": [{"id": A, "cells": [C, D]}, {"id": B, "cells": [C]}]}, cells(**{A: [C, D], B: [C]})),
    Row("the example's key cell_ids", {"acquisitions": [{"id": A, "cell_ids": [C, D]}, {"id": B, "cell_ids": [C]}]}, cells(**{A: [C, D], B: [C]})),
    Row("no cells: all are ordered", {"acquisitions": [{"id": A, "cells": [C]}, {"id": B}]}, cells(**{A: [C], B: []})),
    Row("all cells, subject to an AOI", {"acquisitions": [{"id": B}], "bbox": [0, 0, 1, 1]}, ids(B) | {"bbox": [0, 0, 1, 1]}),
    Row("any other key beside id", {"acquisitions": [{"id": A, "tiles": [C]}]}, invalid="acquisitions"),
    Row("the example's third id, which is invalid", {"acquisitions": [{"id": "103001009E8G3C90"}]}, invalid="acquisitions"),
    Row("results of a Select or MetaSelect: their tiles", {"acquisitions": Results()}, cells(**{A: [C, D], B: [C]})),
    Row("select_id instead of acquisitions", select(), {"select_id": "5542092796671610498", "acquisitions": None}),
    # The two examples
    Row("an S3 order for a Select", select(destination="my_bucket/my_ard_tiles"), {"output_config": {"bucket": "my_bucket", "prefix": "my_ard_tiles"}, "select_id": "5542092796671610498"}),
    Row("a Google order of acquisitions by a credentials file", gcs(service_credentials="key.json") | {"acquisitions": ["1030010052208D00"]}, ids("1030010052208D00") | {"output_config": gcs(service_credentials=KEY64)["output_config"]}),
    Row("neither acquisitions nor a Select", {"acquisitions": None}, invalid="acquisitions"),
]  # fmt: skip

KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>
{}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write the files that the rows refer to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key.json").write_text(KEY)
    (tmp_path / "aoi.geojson").write_text(json.dumps(shapely.geometry.mapping(BOX)))
    (tmp_path / "aoi.kml").write_text(KML.format(" ".join(f"{x},{y}" for x, y in BOX.exterior.coords)))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("row", PAGE, ids=lambda row: row.behavior)
def test_documented_behavior(row):
    arguments = {"acquisitions": A, "destination": "s3://bkt/p"} | row.arguments
    if row.invalid:
        with pytest.raises(ArdRequestError) as caught:
            OrderRequest.of(**arguments)
        assert caught.value.argument == row.invalid
        return
    payload = json.loads(json.dumps(OrderRequest.of(**arguments).to_payload()))
    assert row.sent
    assert {key: payload.get(key) for key in row.sent} == row.sent


def request_of(ard, **arguments):
    return OrderRequest.of(**{"acquisitions": ard.acquisitions[:1], "destination": "s3://bkt/p"} | arguments)


def test_dry_run_is_validated_and_delivers_nothing(ard, client):
    assert client.dry_run(request_of(ard, dry_run=True)).area_sqkm > 0
    with pytest.raises(ArdRequestError):
        client.dry_run(request_of(ard, acquisitions=["10300100FFFFFF00"], dry_run=True))
    assert ard.orders == []


def test_dry_run_sends_no_notifications(ard, client):
    client.dry_run(request_of(ard, email_notifications="me@example.com"))
    assert "notifications" not in ard.requests[-1].body


def test_submitted_order_has_an_id(ard, client):
    submitted = client.submit_order(request_of(ard))
    assert submitted.id == ard.orders[0].id


def test_order_status_and_state(ard, client):
    status = client.get_order(client.submit_order(request_of(ard)).id)
    assert status.status == "RUNNING"
    assert status.state is State.RUNNING
    ends = {name: status.model_copy(update={"status": name}).state for name in ("SUCCEEDED", "FAILED")}
    assert ends == {"SUCCEEDED": State.SUCCEEDED, "FAILED": State.FAILED}


def test_order_is_read_by_id(ard, client):
    order_id = client.submit_order(request_of(ard, metadata={"campaign": "spring"})).id
    assert client.get_order(order_id).metadata == {"campaign": "spring"}
    with pytest.raises(ArdNotFoundError):
        client.get_order("404404")

"""Invalid arguments raise an `ArdRequestError` that names the argument, and no request is sent."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.version_compat import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox

A, B = "10300100B2B49700", "104001009F982A00"
C = "Z13-031133320203"
ROLE = "arn:aws:iam::123456789012:role/writer"
SAS = "https://acct.blob.core.windows.net/c?sv=2024-08-04&sig=c2lnbmF0dXJl"
BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
TWO_BOXES = [BOX, shapely.box(-104.2, 40.1, -104.1, 40.2)]


def s3(**config: Any) -> dict[str, Any]:
    return {"destination": None, "output_config": {"amazon_s3": {"bucket": "bkt", "prefix": "p"} | config}}


def gcs(**config: Any) -> dict[str, Any]:
    return {"destination": None, "output_config": {"google_cloud_storage": {"bucket": "bkt", "prefix": "p"} | config}}


def azure(**config: Any) -> dict[str, Any]:
    return {"destination": None, "output_config": {"azure_blob_storage": {"container": "con", "prefix": "p"} | config}}


def select(**arguments: Any) -> dict[str, Any]:
    return {"acquisitions": None, "select_id": "5542092796671610498"} | arguments


def encoded(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


class Unready:
    def as_order(self) -> None:
        raise RuntimeError("the search has not run")


# ID of the case: (arguments, the argument that the error names, part of the message).
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    # Acquisitions and Select
    "neither acquisitions nor select_id": ({"acquisitions": None}, "acquisitions", "acquisitions or a select_id"),
    "empty list": ({"acquisitions": []}, "acquisitions", "empty"),
    "empty dictionary": ({"acquisitions": {}}, "acquisitions", "empty"),
    "empty string": ({"acquisitions": ""}, "acquisitions", "acquisitions or a select_id"),
    "search without results": ({"acquisitions": {"type": "FeatureCollection", "features": []}}, "acquisitions", "empty"),
    "search that has not run": ({"acquisitions": Unready()}, "acquisitions", "RuntimeError"),
    "string without an ID": ({"acquisitions": "all"}, "acquisitions", "got 'all'"),
    "number": ({"acquisitions": 103001}, "acquisitions", "got 103001"),
    "bytes": ({"acquisitions": A.encode()}, "acquisitions", "got a bytes"),
    "ID in lowercase": ({"acquisitions": A.lower()}, "acquisitions", A.lower()),
    "truncated ID": ({"acquisitions": [A, B[:-1]]}, "acquisitions", B[:-1]),
    "two IDs in a string": ({"acquisitions": f"{A},{B}"}, "acquisitions", "acquisition ID"),
    "broken JSON": ({"acquisitions": f'["{A}"'}, "acquisitions", "acquisition ID"),
    "unknown key": ({"acquisitions": [{"id": A, "cell": [C]}]}, "acquisitions", "unknown key 'cell'"),
    "cells and cell_ids": ({"acquisitions": [{"id": A, "cells": [C], "cell_ids": [C]}]}, "acquisitions", "got both"),
    "ID is None": ({"acquisitions": [{"id": None}]}, "acquisitions", "got None"),
    "cell in an invalid zone": ({"acquisitions": {A: ["Z61-031133320203"]}}, "acquisitions", "Z61"),
    "cell with eleven digits": ({"acquisitions": {A: ["Z13-03113332020"]}}, "acquisitions", "cell ID"),
    "cells rendered to None": ({"acquisitions": {A: "None"}}, "acquisitions", f"cells of {A}"),
    "cells are None": ({"acquisitions": {A: None}}, "acquisitions", f"cells of {A}"),
    "cells key is None": ({"acquisitions": [{"id": A, "cells": None}]}, "acquisitions", f"cells of {A}"),
    "AOI is None": ({"intersects": None}, "intersects", "None"),
    "AOI rendered to None": ({"intersects": "None"}, "intersects", "None"),
    "AOI rendered to whitespace": ({"intersects": " "}, "intersects", "' '"),
    "AOI without geometries": ({"intersects": []}, "intersects", "list"),
    "empty GeoJSON": ({"intersects": "{}"}, "intersects", "{}"),
    "bbox rendered to None": ({"bbox": "None"}, "bbox", "None"),
    "empty bbox": ({"bbox": ()}, "bbox", "tuple"),
    "cells as a dictionary": ({"acquisitions": {A: {C: 1}}}, "acquisitions", "list of cell IDs"),
    "list as cell": ({"acquisitions": {A: [[C]]}}, "acquisitions", "got a list"),
    "number as cell": ({"acquisitions": {A: [13]}}, "acquisitions", "got 13"),
    "AOI as acquisitions": ({"acquisitions": {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}}]}}, "acquisitions", "intersects"),
    "Select and acquisitions": ({"select_id": "5"}, "select_id", "acquisitions"),
    "Select and intersects": (select(intersects=BOX.wkt), "select_id", "intersects"),
    "Select and bbox": (select(bbox=[0, 0, 1, 1]), "select_id", "bbox"),
    "select_id with spaces": (select(select_id="the last one"), "select_id", "the last one"),
    "select_id is a float": (select(select_id=5.5), "select_id", "5.5"),
    "select_id is a bool": (select(select_id=True), "select_id", "True"),
    "negative select_id": (select(select_id=-5), "select_id", "-5"),
    # Destination
    "no destination": ({"destination": None}, "destination", "needs a destination"),
    "empty destination": ({"destination": " "}, "destination", "needs a destination"),
    "destination and output_config": (s3() | {"destination": "s3://bkt/p"}, "destination", "got both"),
    "unknown URI scheme": ({"destination": "ftp://bkt/p"}, "destination", "ftp"),
    "destination without bucket": ({"destination": "s3:///p"}, "destination", "bucket is missing"),
    "destination with a connection ID": ({"destination": "s3://aws_default@bkt/p"}, "destination", "aws_default@bkt"),
    "one slash missing": ({"destination": "s3:/bkt/p"}, "destination", "name of a bucket"),
    "signed URL": ({"destination": SAS}, "destination", "https"),
    "prefix with a query": ({"destination": "s3://bkt/p?sig=1"}, "destination", "character"),
    "prefix with an empty segment": ({"destination": "s3://bkt/a//b"}, "destination", "empty or dotted"),
    "prefix with ..": ({"destination": "s3://bkt/a/../b"}, "destination", "empty or dotted"),
    "list of destinations": ({"destination": ["s3://bkt/p"]}, "destination", "got a list"),
    "Google without credentials": ({"destination": "gs://bkt/p"}, "destination", "credentials_ids"),
    "Azure without credentials": ({"destination": "az://con/p"}, "destination", "credentials_ids"),
    "Google config without credentials": (gcs(), "output_config", "credentials_ids"),
    "empty output config": ({"destination": None, "output_config": {}}, "output_config", "got 0"),
    "two platforms": ({"destination": None, "output_config": s3()["output_config"] | gcs()["output_config"]}, "output_config", "got 2"),
    "unknown platform": ({"destination": None, "output_config": {"amazon_S3": {}}}, "output_config", "did you mean 'amazon_s3'"),
    "output config is not JSON": ({"destination": None, "output_config": "{amazon_s3"}, "output_config", "expected a dictionary"),
    "output config is a list": ({"destination": None, "output_config": []}, "output_config", "got a list"),
    "platform config is a string": ({"destination": None, "output_config": {"amazon_s3": "bkt/p"}}, "output_config.amazon_s3", "got a string"),
    "unknown config key": (s3(buckets="b"), "output_config.amazon_s3", "did you mean 'bucket'"),
    "key of another platform": (s3(sas_url=SAS), "output_config.amazon_s3", "unknown key 'sas_url'"),
    "bucket for Azure": (azure(bucket="b", credentials_id="c"), "output_config.azure_blob_storage", "unknown key 'bucket'"),
    "config without bucket": (s3(bucket=None), "output_config.amazon_s3", "bucket is missing"),
    "config without container": (azure(container="", sas_url=SAS), "output_config.azure_blob_storage", "container is missing"),
    "config without prefix": (gcs(prefix=None, credentials_id="c"), "output_config.google_cloud_storage", "prefix is missing"),
    "number as bucket": (s3(bucket=5), "output_config.amazon_s3.bucket", "expected a string, got 5"),
    "role is no ARN": ({"role_arn": "writer"}, "role_arn", "arn:aws:iam"),
    "ARN of a user": ({"role_arn": "arn:aws:iam::123456789012:user/me"}, "role_arn", "role/name"),
    "role in the config is no ARN": (s3(role_arn="writer"), "output_config.amazon_s3.role_arn", "arn:aws:iam"),
    "two roles": (s3(role_arn=ROLE) | {"role_arn": f"{ROLE}2"}, "role_arn", "two different"),
    "role for Google": (gcs(credentials_id="c") | {"role_arn": ROLE}, "role_arn", "S3 only"),
    "role for Azure": (azure(credentials_id="c") | {"role_arn": ROLE}, "role_arn", "S3 only"),
    "missing key file": (gcs(service_credentials="/no/such/key.json"), "output_config.google_cloud_storage.service_credentials", "no such readable file"),
    "key is not JSON": (gcs(service_credentials=base64.b64encode(b"{nope").decode()), "output_config.google_cloud_storage.service_credentials", "not JSON"),
    "key of a user": (gcs(service_credentials=encoded({"type": "authorized_user"})), "output_config.google_cloud_storage.service_credentials", "service_account"),
    "key without private_key": (gcs(service_credentials=encoded({"type": "service_account"})), "output_config.google_cloud_storage.service_credentials", "private_key"),
    "number as key": (gcs(service_credentials=5), "output_config.google_cloud_storage.service_credentials", "got a int"),
    "SAS URL without signature": (azure(sas_url=SAS.partition("&")[0]), "output_config.azure_blob_storage.sas_url", "without a signature"),
    "SAS URL without TLS": (azure(sas_url=SAS.replace("https", "http")), "output_config.azure_blob_storage.sas_url", "no https"),
    "expired SAS URL": (azure(sas_url=f"{SAS}&se=2020-01-01T00:00:00Z"), "output_config.azure_blob_storage.sas_url", "expired 2020-01-01"),
    "credentials_id with spaces": (gcs(credentials_id="our creds"), "output_config.google_cloud_storage.credentials_id", "letters, digits"),
    # AOI
    "AOI and bbox": ({"intersects": BOX.wkt, "bbox": [0, 0, 1, 1]}, "intersects", "got both"),
    "point": ({"intersects": "POINT (0 0)"}, "intersects", "got a Point"),
    "broken WKT": ({"intersects": "POLYGON ((0 0, 1 1"}, "intersects", "cannot be read as WKT"),
    "WKT of another projection": ({"intersects": f"SRID=32613;{BOX.wkt}"}, "intersects", "got 32613"),
    "deeply nested WKT": ({"intersects": "GEOMETRYCOLLECTION (" * 99_999}, "intersects", "nested deeper"),
    "empty polygon": ({"intersects": "POLYGON EMPTY"}, "intersects", "empty"),
    "missing file": ({"intersects": "/no/such/aoi.geojson"}, "intersects", "path of a readable file"),
    "unknown storage scheme": ({"intersects": "ftq://bkt/aoi.geojson"}, "intersects", "path of a readable file"),
    "feature without geometry": ({"intersects": {"type": "Feature", "geometry": None}}, "intersects", "feature 1 of 1"),
    "unknown geometry type": ({"intersects": {"type": "Circle", "coordinates": [0, 0]}}, "intersects", "Circle"),
    "broken GeoJSON": ({"intersects": '{"type": "Polygon"'}, "intersects", "cannot be read as JSON"),
    "number as AOI": ({"intersects": 5}, "intersects", "got 5"),
    "latitude first": ({"intersects": shapely.box(40.1, -105.2, 40.2, -105.1)}, "intersects", "swapped"),
    "coordinates in meters": ({"intersects": shapely.box(5e5, 44e5, 51e4, 441e4)}, "intersects", "projected"),
    "across the antimeridian": ({"intersects": shapely.box(179, 0, 181, 1)}, "intersects", "antimeridian"),
    "whole longitude range": ({"intersects": shapely.box(-179, 0, 179, 1)}, "intersects", "358° of longitude"),
    "NaN coordinate": ({"intersects": "POLYGON ((0 0, nan 1, 1 1, 0 0))"}, "intersects", "finite"),
    "area less than 1 km²": ({"intersects": shapely.box(0, 0, 0.005, 0.005)}, "intersects", "0.3077 km²"),
    "narrower than 250 m": ({"intersects": shapely.box(0, 0, 0.001, 1)}, "intersects", "111.3 m wide"),
    "second polygon is too small": ({"intersects": [BOX, shapely.box(0, 0, 0.005, 0.005)]}, "intersects", "polygon 2 of 2"),
    "too many vertices": ({"intersects": shapely.Point(0, 0).buffer(1, quad_segs=400)}, "intersects", "1601 vertices"),
    "polygon without area": ({"intersects": "POLYGON ((0 0, 1 1, 0 0, 0 0))"}, "intersects", "no area"),
    "unconnected polygons with bba": ({"intersects": TWO_BOXES, "bba": True}, "intersects", "one connected polygon, got 2"),
    "unconnected polygons with bundle_adjust": ({"intersects": TWO_BOXES, "settings": {"bundle_adjust": True}}, "intersects", "got 2"),
    "bbox of three numbers": ({"bbox": [1, 2, 3]}, "bbox", "got 3"),
    "bbox with a string": ({"bbox": [0, 0, 1, "north"]}, "bbox", "as ymax, got 'north'"),
    "bbox with a bool": ({"bbox": [0, 0, True, 1]}, "bbox", "as xmax, got True"),
    "bbox with xmin > xmax": ({"bbox": [1, 0, 0, 1]}, "bbox", "xmin < xmax"),
    "bbox across the antimeridian": ({"bbox": [179, 0, -179, 1]}, "bbox", "antimeridian"),
    "bbox of less than 1 km²": ({"bbox": [0, 0, 0.005, 0.005]}, "bbox", "0.3077 km²"),
    "bbox with latitude first": ({"bbox": [40.1, -105.2, 40.2, -105.1]}, "bbox", "swapped"),
    "infinite bbox": ({"bbox": [0, 0, float("inf"), 1]}, "bbox", "as xmax, got inf"),
    "bbox as a set": ({"bbox": {0, 1, 2, 3}}, "bbox", "got a set"),
    "bbox with other keys": ({"bbox": {"west": 0, "south": 0, "east": 1, "north": 1}}, "bbox", "xmin, ymin, xmax, ymax"),
    "simplify_aoi is a string": ({"simplify_aoi": "yes"}, "simplify_aoi", "'yes'"),
    "drop_small_polygons is a string": ({"drop_small_polygons": "yes"}, "drop_small_polygons", "'yes'"),
    # Other arguments
    "misspelled setting": ({"settings": {"water_msk": False}}, "settings", "did you mean 'water_mask'"),
    "setting is None": ({"settings": {"hd": None}}, "settings.hd", "got None"),
    "settings as a list": ({"settings": ["hd"]}, "settings", "got a list"),
    "bba is a number": ({"bba": 1}, "bba", "got 1"),
    "dry_run is a string": ({"dry_run": "maybe"}, "dry_run", "'maybe'"),
    "dry_run is empty": ({"dry_run": ""}, "dry_run", "true or false"),
    "metadata as a string": ({"metadata": "campaign"}, "metadata", "'campaign'"),
    "metadata with an object": ({"metadata": {"when": object()}}, "metadata", "an object at 'when'"),
    "metadata with a number as key": ({"metadata": {5: "a"}}, "metadata", "string keys, got 5"),
    "metadata that is not finite": ({"metadata": {"a": float("nan")}}, "metadata", "nan at 'a'"),
    "metadata beyond the limit": ({"metadata": {"a": "x" * 65_536}}, "metadata", "65,536 bytes of JSON, got 65,5"),
    "reserved metadata key": ({"metadata": {"airflow_key": "mine"}}, "metadata", "airflow_key"),
    "email without a domain": ({"email_notifications": ["nobody"]}, "email_notifications", "'nobody'"),
    "email with a display name": ({"email_notifications": "Me <me@example.com>"}, "email_notifications", "Me <me"),
    "two emails in a string": ({"email_notifications": "a@example.com, b@example.com"}, "email_notifications", "a@example.com,"),
    "email with two dots": ({"email_notifications": ["a..b@example.com"]}, "email_notifications", "a..b"),
    "number as email": ({"email_notifications": 0}, "email_notifications", "got 0"),
    "SQS queue as topic": ({"sns_notifications": ["arn:aws:sqs:us-east-1:123456789012:q"]}, "sns_notifications", "sqs"),
    "topic is no ARN": ({"sns_notifications": "orders"}, "sns_notifications", "'orders'"),
    "topics as a dictionary": ({"sns_notifications": {"orders": 1}}, "sns_notifications", "got a dict"),
    "max_cost is not a number": ({"max_cost": "much"}, "max_cost", "'much'"),
    "unknown if_exists": ({"if_exists": "replace"}, "if_exists", "'replace'"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d") as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", CASES)
def test_invalid_argument_sends_no_request(name, sandbox, context, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
    arguments, argument, message = CASES[name]
    task = ArdOrderOperator(**{"task_id": "order", "acquisitions": A, "destination": "s3://bkt/p"} | arguments)
    with pytest.raises(ArdRequestError) as caught:
        task.execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "sig=" not in str(caught.value).replace("(sig=…)", "")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (gcs(service_credentials="{", credentials_id="stored"), "credentials_id 'stored' is used, service_credentials is not"),
        ({"bba": True, "settings": {"bundle_adjust": False}}, "bba is True and settings.bundle_adjust is False"),
        ({"intersects": "POLYGON ((-180 -80, -1 80, -1 -80, -180 80, -180 -80))"}, "was not valid (Self-intersection"),
        ({"intersects": "POLYGON Z ((-180 -80 1, -1 -80 1, -1 80 1, -180 80 1, -180 -80 1))"}, "third dimension was dropped"),
        ({"intersects": shapely.Point(-100, 40).buffer(30, quad_segs=500), "simplify_aoi": True}, "simplified to 1000 vertices"),
    ],
)  # fmt: skip
def test_warnings_are_in_the_task_log(arguments, message, sandbox, context, log_text, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
    # The invalid `if_exists` is the last thing checked before the order is sent.
    defaults = {"task_id": "order", "acquisitions": A, "destination": "s3://bkt/p", "if_exists": "no such choice"}
    task = ArdOrderOperator(**defaults | arguments)
    with pytest.raises(ArdRequestError, match="if_exists"):
        task.execute(context)
    assert message in log_text("warning")


def test_number_of_cases():
    assert len(CASES) >= 80


def test_valid_order_is_sent(sandbox, context, monkeypatch):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d") as ard:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
        ArdOrderOperator(task_id="order", acquisitions=ard.acquisitions[0], destination="s3://bkt/p").execute(context)
        assert ard.submissions

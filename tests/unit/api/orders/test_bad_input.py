"""Every named mistake: the error's type, the argument that it names, and that no request left."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox

A, B = "10300100B2B49700", "104001009F982A00"
C = "Z13-031133320203"
ROLE = "arn:aws:iam::123456789012:role/writer"
SAS = "https://acct.blob.core.windows.net/c?sv=2024-08-04&sig=c2lnbmF0dXJl"
BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
TWO = [BOX, shapely.box(-104.2, 40.1, -104.1, 40.2)]


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


def failing() -> Iterator[str]:
    yield A
    raise OSError("the list ends early")


# Name of the mistake: (arguments, the argument that the error names, words of the error).
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    # What to order
    "nothing to order": ({"acquisitions": None}, "acquisitions", "acquisitions or a select_id"),
    "an empty list": ({"acquisitions": []}, "acquisitions", "empty"),
    "an empty mapping": ({"acquisitions": {}}, "acquisitions", "empty"),
    "an empty text": ({"acquisitions": ""}, "acquisitions", "acquisitions or a select_id"),
    "a search that found nothing": ({"acquisitions": {"type": "FeatureCollection", "features": []}}, "acquisitions", "empty"),
    "a search that has not run": ({"acquisitions": Unready()}, "acquisitions", "RuntimeError"),
    "a word": ({"acquisitions": "all"}, "acquisitions", "got 'all'"),
    "a number": ({"acquisitions": 103001}, "acquisitions", "got 103001"),
    "bytes": ({"acquisitions": A.encode()}, "acquisitions", "got a bytes"),
    "an id in small letters": ({"acquisitions": A.lower()}, "acquisitions", A.lower()),
    "an id cut short": ({"acquisitions": [A, B[:-1]]}, "acquisitions", B[:-1]),
    "two ids in one text": ({"acquisitions": f"{A},{B}"}, "acquisitions", "acquisition ID"),
    "broken JSON": ({"acquisitions": f'["{A}"'}, "acquisitions", "acquisition ID"),
    "a misspelt cells": ({"acquisitions": [{"id": A, "cell": [C]}]}, "acquisitions", "unknown key 'cell'"),
    "cells and cell_ids": ({"acquisitions": [{"id": A, "cells": [C], "cell_ids": [C]}]}, "acquisitions", "got both"),
    "an id of None": ({"acquisitions": [{"id": None}]}, "acquisitions", "got None"),
    "a cell of a zone that is none": ({"acquisitions": {A: ["Z61-031133320203"]}}, "acquisitions", "Z61"),
    "a cell with eleven digits": ({"acquisitions": {A: ["Z13-03113332020"]}}, "acquisitions", "cell ID"),
    "cells that rendered to None": ({"acquisitions": {A: "None"}}, "acquisitions", f"cells of {A}"),
    "cells of an upstream that returned None": ({"acquisitions": {A: None}}, "acquisitions", f"cells of {A}"),
    "cells that are None beside an ID": ({"acquisitions": [{"id": A, "cells": None}]}, "acquisitions", f"cells of {A}"),
    "an AOI of an upstream that returned None": ({"intersects": None}, "intersects", "None"),
    "an AOI that rendered to None": ({"intersects": "None"}, "intersects", "None"),
    "an AOI that rendered to nothing": ({"intersects": " "}, "intersects", "' '"),
    "an AOI without geometries": ({"intersects": []}, "intersects", "list"),
    "an empty GeoJSON": ({"intersects": "{}"}, "intersects", "{}"),
    "a bbox that rendered to None": ({"bbox": "None"}, "bbox", "None"),
    "an empty bbox": ({"bbox": ()}, "bbox", "tuple"),
    "cells as a dictionary": ({"acquisitions": {A: {C: 1}}}, "acquisitions", "list of cell IDs"),
    "a list as a cell": ({"acquisitions": {A: [[C]]}}, "acquisitions", "got a list"),
    "a number as a cell": ({"acquisitions": {A: [13]}}, "acquisitions", "got 13"),
    "an AOI as acquisitions": ({"acquisitions": {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}}]}}, "acquisitions", "intersects"),
    "a generator that fails": ({"acquisitions": failing()}, "acquisitions", "OSError"),
    "a Select and acquisitions": ({"select_id": "5"}, "select_id", "acquisitions"),
    "a Select and intersects": (select(intersects=BOX.wkt), "select_id", "intersects"),
    "a Select and a bbox": (select(bbox=[0, 0, 1, 1]), "select_id", "bbox"),
    "a Select by a sentence": (select(select_id="the last one"), "select_id", "the last one"),
    "a Select by a fraction": (select(select_id=5.5), "select_id", "5.5"),
    "a Select by a truth value": (select(select_id=True), "select_id", "True"),
    "a negative Select": (select(select_id=-5), "select_id", "-5"),
    # Where to
    "nowhere": ({"destination": None}, "destination", "needs a destination"),
    "an empty destination": ({"destination": " "}, "destination", "needs a destination"),
    "two places": (s3() | {"destination": "s3://bkt/p"}, "destination", "got both"),
    "a platform that is none": ({"destination": "ftp://bkt/p"}, "destination", "ftp"),
    "no bucket": ({"destination": "s3:///p"}, "destination", "bucket is missing"),
    "a bucket with a connection": ({"destination": "s3://aws_default@bkt/p"}, "destination", "aws_default@bkt"),
    "one slash too few": ({"destination": "s3:/bkt/p"}, "destination", "name of a bucket"),
    "a signed URL": ({"destination": SAS}, "destination", "https"),
    "a prefix with a query": ({"destination": "s3://bkt/p?sig=1"}, "destination", "character"),
    "a prefix with an empty step": ({"destination": "s3://bkt/a//b"}, "destination", "empty or dotted"),
    "a prefix that climbs": ({"destination": "s3://bkt/a/../b"}, "destination", "empty or dotted"),
    "a list of destinations": ({"destination": ["s3://bkt/p"]}, "destination", "got a list"),
    "Google without credentials": ({"destination": "gs://bkt/p"}, "destination", "credentials_ids"),
    "Azure without credentials": ({"destination": "az://con/p"}, "destination", "credentials_ids"),
    "a Google config without credentials": (gcs(), "output_config", "credentials_ids"),
    "no output config": ({"destination": None, "output_config": {}}, "output_config", "got 0"),
    "two platforms": ({"destination": None, "output_config": s3()["output_config"] | gcs()["output_config"]}, "output_config", "got 2"),
    "an unknown platform": ({"destination": None, "output_config": {"amazon_S3": {}}}, "output_config", "did you mean 'amazon_s3'"),
    "a config that is no JSON": ({"destination": None, "output_config": "{amazon_s3"}, "output_config", "expected a dictionary"),
    "a config that is a list": ({"destination": None, "output_config": []}, "output_config", "got a list"),
    "a platform with a text": ({"destination": None, "output_config": {"amazon_s3": "bkt/p"}}, "output_config.amazon_s3", "got a string"),
    "an unknown key": (s3(buckets="b"), "output_config.amazon_s3", "did you mean 'bucket'"),
    "a key of another platform": (s3(sas_url=SAS), "output_config.amazon_s3", "unknown key 'sas_url'"),
    "a bucket for Azure": (azure(bucket="b", credentials_id="c"), "output_config.azure_blob_storage", "unknown key 'bucket'"),
    "no bucket in the config": (s3(bucket=None), "output_config.amazon_s3", "bucket is missing"),
    "no container": (azure(container="", sas_url=SAS), "output_config.azure_blob_storage", "container is missing"),
    "no prefix": (gcs(prefix=None, credentials_id="c"), "output_config.google_cloud_storage", "prefix is missing"),
    "a number as bucket": (s3(bucket=5), "output_config.amazon_s3.bucket", "expected a string, got 5"),
    "a role that is none": ({"role_arn": "writer"}, "role_arn", "arn:aws:iam"),
    "a role of a user": ({"role_arn": "arn:aws:iam::123456789012:user/me"}, "role_arn", "role/name"),
    "a role in the config that is none": (s3(role_arn="writer"), "output_config.amazon_s3.role_arn", "arn:aws:iam"),
    "two roles": (s3(role_arn=ROLE) | {"role_arn": f"{ROLE}2"}, "role_arn", "two different"),
    "a role for Google": (gcs(credentials_id="c") | {"role_arn": ROLE}, "role_arn", "S3 only"),
    "a role for Azure": (azure(credentials_id="c") | {"role_arn": ROLE}, "role_arn", "S3 only"),
    "a key file that is not there": (gcs(service_credentials="/no/such/key.json"), "output_config.google_cloud_storage.service_credentials", "cannot be read"),
    "a key that is no JSON": (gcs(service_credentials=base64.b64encode(b"{nope").decode()), "output_config.google_cloud_storage.service_credentials", "not JSON"),
    "a key of a user": (gcs(service_credentials=encoded({"type": "authorized_user"})), "output_config.google_cloud_storage.service_credentials", "service_account"),
    "a key without its private key": (gcs(service_credentials=encoded({"type": "service_account"})), "output_config.google_cloud_storage.service_credentials", "private_key"),
    "a number as key": (gcs(service_credentials=5), "output_config.google_cloud_storage.service_credentials", "got a int"),
    "a SAS URL without signature": (azure(sas_url=SAS.partition("&")[0]), "output_config.azure_blob_storage.sas_url", "without a signature"),
    "a SAS URL without TLS": (azure(sas_url=SAS.replace("https", "http")), "output_config.azure_blob_storage.sas_url", "no https"),
    "a SAS URL of the past": (azure(sas_url=f"{SAS}&se=2020-01-01T00:00:00Z"), "output_config.azure_blob_storage.sas_url", "expired 2020-01-01"),
    "credentials by a name with blanks": (gcs(credentials_id="our creds"), "output_config.google_cloud_storage.credentials_id", "letters, digits"),
    # Which area
    "an AOI and a bbox": ({"intersects": BOX.wkt, "bbox": [0, 0, 1, 1]}, "intersects", "got both"),
    "a point": ({"intersects": "POINT (0 0)"}, "intersects", "got a Point"),
    "broken WKT": ({"intersects": "POLYGON ((0 0, 1 1"}, "intersects", "cannot be read as WKT"),
    "WKT of another projection": ({"intersects": f"SRID=32613;{BOX.wkt}"}, "intersects", "got 32613"),
    "WKT without end": ({"intersects": "GEOMETRYCOLLECTION (" * 99_999}, "intersects", "nested deeper"),
    "an empty area": ({"intersects": "POLYGON EMPTY"}, "intersects", "empty"),
    "a file that is not there": ({"intersects": "/no/such/aoi.geojson"}, "intersects", "path of a readable file"),
    "a storage that is none": ({"intersects": "ftq://bkt/aoi.geojson"}, "intersects", "path of a readable file"),
    "a feature without geometry": ({"intersects": {"type": "Feature", "geometry": None}}, "intersects", "without geometry"),
    "a geometry that is none": ({"intersects": {"type": "Circle", "coordinates": [0, 0]}}, "intersects", "Circle"),
    "broken GeoJSON": ({"intersects": '{"type": "Polygon"'}, "intersects", "cannot be read as JSON"),
    "a number as AOI": ({"intersects": 5}, "intersects", "got 5"),
    "latitude first": ({"intersects": shapely.box(40.1, -105.2, 40.2, -105.1)}, "intersects", "swapped"),
    "meters": ({"intersects": shapely.box(5e5, 44e5, 51e4, 441e4)}, "intersects", "projected"),
    "past the antimeridian": ({"intersects": shapely.box(179, 0, 181, 1)}, "intersects", "antimeridian"),
    "round the world": ({"intersects": shapely.box(-179, 0, 179, 1)}, "intersects", "358° of longitude"),
    "a coordinate that is no number": ({"intersects": "POLYGON ((0 0, nan 1, 1 1, 0 0))"}, "intersects", "finite"),
    "less than 1 km²": ({"intersects": shapely.box(0, 0, 0.005, 0.005)}, "intersects", "0.3077 km²"),
    "less than 250 m": ({"intersects": shapely.box(0, 0, 0.001, 1)}, "intersects", "111.3 m wide"),
    "the second of two is too small": ({"intersects": [BOX, shapely.box(0, 0, 0.005, 0.005)]}, "intersects", "polygon 2 of 2"),
    "too many vertices": ({"intersects": shapely.Point(0, 0).buffer(1, quad_segs=400)}, "intersects", "1601 vertices"),
    "a needle without area": ({"intersects": "POLYGON ((0 0, 1 1, 0 0, 0 0))"}, "intersects", "no area"),
    "apart, with bundle adjustment": ({"intersects": TWO, "bba": True}, "intersects", "one connected polygon, got 2"),
    "apart, with bundle adjustment by a setting": ({"intersects": TWO, "settings": {"bundle_adjust": True}}, "intersects", "got 2"),
    "a box of three": ({"bbox": [1, 2, 3]}, "bbox", "got 3"),
    "a box with a word": ({"bbox": [0, 0, 1, "north"]}, "bbox", "as ymax, got 'north'"),
    "a box with a truth value": ({"bbox": [0, 0, True, 1]}, "bbox", "as xmax, got True"),
    "a box turned round": ({"bbox": [1, 0, 0, 1]}, "bbox", "xmin < xmax"),
    "a box across the antimeridian": ({"bbox": [179, 0, -179, 1]}, "bbox", "antimeridian"),
    "a box of less than 1 km²": ({"bbox": [0, 0, 0.005, 0.005]}, "bbox", "0.3077 km²"),
    "a box of latitudes first": ({"bbox": [40.1, -105.2, 40.2, -105.1]}, "bbox", "swapped"),
    "a box without end": ({"bbox": [0, 0, float("inf"), 1]}, "bbox", "as xmax, got inf"),
    "a box as a set": ({"bbox": {0, 1, 2, 3}}, "bbox", "got a set"),
    "a box by other names": ({"bbox": {"west": 0, "south": 0, "east": 1, "north": 1}}, "bbox", "xmin, ymin, xmax, ymax"),
    "simplify by a word": ({"simplify_aoi": "yes"}, "simplify_aoi", "'yes'"),
    # How
    "a misspelt setting": ({"settings": {"water_msk": False}}, "settings", "did you mean 'water_mask'"),
    "a setting of None": ({"settings": {"hd": None}}, "settings.hd", "got None"),
    "settings as a list": ({"settings": ["hd"]}, "settings", "got a list"),
    "bba by a number": ({"bba": 1}, "bba", "got 1"),
    "dry_run by a word": ({"dry_run": "maybe"}, "dry_run", "'maybe'"),
    "dry_run left empty": ({"dry_run": ""}, "dry_run", "true or false"),
    "metadata as a text": ({"metadata": "campaign"}, "metadata", "'campaign'"),
    "metadata with an object": ({"metadata": {"when": object()}}, "metadata", "an object at 'when'"),
    "metadata with a number as key": ({"metadata": {5: "a"}}, "metadata", "string keys, got 5"),
    "metadata that is not finite": ({"metadata": {"a": float("nan")}}, "metadata", "nan at 'a'"),
    "metadata beyond the limit": ({"metadata": {"a": "x" * 65_536}}, "metadata", "65,536 bytes of JSON, got 65,5"),
    "metadata of the provider's own": ({"metadata": {"airflow_key": "mine"}}, "metadata", "airflow_key"),
    "an address without a place": ({"email_notifications": ["nobody"]}, "email_notifications", "'nobody'"),
    "an address with a name": ({"email_notifications": "Me <me@example.com>"}, "email_notifications", "Me <me"),
    "two addresses in one text": ({"email_notifications": "a@example.com, b@example.com"}, "email_notifications", "a@example.com,"),
    "an address with two dots": ({"email_notifications": ["a..b@example.com"]}, "email_notifications", "a..b"),
    "a number as address": ({"email_notifications": 0}, "email_notifications", "got 0"),
    "a queue as topic": ({"sns_notifications": ["arn:aws:sqs:us-east-1:123456789012:q"]}, "sns_notifications", "sqs"),
    "a topic by its name": ({"sns_notifications": "orders"}, "sns_notifications", "'orders'"),
    "topics as a mapping": ({"sns_notifications": {"orders": 1}}, "sns_notifications", "got a dict"),
    "a budget that is no number": ({"max_cost": "much"}, "max_cost", "'much'"),
    "what to do with an order of before": ({"if_exists": "replace"}, "if_exists", "'replace'"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d") as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(name, sandbox, context, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
    arguments, argument, words = CASES[name]
    task = ArdOrderOperator(**{"task_id": "order", "acquisitions": A, "destination": "s3://bkt/p"} | arguments)
    with pytest.raises(ArdRequestError) as caught:
        task.execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert re.search(words, str(caught.value)), str(caught.value)
    assert "sig=" not in str(caught.value).replace("(sig=…)", "")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (gcs(service_credentials="{", credentials_id="stored"), "credentials_id 'stored' is used, service_credentials is not"),
        ({"bba": True, "settings": {"bundle_adjust": False}}, "bba is True and settings.bundle_adjust is False"),
        ({"intersects": "POLYGON ((-180 -80, -1 80, -1 -80, -180 80, -180 -80))"}, "was not valid (Self-intersection"),
        ({"intersects": "POLYGON Z ((-180 -80 1, -1 -80 1, -1 80 1, -180 80 1, -180 -80 1))"}, "third dimension was dropped"),
        ({"intersects": shapely.Point(-100, 40).buffer(30, quad_segs=500), "simplify_aoi": True}, "simplified to 1000 vertices"),
    ],
)  # fmt: skip
def test_fixes_and_doubts_are_in_the_task_log(arguments, words, sandbox, context, log_text, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
    # An order that gets as far as it can without being sent.
    last = {"task_id": "order", "acquisitions": A, "destination": "s3://bkt/p", "if_exists": "no such choice"}
    task = ArdOrderOperator(**last | arguments)
    with pytest.raises(ArdRequestError, match="if_exists"):
        task.execute(context)
    assert words in log_text("warning")


def test_there_are_enough_of_them():
    assert len(CASES) >= 80


def test_what_can_be_meant_is_sent(sandbox, context, monkeypatch):
    """The counterpart of the above: the same way, and a request does leave."""
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d") as ard:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
        ArdOrderOperator(task_id="order", acquisitions=ard.acquisitions[0], destination="s3://bkt/p").execute(context)
        assert ard.submissions

from __future__ import annotations

import base64
import copy
import json

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import OrderStatus, State

A, B = "10300100B2B49700", "104001009F982A00"
C, D = "Z13-031133320203", "Z13-031133320212"
AOI = "POLYGON ((-105.2 40.1, -105.1 40.1, -105.1 40.2, -105.2 40.2, -105.2 40.1))"
REST = {"dry_run": False, "settings": {"bundle_adjust": False}, "metadata": {}}
S3 = {"bucket": "bkt", "prefix": "a/b"}
KEY = json.dumps({"type": "service_account", "private_key": "-----BEGIN"})
KEY64 = base64.b64encode(KEY.encode()).decode()
SAS = "https://acct.blob.core.windows.net/c?sv=2024&sig=abc"


def payload(**arguments):
    request = OrderRequest.of(**{"acquisitions": A, "destination": "s3://bkt/a/b", **arguments})
    return json.loads(json.dumps(request.to_payload()))


@pytest.mark.parametrize(
    ("acquisitions", "expected"),
    [
        (A, [(A, [])]),
        ([A, B], [(A, []), (B, [])]),
        ((A, B), [(A, []), (B, [])]),
        ((name for name in (A, B)), [(A, []), (B, [])]),
        ({A: [C], B: []}, [(A, [C]), (B, [])]),
        ([{"id": A, "cells": [C, D]}, {"id": B}], [(A, [C, D]), (B, [])]),
        ([{"id": A, "cell_ids": [C]}], [(A, [C])]),
        ([{"id": A, "cells": C}, B], [(A, [C]), (B, [])]),
        (json.dumps([{"id": A, "cells": [C]}]), [(A, [C])]),
        (str([A, B]), [(A, []), (B, [])]),
        ([{"id": A, "cells": [C]}, {"id": A, "cells": [D, C]}], [(A, [C, D])]),
        ([{"id": A, "cells": [C]}, A], [(A, [])]),
        ("c2b6a1d0-0a1b-4c2d-8e3f-0123456789ab-inv", [("c2b6a1d0-0a1b-4c2d-8e3f-0123456789ab-inv", [])]),
    ],
)
def test_acquisitions_in_any_form(acquisitions, expected):
    assert payload(acquisitions=acquisitions)["acquisitions"] == [
        {"id": name, "cells": cells} for name, cells in expected
    ]


def test_search_result_is_ordered_by_its_cells():
    class Result:
        def as_order(self):
            return [{"id": A, "cells": [C]}]

    assert payload(acquisitions=Result())["acquisitions"] == [{"id": A, "cells": [C]}]


def test_minimal_order():
    assert payload() == {"acquisitions": [{"id": A, "cells": []}], "output_config": S3, **REST}


def test_cells_key_is_configurable():
    request = OrderRequest.of(acquisitions={A: [C]}, destination="bkt")
    assert request.to_payload("cell_ids")["acquisitions"] == [{"id": A, "cell_ids": (C,)}]


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("s3://bkt/a/b", S3),
        ("bkt/a/b", S3),
        ("S3://bkt/a/b/", S3),
        ("bkt", {"bucket": "bkt", "prefix": ""}),
        ("s3://bkt/", {"bucket": "bkt", "prefix": ""}),
    ],
)
def test_destination_uris(destination, expected):
    assert payload(destination=destination)["output_config"] == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"amazon_s3": S3}, None),
        (json.dumps({"amazon_s3": S3}), {"amazon_s3": S3}),
        (
            {"google_cloud_storage": {**S3, "service_credentials": KEY}},
            {"google_cloud_storage": {**S3, "service_credentials": KEY64}},
        ),
        ({"google_cloud_storage": {**S3, "service_credentials": KEY64}}, None),
        ({"google_cloud_storage": {**S3, "credentials_id": "stored-1"}}, None),
        ({"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": SAS}}, None),
        ({"azure_blob_storage": {"container": "c", "prefix": "p", "credentials_id": "az_1"}}, None),
    ],
)
def test_output_configs(config, expected):
    before = copy.deepcopy(config)
    assert payload(destination=None, output_config=config)["output_config"] == (expected or config)
    assert config == before


def test_service_credentials_from_a_file(tmp_path):
    (tmp_path / "key.json").write_text(KEY)
    config = {"google_cloud_storage": {**S3, "service_credentials": str(tmp_path / "key.json")}}
    sent = payload(destination=None, output_config=config)["output_config"]
    assert sent["google_cloud_storage"]["service_credentials"] == KEY64


@pytest.mark.parametrize(
    ("location", "credentials_id"),
    [("gs://my-bucket/x", "wide"), ("gs://my-bucket/deep/down", "deep"), ("gs://other/x", "any"), ("az://c/x", "az")],
)
def test_stored_credentials_of_the_longest_match_are_used(location, credentials_id):
    stored = {"gs://": "any", "gs://my-bucket": "wide", "gs://my-bucket/deep": "deep", "AZ://": "az"}
    request = OrderRequest.of(acquisitions=A, destination=location, credentials_ids=stored)
    assert next(iter(request.to_payload()["output_config"].values()))["credentials_id"] == credentials_id


def test_stored_credentials_match_complete_bucket_names():
    with pytest.raises(ArdRequestError, match="no credentials"):
        OrderRequest.of(acquisitions=A, destination="gs://bucket-2/x", credentials_ids={"gs://bucket": "stored"})


def test_stored_credentials_take_precedence_with_a_warning():
    config = {"google_cloud_storage": {**S3, "credentials_id": "stored", "service_credentials": KEY64}}
    request = OrderRequest.of(acquisitions=A, output_config=config)
    assert request.to_payload()["output_config"] == {"google_cloud_storage": {**S3, "credentials_id": "stored"}}
    assert request.secrets == ()
    assert "credentials_id 'stored' is used, service_credentials is not" in request.warnings[0]


def test_role_for_s3():
    role = "arn:aws:iam::123456789012:role/writer"
    assert payload(role_arn=role)["output_config"] == {**S3, "role_arn": role}
    assert payload(role_arn=role, destination=None, output_config={"amazon_s3": S3})["output_config"] == {
        "amazon_s3": {**S3, "role_arn": role}
    }


@pytest.mark.parametrize(
    "intersects",
    [
        AOI,
        json.dumps({"type": "Polygon", "coordinates": [[[-105.2, 40.1], [-105.1, 40.1], [-105.1, 40.2], [-105.2, 40.2], [-105.2, 40.1]]]}),
    ],
)  # fmt: skip
def test_aoi_as_string(intersects):
    assert payload(intersects=intersects)["intersects"] == AOI


@pytest.mark.parametrize(
    "bbox",
    [[-105.2, 40.1, -105.1, 40.2], (-105.2, 40.1, -105.1, 40.2), "-105.2 40.1 -105.1 40.2", "[-105.2,40.1,-105.1,40.2]",
     {"xmin": -105.2, "ymin": 40.1, "xmax": -105.1, "ymax": 40.2}],
)  # fmt: skip
def test_bbox(bbox):
    assert payload(bbox=bbox)["bbox"] == [-105.2, 40.1, -105.1, 40.2]


def test_select_id():
    assert payload(acquisitions=None, select_id=5542092796671610498) == {
        "select_id": "5542092796671610498", "output_config": S3, **REST,
    }  # fmt: skip


def test_only_changed_settings_are_sent():
    sent = payload(settings={"water_mask": False, "cloud_mask": True, "hd": "true"})["settings"]
    assert sent == {"bundle_adjust": False, "hd": True, "water_mask": False}


@pytest.mark.parametrize(
    ("bba", "settings"),
    [(True, None), (False, {"bundle_adjust": True}), (True, {"bundle_adjust": False}), ("True", {})],
)
def test_bba_or_setting_enables_bundle_adjustment(bba, settings):
    request = OrderRequest.of(acquisitions=A, destination="b", bba=bba, settings=settings)
    assert request.to_payload()["settings"] == {"bundle_adjust": True}
    contradiction = bool(settings) and settings["bundle_adjust"] != bba
    assert bool(request.warnings) == contradiction


def test_notifications():
    topic = "arn:aws:sns:us-east-1:123456789012:orders"
    sent = payload(email_notifications="me@example.com", sns_notifications=[topic])
    assert sent["notifications"] == [
        {"type": "email", "address": "me@example.com"},
        {"type": "sns", "topic_arn": topic},
    ]
    assert "notifications" not in payload(email_notifications="me@example.com", dry_run=True)


def test_empty_optional_argument_is_omitted():
    assert payload(select_id="", metadata="", settings="", role_arn="") == payload()


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("acquisitions", {"acquisitions": None}),
        ("acquisitions", {"acquisitions": []}),
        ("acquisitions", {"acquisitions": "nonsense"}),
        ("acquisitions", {"acquisitions": 5}),
        ("acquisitions", {"acquisitions": {"id": A, "cell_id": [C]}}),
        ("acquisitions", {"acquisitions": {A: ["Z61-031133320203"]}}),
        ("acquisitions", {"acquisitions": {A: [C + "\n"]}}),
        ("acquisitions", {"acquisitions": {A: {C: 1}}}),
        ("select_id", {"select_id": "5"}),
        ("select_id", {"acquisitions": None, "select_id": "5", "bbox": [0, 0, 1, 1]}),
        ("select_id", {"acquisitions": None, "select_id": "a b"}),
        ("destination", {"destination": None}),
        ("destination", {"destination": "ftp://bkt/p"}),
        ("destination", {"destination": "s3:///p"}),
        ("destination", {"destination": "gs://bkt/p"}),
        ("destination", {"output_config": {"amazon_s3": S3}}),
        ("output_config", {"destination": None, "output_config": {"amazon_s3": S3, "google_cloud_storage": S3}}),
        ("output_config", {"destination": None, "output_config": {"amazon_S3": S3}}),
        ("output_config", {"destination": None, "output_config": "not json"}),
        ("output_config.amazon_s3", {"destination": None, "output_config": {"amazon_s3": {"bucket": "b"}}}),
        ("output_config.amazon_s3", {"destination": None, "output_config": {"amazon_s3": {**S3, "buckets": "b"}}}),
        (
            "output_config.google_cloud_storage.service_credentials",
            {"destination": None, "output_config": {"google_cloud_storage": {**S3, "service_credentials": "bm9wZQ=="}}},
        ),
        (
            "output_config.azure_blob_storage.sas_url",
            {"destination": None, "output_config": {"azure_blob_storage": {"container": "c", "prefix": "", "sas_url": "x"}}},
        ),
        ("role_arn", {"role_arn": "writer"}),
        ("intersects", {"intersects": AOI, "bbox": [0, 0, 1, 1]}),
        ("intersects", {"intersects": "POLYGON ((0 0, 1 1"}),
        ("intersects", {"intersects": "POINT (0 0)"}),
        ("intersects", {"intersects": {}}),
        ("bbox", {"bbox": [1, 2, 3]}),
        ("bbox", {"bbox": [1, 2, 3, "x"]}),
        ("bbox", {"bbox": [2, 0, 1, 1]}),
        ("settings", {"settings": {"water_msk": False}}),
        ("settings.hd", {"settings": {"hd": "yes"}}),
        ("dry_run", {"dry_run": "maybe"}),
        ("bba", {"bba": 1}),
        ("metadata", {"metadata": {"a": object()}}),
        ("metadata", {"metadata": "text"}),
        ("email_notifications", {"email_notifications": ["nobody"]}),
        ("sns_notifications", {"sns_notifications": ["arn:aws:sqs:us-east-1:123456789012:q"]}),
    ],
)  # fmt: skip
def test_invalid_argument_is_rejected(argument, arguments):
    with pytest.raises(ArdRequestError) as caught:
        payload(**arguments)
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: ")


def test_misspelled_setting_gets_a_suggestion():
    with pytest.raises(ArdRequestError, match="did you mean 'water_mask'"):
        payload(settings={"water_msk": False})


def test_repr_contains_no_secrets():
    config = {"google_cloud_storage": {**S3, "service_credentials": KEY64}}
    request = OrderRequest.of(acquisitions=A, output_config=config)
    assert KEY64 not in repr(request)
    assert KEY64 in request.secrets


@pytest.mark.parametrize(
    ("status", "state"),
    [("RUNNING", State.RUNNING), ("SUCCEEDED", State.SUCCEEDED), ("FINISHED", State.SUCCEEDED), ("FAILED", State.FAILED),
     ("ERROR", State.FAILED), ("PAUSED", State.UNKNOWN), ("", State.UNKNOWN)],
)  # fmt: skip
def test_status_maps_to_state(status, state):
    assert OrderStatus(id="1", status=status).state is state


@pytest.mark.parametrize(
    ("config", "uri"),
    [(S3, "s3://bkt/a/b"), ({"amazon_s3": S3}, "s3://bkt/a/b"), ({"google_cloud_storage": S3}, "gs://bkt/a/b"),
     ({"azure_blob_storage": {"container": "c", "prefix": ""}}, "az://c"), ({"other": {}}, None), ({}, None)],
)  # fmt: skip
def test_report_contains_output_and_collection_uri(config, uri):
    report = OrderStatus.model_validate({"id": 7, "status": "SUCCEEDED", "order": {"output_config": config}}).report()
    assert report["order_id"] == "7"
    assert report["output_uri"] == uri
    assert report["collection_uri"] == (f"{uri}/order_collections/7_root_collection.json" if uri else None)

"""Equivalent requests have the same fingerprint, different ones do not."""

from __future__ import annotations

import base64
import json

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.fingerprint import fingerprint

A, B = "10300100B2B49700", "1040010060C9AD00"
C, D = "Z13-031133320203", "Z13-031133320202"
BOX = [-105.1, 40.0, -105.0, 40.1]
WKT = "POLYGON ((-105.1 40, -105 40, -105 40.1, -105.1 40.1, -105.1 40))"
AZURE = {"container": "tiles", "prefix": "p"}


def digest(**arguments):
    return fingerprint(OrderRequest.of(**({"acquisitions": A, "destination": "s3://bkt/p"} | arguments)))


def service_credentials(private_key):
    key = json.dumps({"type": "service_account", "private_key": private_key})
    return {
        "google_cloud_storage": {
            "bucket": "b",
            "prefix": "p",
            "service_credentials": base64.b64encode(key.encode()).decode(),
        }
    }


def sas_url(account, signature="abc"):
    url = f"https://{account}.blob.core.windows.net/tiles?sp=rwl&se=2099-01-01T00:00:00Z&sr=c&sig={signature}"
    return {"azure_blob_storage": AZURE | {"sas_url": url}}


@pytest.mark.parametrize(
    ("arguments", "other"),
    [
        ({"acquisitions": [A, B]}, {"acquisitions": [B, A]}),
        ({"acquisitions": {A: [C, D]}}, {"acquisitions": {A: [D, C]}}),
        ({"acquisitions": {A: [C, D]}}, {"acquisitions": [{"id": A, "cells": [C]}, {"id": A, "cells": [D]}]}),
        ({"bbox": BOX}, {"bbox": [-105.1, 40, -105, 40.1]}),
        ({"intersects": WKT}, {"intersects": WKT.replace(", ", ",").replace("POLYGON ((", "POLYGON((")}),
        ({"intersects": WKT}, {"intersects": "POLYGON ((-105 40, -105 40.1, -105.1 40.1, -105.1 40, -105 40))"}),
        ({"intersects": WKT}, {"bbox": BOX}),
        ({}, {"destination": None, "output_config": {"amazon_s3": {"bucket": "bkt", "prefix": "p"}}}),
        ({}, {"destination": "bkt/p/"}),
        ({}, {"role_arn": "arn:aws:iam::123456789012:role/writer"}),
        ({}, {"email_notifications": ["me@example.com"]}),
        ({}, {"metadata": {"campaign": "spring"}}),
        ({}, {"settings": {"water_mask": True}}),
        ({"bba": True}, {"settings": {"bundle_adjust": True}}),
        (
            {"destination": None, "output_config": service_credentials("current")},
            {"destination": None, "output_config": service_credentials("rotated")},
        ),
        (
            {"destination": None, "output_config": sas_url("account")},
            {"destination": None, "output_config": sas_url("account", "renewed")},
        ),
    ],
)
def test_equivalent_requests_have_equal_fingerprints(arguments, other):
    assert digest(**arguments) == digest(**other)


@pytest.mark.parametrize(
    ("arguments", "other"),
    [
        ({"acquisitions": A}, {"acquisitions": B}),
        ({"acquisitions": {A: [C]}}, {"acquisitions": {A: [D]}}),
        ({"acquisitions": {A: [C]}}, {"acquisitions": A}),
        ({}, {"bbox": BOX}),
        ({"bbox": BOX}, {"bbox": [-105.1, 40.0, -105.0, 40.2]}),
        ({}, {"destination": "s3://bkt/q"}),
        ({}, {"settings": {"water_mask": False}}),
        ({}, {"bba": True}),
        (
            {"destination": None, "output_config": sas_url("account")},
            {"destination": None, "output_config": sas_url("other-account")},
        ),
    ],
)
def test_different_requests_have_different_fingerprints(arguments, other):
    assert digest(**arguments) != digest(**other)

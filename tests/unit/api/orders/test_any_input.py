"""Any input gives a payload that is valid JSON, or an `ArdRequestError` without a secret."""

from __future__ import annotations

import base64
import json
import re

import pytest
import shapely
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.settings import Settings
from airflow_provider_ard.ordering.fingerprint import fingerprint

ANY_INPUT = settings(
    max_examples=350,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
A, C = "10300100B2B49700", "Z13-031133320203"
FIELDS = {
    "acquisitions", "select_id", "intersects", "bbox", "output_config", "settings", "notifications", "metadata", "dry_run",
}  # fmt: skip

# No error may repeat these. Each is used as the value of a secret argument, valid or damaged.
SECRET = "PlantedSecret"
SAS = f"https://acct.blob.core.windows.net/c?sv=2024-08-04&se=2099-01-01T00:00Z&sig={SECRET}"
KEY = json.dumps({"type": "service_account", "private_key": SECRET})
SECRETS = [
    SAS, SAS.replace("https", "http"), SAS.replace("sig=", "sgi="), SAS.replace("2099", "2001"), f"{SAS}\n", SECRET,
    f"https://[{SECRET}", KEY, KEY[:-1], base64.b64encode(KEY.encode()).decode(), KEY.replace("service_", "user_"),
    base64.b64encode(f"{{{SECRET}".encode()).decode(), json.loads(KEY), {"type": SECRET}, [SECRET], f"/{SECRET}/key.json",
]  # fmt: skip
ENCODED_SECRETS = {
    encoded
    for shift in range(3)
    for encoded in re.findall(r"\w{12,}", base64.b64encode(b" " * shift + SECRET.encode()).decode())
}

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=5),
    st.sampled_from(["", "None", "[]", "{}", "true", A, C, "id", "cells", "cell_ids", "\ud800", 10**400, -1, object(), {1}]),
)  # fmt: skip
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=10,
)
renderers = st.sampled_from([lambda value: value, str, lambda value: json.dumps(value, default=str), repr])


def rendered(values: st.SearchStrategy) -> st.SearchStrategy:
    """Return the values, and the strings that a template or another system makes of them."""
    return st.builds(lambda value, render: render(value), values, renderers)


ids = st.sampled_from([A, "104001009F982A00", f" {A}\n", A.lower(), "c2b6a1d0-0a1b-4c2d-8e3f-0123456789ab-inv"]) | junk
cells = st.lists(st.sampled_from([C, "Z60-000000000000", "Z61-000000000000", C.lower()]) | junk, max_size=3) | junk
entries = st.one_of(
    ids,
    st.fixed_dictionaries({}, optional={"id": ids, "cells": cells, "cell_ids": cells, "cels": cells}),
    st.dictionaries(st.sampled_from([A, "104001009F982A00", "id", "type"]), cells, max_size=3),
    st.builds(
        lambda zone, quadkey, name: {"type": "Feature", "properties": {"acquisition_id": name, "tile:zone": zone, "tile:quadkey": quadkey}},
        junk | st.integers(1, 60), st.sampled_from(["031133320203", "0"]) | junk, ids,
    ),
)  # fmt: skip
acquisitions = rendered(
    st.one_of(
        entries,
        st.lists(
            st.sampled_from([A, (A,), {A}, {A: [C]}, {"id": A}, {"id": A, "cell_ids": {C}}, {A: ()}]),
            min_size=1,
            max_size=4,
        ),
        st.lists(entries, max_size=4),
        st.builds(
            lambda members: {"type": "FeatureCollection", "features": members}, st.lists(entries, max_size=3) | junk
        ),
    )
)

degrees = st.one_of(
    st.floats(-91, 91), st.integers(-200, 200), st.sampled_from([float("nan"), float("inf"), -180.0, 180, 1e300, "1", None, True])
)  # fmt: skip
points = st.lists(degrees, min_size=2, max_size=2) | st.lists(degrees, max_size=4) | junk
rings = st.lists(points, max_size=6) | st.builds(
    lambda x, y, w, h: [[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]],
    st.floats(-180, 180), st.floats(-90, 90), st.floats(-1, 1), st.floats(-1, 1),
)  # fmt: skip
geometries = st.builds(
    lambda kind, coordinates: {"type": kind, "coordinates": coordinates},
    st.sampled_from(["Polygon", "MultiPolygon", "Point", "LineString", "GeometryCollection", "Circle", None]),
    st.lists(rings, max_size=3) | st.lists(st.lists(rings, max_size=2), max_size=2) | junk,
)
features = st.builds(lambda geometry: {"type": "Feature", "geometry": geometry}, geometries | junk)
boxes = st.builds(
    lambda x, y, w, h: shapely.box(x, y, x + w, y + h), st.floats(-180, 180), st.floats(-90, 90), st.floats(0, 9), st.floats(0, 9)
)  # fmt: skip
wkts = st.one_of(
    boxes.map(lambda box: box.wkt),
    boxes.map(lambda box: f"SRID=4326;{box.wkt}"),
    boxes.map(lambda box: box.wkt[: len(box.wkt) // 2]),
    st.from_regex(r"\A(SRID=\d{1,4};)?(MULTI)?(POLYGON|POINT) Z? ?\({1,3}[0-9 ,.()-]{0,40}\){0,3}\Z"),
)
areas = rendered(
    st.one_of(
        geometries, features, wkts, boxes, junk, st.lists(geometries | boxes | wkts, max_size=3),
        st.builds(lambda members: {"type": "FeatureCollection", "features": members}, st.lists(features, max_size=3) | junk),
    )
)  # fmt: skip
bboxes = rendered(
    st.one_of(
        st.lists(degrees, min_size=4, max_size=4), st.lists(degrees, max_size=5), junk,
        st.fixed_dictionaries(dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), degrees)),
        st.tuples(st.integers(-180, 0), st.integers(-90, 0), st.integers(1, 180), st.integers(1, 90)),
    )
)  # fmt: skip
names = st.sampled_from(["bkt", "", "a/b", "..", "x" * 300, "bkt?sig=1", "None", None, "é"]) | junk
configs = st.builds(
    lambda platform, config, rest: {platform: config} | rest,
    st.sampled_from(["amazon_s3", "google_cloud_storage", "azure_blob_storage", "s3", 5]),
    st.fixed_dictionaries(
        {},
        optional={
            "bucket": names, "container": names, "prefix": names, "role_arn": names, "credentials_id": names,
            "service_credentials": st.sampled_from(SECRETS), "sas_url": st.sampled_from(SECRETS),
        },
    ) | junk,
    st.just({}) | st.dictionaries(st.sampled_from(["bucket", "prefix", "amazon_s3"]), names, max_size=2),
)  # fmt: skip
likely_configs = st.one_of(
    st.builds(
        lambda secret, rest: {"google_cloud_storage": {"bucket": "bkt", "prefix": "p", "service_credentials": secret} | rest},
        st.sampled_from(SECRETS), st.just({}) | st.fixed_dictionaries({"credentials_id": names}),
    ),
    st.builds(
        lambda secret, rest: {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": secret} | rest},
        st.sampled_from(SECRETS), st.just({}) | st.fixed_dictionaries({"credentials_id": names}),
    ),
)  # fmt: skip
destinations = (
    st.builds("{}{}".format, st.sampled_from(["", "s3://", "GS://", "az://", "ftp://", "s3:/"]), names) | junk
)
flags = st.sampled_from([True, False, "True", "false", " TRUE "]) | st.sampled_from([True, "", None, 1, "yes"]) | junk
others = st.fixed_dictionaries(
    {},
    optional={
        "settings": rendered(st.dictionaries(st.sampled_from([*Settings.model_fields, "water"]), flags, max_size=2)) | junk,
        "bba": flags, "dry_run": flags, "simplify_aoi": flags, "drop_small_polygons": flags, "metadata": rendered(junk) | junk,
        "email_notifications": rendered(st.lists(st.emails() | junk, max_size=2)) | junk,
        "sns_notifications": rendered(st.lists(st.just("arn:aws:sns:us-east-1:123456789012:t") | junk, max_size=2)) | junk,
        "role_arn": st.just("arn:aws:iam::123456789012:role/w") | junk,
        "credentials_ids": st.dictionaries(st.sampled_from(["gs://", "az://c", "gs://bkt/", "x"]), st.text(max_size=5), max_size=2),
    },
)  # fmt: skip


def check(**arguments: object) -> str:
    """Build an order request, check it or its error, and return which of them it was."""
    before = repr(arguments)
    request, error = None, None
    try:
        request = OrderRequest.of(**arguments)
    except ArdRequestError as exc:
        error = exc
    message = str(error or f"{request!r} {request.warnings}")
    assert SECRET not in message
    assert not any(encoded in message for encoded in ENCODED_SECRETS)
    if error:
        assert error.argument
        assert message.startswith(f"{error.argument}: ")
    else:
        payload = json.loads(json.dumps(request.to_payload(), allow_nan=False))
        assert payload.keys() <= FIELDS
        assert ("acquisitions" in payload) != ("select_id" in payload)
        assert not {"intersects", "bbox"} <= payload.keys()
        if "intersects" in payload:
            area = shapely.from_wkt(payload["intersects"])
            assert area.is_valid
            assert not area.has_z
        assert fingerprint(request) == fingerprint(OrderRequest.of(**arguments))
    assert repr(arguments) == before
    return "rejected" if error else "accepted"


@ANY_INPUT
@given(acquisitions)
def test_any_acquisitions(value):
    event(check(acquisitions=value, destination="s3://bkt/p"))


@ANY_INPUT
@given(areas, st.booleans(), st.booleans())
def test_any_intersects(value, simplify, drop_small):
    arguments = {"simplify_aoi": simplify, "drop_small_polygons": drop_small}
    event(check(acquisitions=A, destination="s3://bkt/p", intersects=value, **arguments))


@ANY_INPUT
@given(bboxes)
def test_any_bbox(value):
    event(check(acquisitions=A, destination="s3://bkt/p", bbox=value))


@ANY_INPUT
@given(rendered(configs | likely_configs) | junk)
def test_any_output_config(value):
    event(check(acquisitions=A, output_config=value))


@ANY_INPUT
@given(destinations, st.just({}) | others)
def test_any_destination(value, more):
    event(check(acquisitions=A, destination=value, **more))


@ANY_INPUT
@given(others)
def test_any_other_argument(more):
    event(check(**({"acquisitions": A, "destination": "bkt"} | more)))


@ANY_INPUT
@given(st.integers() | st.text(max_size=30) | junk, st.just({}) | others | st.fixed_dictionaries({"bbox": bboxes}))
def test_any_select(value, more):
    event(check(select_id=value, destination="bkt", **more))


@ANY_INPUT
@given(rendered(likely_configs), others)
def test_any_secret(config, more):
    event(check(acquisitions=A, output_config=config, **more))


@pytest.mark.parametrize("secret", SECRETS, ids=repr)
def test_secret_in_invalid_json_is_not_repeated(secret):
    check(acquisitions=A, output_config=f"{{'google_cloud_storage': {{'service_credentials': {secret}")
    check(acquisitions=A, output_config=str(secret))
    check(acquisitions=A, output_config={"google_cloud_storage": secret})


@pytest.mark.parametrize(
    "config", [{"container": SAS, "prefix": "p"}, {"container": "c", "prefix": SAS}, {"credentials_id": SAS}]
)
def test_misplaced_sas_url_is_not_repeated(config):
    check(acquisitions=A, output_config={"azure_blob_storage": {"container": "c", "prefix": "p"} | config})
    check(acquisitions=A, destination=SAS)
    check(acquisitions=A, destination="bkt", intersects=SAS)
    check(acquisitions=A, destination="bkt", role_arn=SAS)

"""Every documented format of every argument, by every route: literals, templates, native rendering, XCom and `.expand()`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
import shapely

from airflow_provider_ard.api.arguments import ORDER_ARGUMENTS, SELECT_ARGUMENTS
from airflow_provider_ard.api.delivery.filters import TileFilter
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.order_ids import parse_order_ids
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.hooks.secret_arguments import unmask
from airflow_provider_ard.operators.delivery_verification import parse_verify
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.ordering.budget import BudgetLimits
from tests.airflow_names import DAG

if TYPE_CHECKING:
    from airflow_provider_ard.version_compat import BaseOperator, Context

A, DIGITS, C = "10300100B2B49700", "1040010096551700", "Z13-031133320203"
# Real IDs that Python reads as floats.
FLOATS = ["1040010030544E00", "104001009697E900"]
BBOX = [-105.2, 40.1, -105.1, 40.2]
BOX = shapely.box(*BBOX)
GEOJSON = shapely.geometry.mapping(BOX)
FEATURE = {"type": "Feature", "properties": {"acquisition_id": DIGITS, "tile:zone": 13, "tile:quadkey": "031133320203"}}
ROLE = "arn:aws:iam::123456789012:role/name"
TOPIC = "arn:aws:sns:us-east-1:123456789012:orders"

ORDER: dict[str, list[Any]] = {
    "acquisitions": [
        A, DIGITS, [A, DIGITS], (A,), [{"id": DIGITS, "cells": [C]}], {"id": A, "cell_ids": [C]}, {DIGITS: [C], A: []},
        [A, {DIGITS: [C]}], {"type": "FeatureCollection", "features": [FEATURE]},
    ],
    "select_id": ["5542092796671610498", 5542092796671610498],
    "destination": ["s3://bucket/prefix", "bucket/2026/06", "s3://bucket"],
    "output_config": [
        {"amazon_s3": {"bucket": "b", "prefix": "p", "role_arn": ROLE}},
        {"google_cloud_storage": {"bucket": "b", "prefix": "/", "credentials_id": "our-google"}},
        {"azure_blob_storage": {"container": "c", "prefix": "2026/", "credentials_id": "our-azure"}},
    ],
    "intersects": [
        BOX.wkt, f"SRID=4326;{BOX.wkt}", GEOJSON, json.dumps(GEOJSON), [GEOJSON], {"type": "Feature", "geometry": GEOJSON},
        BOX, [BOX], shapely.to_wkb(BOX, hex=True),
    ],
    "bbox": [BBOX, tuple(BBOX), "-105.2 40.1 -105.1 40.2", "-105.2, 40.1, -105.1, 40.2",
             dict(zip(("xmin", "ymin", "xmax", "ymax"), BBOX, strict=True)), [-106, 40, -105, 41]],
    "role_arn": [ROLE],
    "dry_run": [True, False, "true", "False"],
    "bba": [True, "true"],
    "settings": [{"water_mask": False, "hd": True}],
    "metadata": [{"campaign": "spring", "run": 7, "nested": {"a": [1, None]}}],
    "email_notifications": ["me@example.com", ["me@example.com", "you@example.com"]],
    "sns_notifications": [TOPIC, [TOPIC]],
    "simplify_aoi": [True, "true"],
    "drop_small_polygons": [True, "true"],
    "max_cost": [500, 12.5, "500"],
    "max_area_sqkm": [500, "12.5"],
}  # fmt: skip
SELECT: dict[str, list[Any]] = {
    "ids": [A, DIGITS, [A, DIGITS], (DIGITS,)],
    "datetime": [
        "2026-01-01", "20260101", "2026-10-11", "20260101/20260102", "2026-06", "2026-W23", "2026", "2026-01-01/..",
        "2026-01-01T00:00:00Z/2026-01-02T00:00:00Z", date(2026, 1, 1), ["2026-01-01", "2026-01-31"],
        [pendulum.datetime(2026, 1, 1), pendulum.datetime(2026, 1, 2)],
    ],
    "intersects": ORDER["intersects"],
    "bbox": ORDER["bbox"],
    "query": [{"eo:cloud_cover": {"lte": 10}}, {"acquisition_id": {"in": [A, DIGITS]}}, {"platform": {"startsWith": "w"}}],
    "stack_depth": [3, "3"],
    "image_age_category": ["fresh", ["fresh", "training"]],
    "simplify_aoi": [True, "true"],
    "drop_small_polygons": [True, "true"],
}  # fmt: skip
TILES: dict[str, list[Any]] = {
    "order_id": ["3837513680025567106", 3837513680025567106, ["3837513680025567106", "3837513680025567107"]],
    "assets": ["visual", ["visual", "cloud-mask"], []],
    "dates": ["2026-06-03", "20260603", "2026-06-01/2026-06-30", "2026-06", ["2026-06-03", "20260604"]],
    "cells": [C, [C]],
    "acquisitions": [A, DIGITS, [A, DIGITS]],
    "verify": ["fail", "report", True, False],
    "batch_size": [100, "100"],
}


def order_outcome(task: ArdOrderOperator) -> Any:
    arguments = unmask(task._passed(ORDER_ARGUMENTS))
    limits = BudgetLimits.parse(**task._passed(("max_cost", "max_area_sqkm")))
    return OrderRequest.of(**arguments).to_payload(), limits


def select_outcome(task: ArdSelectOperator) -> Any:
    arguments = {name: getattr(task, name) for name in SELECT_ARGUMENTS if name not in task._omitted}
    return SelectRequest.of(**unmask(arguments)).to_payload()


def tiles_outcome(task: ArdListTilesOperator) -> Any:
    names = ("assets", "dates", "cells", "acquisitions")
    tile_filter = TileFilter.of(**{name: getattr(task, name) for name in names})
    return parse_order_ids(task.order_id), tile_filter, parse_verify(task.verify), task._checked_batch_size()


# Operator -> (arguments that others need, the outcome of the arguments).
OPERATORS: dict[type[BaseOperator], tuple[dict[str, Any], Callable[[Any], Any]]] = {
    ArdOrderOperator: ({"acquisitions": A, "destination": "s3://b/p"}, order_outcome),
    ArdSelectOperator: ({"bbox": BBOX}, select_outcome),
    ArdListTilesOperator: ({"order_id": "1"}, tiles_outcome),
}
REPLACED = {"select_id": "acquisitions", "output_config": "destination", "intersects": "bbox"}
EXAMPLES = [
    pytest.param(operator, name, value, id=f"{operator.__name__}-{name}-{str(value)[:30]}")
    for operator, arguments in ((ArdOrderOperator, ORDER), (ArdSelectOperator, SELECT), (ArdListTilesOperator, TILES))
    for name, values in arguments.items()
    for value in values
]


def others(operator: type[BaseOperator], name: str) -> dict[str, Any]:
    """Return the arguments that are required in addition to one."""
    required = OPERATORS[operator][0]
    return {key: value for key, value in required.items() if key not in (name, REPLACED.get(name))}


def rendered(task: BaseOperator, context: Context, *, native: bool) -> Any:
    """Render a task of a DAG with or without native objects, and return the outcome of its arguments."""
    task.dag.render_template_as_native_obj = native
    task.render_template_fields(context)
    return OPERATORS[type(task)][1](task)


def literal(operator: type[BaseOperator], name: str, value: Any, context: Context, *, native: bool) -> Any:
    with DAG("d", schedule=None, render_template_as_native_obj=native):
        task = operator(task_id="t", **others(operator, name), **{name: value})
    return rendered(task, context, native=native)


def template(operator: type[BaseOperator], name: str, value: Any, context: Context, *, native: bool) -> Any:
    return literal(operator, name, "{{ params.value }}", context | {"params": {"value": value}}, native=native)


def expanded(operator: type[BaseOperator], name: str, value: Any, context: Context, *, native: bool) -> Any:
    with DAG("d", schedule=None, render_template_as_native_obj=native) as dag:
        mapped = operator.partial(task_id="t", **others(operator, name)).expand(**{name: [value]})
        resolved = mapped.expand_input.value[name][0]
        task = mapped.unmap({name: resolved})
    task.dag = dag
    return rendered(task, context, native=native)


def is_json(value: Any) -> bool:
    try:
        return json.loads(json.dumps(value)) == value
    except TypeError:
        return False


@pytest.mark.parametrize(("operator", "name", "value"), EXAMPLES)
def test_argument_has_the_same_result_by_every_route(operator, name, value, context):
    expected = OPERATORS[operator][1](operator(task_id="t", **others(operator, name), **{name: value}))
    routes = [(literal, True), (literal, False), (template, True), (expanded, True), (expanded, False)]
    if is_json(value):
        # Other objects render to their string form.
        routes.append((template, False))
        value = json.loads(json.dumps(value))
    for route, native in routes:
        assert route(operator, name, value, context, native=native) == expected, (route.__name__, native)


def test_every_argument_has_examples():
    assert set(ORDER) == {*ORDER_ARGUMENTS, "max_cost", "max_area_sqkm"}
    assert set(SELECT) == set(SELECT_ARGUMENTS)
    assert {*TILES, "ard_conn_id", "storage_conn_id"} == set(ArdListTilesOperator.template_fields)


@pytest.mark.parametrize("acquisition_id", FLOATS)
@pytest.mark.parametrize(
    ("operator", "name"),
    [(ArdOrderOperator, "acquisitions"), (ArdSelectOperator, "ids"), (ArdListTilesOperator, "acquisitions")],
)
def test_id_rendered_to_a_float_is_rejected(operator, name, acquisition_id, context):
    for value in (acquisition_id, [acquisition_id]):
        with pytest.raises(ArdRequestError, match="render_template_as_native_obj") as caught:
            literal(operator, name, value, context, native=True)
        assert caught.value.argument == name
    expected = literal(operator, name, [acquisition_id], context, native=False)
    # The fix that the message suggests.
    assert literal(operator, name, json.dumps([acquisition_id]), context, native=True) == expected
    assert template(operator, name, [acquisition_id], context, native=True) == expected


@pytest.mark.parametrize("prefix", ["2026", "2_026"])
def test_prefix_rendered_to_a_number_is_rejected(prefix, context):
    def payload(text: str) -> Any:
        config = {"amazon_s3": {"bucket": "b", "prefix": text}}
        return literal(ArdOrderOperator, "output_config", config, context, native=True)[0]

    with pytest.raises(ArdRequestError, match="with a slash") as caught:
        payload(prefix)
    assert caught.value.argument == "output_config.amazon_s3.prefix"
    assert payload(f"{prefix}/")["output_config"]["amazon_s3"]["prefix"] == prefix


def test_empty_prefix_rendered_to_none_is_rejected(context):
    config = {"amazon_s3": {"bucket": "b", "prefix": ""}}
    with pytest.raises(ArdRequestError, match="root of the bucket"):
        literal(ArdOrderOperator, "output_config", config, context, native=True)


def test_natively_rendered_metadata_has_literal_types(context):
    payload, _ = literal(ArdOrderOperator, "metadata", {"number": "4711", "text": "spring"}, context, native=True)
    assert payload["metadata"] == {"number": 4711, "text": "spring"}


def test_mapping_over_a_dictionary_is_rejected(context):
    with DAG("d", schedule=None) as dag:
        mapped = ArdOrderOperator.partial(task_id="t", destination="s3://b/p").expand(acquisitions={A: [C]})
    # As Airflow resolves a mapping, and as XCom stores the pair.
    for pair in ((A, [C]), [A, [C]]):
        task = mapped.unmap({"acquisitions": pair})
        task.dag = dag
        with pytest.raises(ArdRequestError, match=r"expand.*pair") as caught:
            rendered(task, context, native=False)
        assert caught.value.argument == "acquisitions"

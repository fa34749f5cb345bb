"""An argument that is passed but resolves to nothing is an error wherever omitting it would search or buy more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.version_compat import AirflowFailException
from tests.airflow_names import DAG

A = "10300100B2B49700"
BBOX = [-105.2, 40.1, -105.1, 40.2]
SELECT = [
    (ArdSelectOperator, name) for name in ("ids", "datetime", "intersects", "bbox", "query", "image_age_category")
]
ORDER = [(ArdOrderOperator, name) for name in ("intersects", "bbox", "max_cost", "max_area_sqkm")]
REQUIRED = {ArdSelectOperator: {"bbox": BBOX}, ArdOrderOperator: {"acquisitions": A, "destination": "s3://b/p"}}
# Of an upstream task that was skipped or returned nothing, and of templates that render to nothing.
NOTHING = [None, "", " ", "None", "[]", "{}", "()", [], (), {}, set()]
TEMPLATES = ["{{ none }}", "{{ params.empty }}", "{{ ti.xcom_pull(task_ids='skipped') }}"]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def refused(sandbox, context, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)

    def check(task, argument):
        with pytest.raises(ArdRequestError) as caught:
            task.execute(context)
        assert isinstance(caught.value, AirflowFailException)
        assert caught.value.argument == argument
        assert sandbox.requests == []

    return check


def arguments(operator, argument, value):
    return {"task_id": "t"} | REQUIRED[operator] | {argument: value}


@pytest.mark.parametrize("value", NOTHING, ids=repr)
@pytest.mark.parametrize(("operator", "argument"), SELECT + ORDER)
def test_literal(operator, argument, value, refused):
    refused(operator(**arguments(operator, argument, value)), argument)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize(("operator", "argument"), SELECT + ORDER)
def test_template(operator, argument, template, native, refused, context):
    context["params"] = {"empty": ""}
    context["ti"].xcom_pull = lambda task_ids: None
    with DAG("d", schedule=None, render_template_as_native_obj=native):
        task = operator(**arguments(operator, argument, template))
    task.render_template_fields(context)
    refused(task, argument)


@pytest.mark.parametrize(("operator", "argument"), SELECT + ORDER)
def test_mapped_value(operator, argument, refused):
    required = {name: value for name, value in arguments(operator, argument, None).items() if name != argument}
    with DAG("d", schedule=None):
        mapped = operator.partial(**required).expand(**{argument: ["anything", None]})
    refused(mapped.unmap({argument: None}), argument)


def test_empty_generator(refused):
    for argument in ("ids", "datetime", "bbox", "query", "image_age_category"):
        refused(ArdSelectOperator(**arguments(ArdSelectOperator, argument, iter(()))), argument)
        with pytest.raises(ArdRequestError) as caught:
            SelectRequest.of(**(REQUIRED[ArdSelectOperator] | {argument: iter(())}))
        assert caught.value.argument == argument


@pytest.mark.parametrize(
    "value", [pd.DataFrame(), pd.Series(dtype=object), np.array([])], ids=["frame", "series", "array"]
)
@pytest.mark.parametrize("argument", ["ids", "datetime", "bbox", "query", "image_age_category"])
def test_empty_container_of_another_library(argument, value, refused):
    refused(ArdSelectOperator(**arguments(ArdSelectOperator, argument, value)), argument)

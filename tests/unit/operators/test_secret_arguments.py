"""Secrets in arguments are masked in everything Airflow stores, in any form and by any route."""

from __future__ import annotations

import base64
import json
import warnings
from collections import UserDict
from types import MappingProxyType

import pytest
from airflow import __version__ as airflow_version
from airflow.serialization import serialized_objects
from airflow.serialization.helpers import serialize_template_field

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.hooks.secret_arguments import MaskedValue, mask, unmask
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger
from airflow_provider_ard.version_compat import redact
from tests.airflow_names import DAG, TaskGroup

SAS = "https://acct.blob.core.windows.net/c?sv=2024-01-01&se=2099-01-01&sp=rcw&sr=c&sig=Pl4nted%2FS1gnature%3D"
KEY = {"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nPl4ntedKey\n-----END PRIVATE KEY-----"}
KEY_BASE64 = base64.b64encode(json.dumps(KEY).encode()).decode()
SIGNED = "https://b.s3.amazonaws.com/aoi.geojson?X-Amz-Credential=A&X-Amz-Signature=Pl4nted"
SECRETS = ("Pl4nted", KEY_BASE64, "UGw0bnRl", "BsNG50ZW", "QbDRudGVk")


def azure(sas_url=SAS):
    return {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas_url}}


def google(key):
    return {"google_cloud_storage": {"bucket": "b", "prefix": "p", "service_credentials": key}}


FORMS = {
    "dict": azure(),
    "JSON": json.dumps(azure()),
    "Python literal": str(azure()),
    "UserDict": UserDict({"azure_blob_storage": UserDict(azure()["azure_blob_storage"])}),
    "MappingProxyType": MappingProxyType({"azure_blob_storage": MappingProxyType(azure()["azure_blob_storage"])}),
    "key": google(KEY),
    "key as JSON": google(json.dumps(KEY)),
    "key as base64": google(KEY_BASE64),
    "key in JSON": json.dumps(google(KEY)),
    "key as base64 in JSON": json.dumps(google(KEY_BASE64)),
    "incomplete JSON": json.dumps(azure())[:-2],
    "URL only": SAS,
}
OTHER_ARGUMENTS = {
    "destination": SAS,
    "intersects": SIGNED,
    "role_arn": SIGNED,
    "metadata": {"source": [{"url": SAS}]},
    "acquisitions": [SIGNED],
    "bbox": {"xmin": SAS},
    "email_notifications": (SAS,),
    "select_id": SAS,
    "settings": {"water_mask": SIGNED},
    "sns_notifications": {SAS},
}


@pytest.fixture(autouse=True)
def _ignore_unmapped_tasks():
    # A rejected partial is never mapped.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Task .* was never mapped!")
        yield


def stored(dag):
    """Return the DAG as Airflow stores it."""
    # The class has this name since Airflow 3.2.
    serializer = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    return json.dumps(serializer.to_dict(dag))


def rendered(task):
    """Return the rendered fields of a task as Airflow stores them."""
    fields = {name: serialize_template_field(getattr(task, name), name) for name in task.template_fields}
    return json.dumps(redact(fields))


def leaks(text):
    return [secret for secret in SECRETS if secret in text]


def order(**arguments):
    return ArdOrderOperator(**{"task_id": "order", "acquisitions": "10400100E82CCE00", **arguments})


@pytest.mark.parametrize("form", FORMS)
def test_constructor(form, context):
    with DAG("d", schedule=None) as dag:
        task = order(output_config=FORMS[form])
    assert leaks(stored(dag)) == []
    assert leaks(repr(task)) == []
    task.render_template_fields(context)
    assert leaks(rendered(task)) == []
    assert leaks(str(redact(f"cannot write to {FORMS[form]}"))) == []
    assert unmask(task.output_config) == FORMS[form]


@pytest.mark.parametrize("argument", OTHER_ARGUMENTS)
def test_secret_in_another_argument(argument, context):
    with DAG("d", schedule=None) as dag:
        task = order(**{argument: OTHER_ARGUMENTS[argument]})
    assert leaks(stored(dag)) == []
    task.render_template_fields(context)
    assert leaks(rendered(task)) == []


@pytest.mark.parametrize("argument", ["destination", "intersects", "output_config"])
def test_template_that_renders_to_a_secret(argument, context, monkeypatch):
    context["params"] = {"value": SAS}
    task = order(**{argument: "{{ params.value }}"})
    assert rendered(task).count("{{ params.value }}") == 1
    task.render_template_fields(context)
    assert leaks(rendered(task)) == []
    assert leaks(str(redact(f"cannot write to {SAS}"))) == []
    assert unmask(getattr(task, argument)) == SAS


def test_template_inside_a_config_is_rendered_for_each_run(context):
    task = order(output_config=UserDict(azure("{{ params.value }}")))
    for run in ("first", "second"):
        copied = task.prepare_for_execution()
        copied.render_template_fields(context | {"params": {"value": f"{SAS}{run}"}})
        assert unmask(copied.output_config) == azure(f"{SAS}{run}")
        assert leaks(rendered(copied)) == []


@pytest.mark.parametrize("form", FORMS)
def test_partial(form):
    with DAG("d", schedule=None) as dag:
        ArdOrderOperator.partial(task_id="order", output_config=FORMS[form]).expand(acquisitions=["10400100E82CCE00"])
    assert leaks(stored(dag)) == []


@pytest.mark.parametrize("form", FORMS)
def test_expand(form):
    with DAG("d", schedule=None) as dag:
        mapped = ArdOrderOperator.partial(task_id="order", acquisitions="10400100E82CCE00").expand(
            output_config=[FORMS[form], azure("{{ params.value }}")]
        )
    assert leaks(stored(dag)) == []
    assert leaks(repr(mapped)) == []
    task = mapped.unmap({"output_config": mapped.expand_input.value["output_config"][0]})
    assert unmask(task.output_config) == FORMS[form]


@pytest.mark.parametrize("form", FORMS)
def test_expand_kwargs(form):
    with DAG("d", schedule=None) as dag:
        mapped = ArdOrderOperator.partial(task_id="order").expand_kwargs(
            [{"acquisitions": "10400100E82CCE00", "output_config": FORMS[form]}, {"destination": SAS}]
        )
    assert leaks(stored(dag)) == []
    task = mapped.unmap(mapped.expand_input.value[0])
    assert unmask(task.output_config) == FORMS[form]


def test_parsing_a_dag_file_registers_no_secret(monkeypatch):
    # In the DAG processor each registration takes seconds.
    calls = []
    monkeypatch.setattr("airflow_provider_ard.hooks.secret_masking.mask_secret", calls.append)
    with DAG("d", schedule=None) as dag:
        for form, config in FORMS.items():
            order(task_id=form.replace(" ", "_").replace(",", ""), output_config=config)
        ArdOrderOperator.partial(task_id="mapped", acquisitions=SIGNED).expand(output_config=[azure()])
    stored(dag)
    assert calls == []


def test_map_length_is_that_of_the_arguments():
    with DAG("d", schedule=None):
        mapped = ArdOrderOperator.partial(task_id="order", acquisitions="10400100E82CCE00").expand(
            output_config=[azure(), azure()]
        )
    assert len(mapped.expand_input.value["output_config"]) == 2


def group_of_orders(dag, expand):
    from tests.airflow_names import task_group

    with dag:

        @task_group
        def orders(config):
            order(output_config=config)

        @task_group
        def to_azure(config):
            order(output_config=azure(config))

        group = to_azure if isinstance(expand["config"][0], str) else orders
        group.expand(**expand)


@pytest.mark.parametrize("value", [*(FORMS[form] for form in FORMS if form != "incomplete JSON")], ids=str)
def test_secret_in_task_group_expand_is_rejected(value):
    with pytest.raises(ArdRequestError) as caught:
        group_of_orders(DAG("d", schedule=None), {"config": [value]})
    assert caught.value.argument == "output_config"
    assert "credentials_ids" in str(caught.value)
    assert leaks(str(caught.value)) == []


@pytest.mark.parametrize("value", [azure("{{ var.value.sas }}"), {"bucket": "b", "prefix": "p"}], ids=str)
def test_task_group_expand_without_a_secret(value):
    dag = DAG("d", schedule=None)
    group_of_orders(dag, {"config": [value]})
    assert "orders.order" in stored(dag)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_secret_in_default_args_is_rejected(form, mapped):
    if form == "MappingProxyType" and airflow_version.startswith("2."):
        pytest.skip("Airflow 2 cannot copy such default_args")
    create = ArdOrderOperator.partial if mapped else ArdOrderOperator
    with DAG("d", schedule=None, default_args={"output_config": FORMS[form]}), pytest.raises(ArdRequestError) as caught:
        create(task_id="order", dry_run=True)
    assert caught.value.argument == "output_config"
    assert "default_args" in str(caught.value)
    assert leaks(str(caught.value)) == []


@pytest.mark.parametrize("value", [azure("{{ var.value.sas }}"), azure("sas.txt"), google("/keys/prod.json")], ids=str)
def test_default_args_without_a_secret(value):
    with DAG("d", schedule=None, default_args={"output_config": value, "destination": "s3://b/p"}):
        assert unmask(order().output_config) == value


def test_default_args_of_a_task_group_are_masked():
    with DAG("d", schedule=None) as dag, TaskGroup("g", default_args={"output_config": azure()}):
        task = order()
    assert unmask(task.output_config) == azure()
    assert leaks(stored(dag)) == []


@pytest.mark.parametrize(
    ("operator", "argument"),
    [
        (ArdSelectOperator, "intersects"),
        (ArdSelectOperator, "query"),
        (ArdListTilesOperator, "order_id"),
        (ArdOrderSensor, "order_id"),
    ],
)
@pytest.mark.parametrize("route", ["constructor", "expand"])
def test_other_operators(operator, argument, route, context):
    required = {"order_id": "1"} if argument == "order_id" else {}
    with DAG("d", schedule=None) as dag:
        if route == "expand":
            operator.partial(task_id="t", **{k: v for k, v in required.items() if k != argument}).expand(
                **{argument: [SIGNED]}
            )
        else:
            task = operator(**{"task_id": "t", **required, argument: SIGNED})
            task.render_template_fields(context)
            assert leaks(rendered(task)) == []
            with pytest.raises(ArdRequestError) as caught:
                task.execute(context)
            assert leaks(str(caught.value)) == []
    assert leaks(stored(dag)) == []


@pytest.mark.skipif(airflow_version.startswith("2."), reason="Airflow 2 has no asset watchers")
@pytest.mark.parametrize(("argument", "value"), [("intersects", SIGNED), ("query", {"url": [SIGNED]})])
def test_secret_in_a_watcher_trigger_is_rejected(argument, value):
    with pytest.raises(ArdRequestError) as caught:
        ArdNewImageryTrigger(**{argument: value})
    assert caught.value.argument == argument
    assert leaks(str(caught.value)) == []


def test_values_without_a_secret_are_unchanged():
    for value in ("s3://b/p", ["a", ("b", {"c": 1})], {"metadata": {"k": None}}, {"a"}, object(), 1.5):
        assert mask(value) is value
        assert unmask(value) is value


def test_recursive_list_is_masked():
    value = []
    value.append(value)
    assert "***" in repr(mask(value))


def test_masked_value_is_serialized_as_asterisks():
    assert repr(MaskedValue(SAS)) == MaskedValue(SAS).serialize() == "***"

"""A secret in an argument, by each route and in each form; the environment contains one SAS URL for each."""

from __future__ import annotations

import json
import os
from collections import UserDict
from types import MappingProxyType

from airflow.sdk import DAG, TaskGroup

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

CELL = {"1040010060C9AD00": ["Z13-031131111333"]}


def sas(route):
    return os.environ[f"TEST_SAS_{route.upper()}"]


def azure(route):
    return {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas(route)}}


def google(credentials):
    return {"google_cloud_storage": {"bucket": "b", "prefix": "p", "service_credentials": credentials}}


with DAG("routes", schedule=None, default_args={"retries": 0}):

    def order(task_id, output_config=None, **arguments):
        return ArdOrderOperator(task_id=task_id, acquisitions=CELL, output_config=output_config, **arguments)

    literal = order("literal", azure("literal"))
    order("json", json.dumps(azure("json")))
    order("python_literal", str(azure("python_literal")))
    order("user_dict", UserDict({"azure_blob_storage": UserDict(azure("user_dict")["azure_blob_storage"])}))
    order("mapping_proxy", MappingProxyType(azure("mapping_proxy")))
    order("template", {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": "{{ var.value.sas }}"}})
    order("template_of_all", "{{ var.value.config }}")
    order("key_file", google(os.environ["TEST_KEY_FILE"]))
    order("key", google(os.environ["TEST_KEY_JSON"]))
    with TaskGroup("group", default_args={"output_config": azure("group")}):
        ArdOrderOperator(task_id="order", acquisitions=CELL)
    ArdOrderOperator.partial(task_id="partial", output_config=azure("partial")).expand(acquisitions=[CELL])
    ArdOrderOperator.partial(task_id="expand", acquisitions=CELL).expand(output_config=[azure("expand")])
    ArdOrderOperator.partial(task_id="expand_kwargs").expand_kwargs(
        [{"acquisitions": CELL, "output_config": json.dumps(azure("expand_kwargs"))}]
    )
    # Rejected arguments are stored, too.
    order("destination", destination=sas("destination"))
    order("destination_template", destination="{{ var.value.sas }}")
    order("intersects", destination="b/p", intersects=sas("intersects"))
    order("metadata", destination="b/p", metadata={"airflow_source": {"url": sas("metadata")}})
    ArdSelectOperator(task_id="select_intersects", intersects=sas("select_intersects"))
    # The operator downloads its results by a signed link.
    ArdSelectOperator(task_id="select", bbox=[-105.2, 40.1, -105.0, 40.25], deferrable=False, poke_interval=1)
    ArdOrderSensor(task_id="wait", order_id=literal.output, poke_interval=1)

"""Orders whose arguments are literals, rendered templates, XComs or mapped values."""

from __future__ import annotations

from pathlib import Path

from airflow.exceptions import AirflowSkipException
from airflow.sdk import DAG, task

from airflow_provider_ard.operators.order import ArdOrderOperator

# Set by the run's conf.
PARAMS = dict.fromkeys(("ids", "cells", "search", "area", "bbox", "select_id", "aoi_file"))

with DAG("order_arguments", schedule=None, params=PARAMS, default_args={"retries": 0}) as dag:

    @task
    def ids(params: dict) -> list:
        return params["ids"]

    @task
    def cells(params: dict) -> dict:
        return params["cells"]

    @task
    def each_id(number: int, params: dict) -> str:
        return params["ids"][number]

    @task
    def numbers() -> list:
        return [0, 1]

    @task
    def areas(params: dict) -> list:
        return [params["area"], str(params["area"])]

    @task
    def orders(params: dict) -> list:
        first, second = params["ids"][:2]
        return [
            {"acquisitions": first, "settings": {"hd": True}},
            {"acquisitions": [second], "bbox": params["bbox"], "dry_run": "True"},
            {"acquisitions": {first: params["cells"][first]}, "metadata": {"n": 3}},
        ]

    def order(task_id: str, **arguments: object) -> ArdOrderOperator:
        return ArdOrderOperator(task_id=task_id, **{"destination": f"s3://bkt/{task_id}"} | arguments)

    # Rendered templates: every argument is a string.
    order(
        "rendered_list",
        acquisitions="{{ params.ids }}",
        bbox="{{ params.bbox }}",
        bba="{{ 1 == 2 }}",
        dry_run="{{ 1 == 2 }}",
    )
    order(
        "rendered_dictionary", acquisitions="{{ params.cells }}", metadata="{'run': '{{ run_id }}', 'n': {{ 1 + 1 }}}"
    )
    order("rendered_json", acquisitions="{{ params.cells | tojson }}", settings="{{ {'hd': true} | tojson }}")
    order("rendered_search", acquisitions="{{ params.search }}", intersects="{{ params.area }}")
    order("rendered_inside", acquisitions=[{"id": "{{ params.ids[0] }}", "cells": "{{ params.cells[params.ids[0]] }}"}])
    order("rendered_select", select_id="{{ params.select_id }}", metadata="", settings="None")
    order(
        "rendered_config",
        acquisitions="{{ params.ids[0] }}",
        destination=None,
        output_config="{'azure_blob_storage': {'container': 'con', 'prefix': 'p', 'credentials_id': '{{ 'azure-' ~ 'prod' }}'}}",
        email_notifications="{{ ['me@example.com'] }}",
        sns_notifications="arn:aws:sns:us-east-1:{{ 123456789012 }}:orders",
        dry_run="true",
    )
    order("rendered_path", acquisitions="{{ params.ids[0] }}", intersects="{{ params.aoi_file }}")

    # From XCom, as objects and through templates.
    acquisition_ids = ids()
    order("xcom_list", acquisitions=acquisition_ids)
    order("xcom_dictionary", acquisitions=cells())
    order("xcom_in_a_list", acquisitions=[acquisition_ids, cells()])
    acquisition_ids >> order("xcom_template", acquisitions="{{ ti.xcom_pull(task_ids='ids') }}")
    order("xcom_of_mapped_tasks", acquisitions=each_id.expand(number=[0, 1, 0]))

    # Mapped values.
    ArdOrderOperator.partial(task_id="mapped_lists", destination="s3://bkt/mapped").expand(
        acquisitions=each_id.override(task_id="each_of_numbers").expand(number=numbers())
    )
    ArdOrderOperator.partial(task_id="mapped_areas", destination="bkt/areas", acquisitions="{{ params.ids }}").expand(
        intersects=areas()
    )
    ArdOrderOperator.partial(task_id="mapped_orders", destination="bkt/orders").expand_kwargs(orders())

    # An AOI that resolves to nothing fails its task, and nothing wider is ordered.
    @task
    def areas_with_none(params: dict) -> list:
        return [params["area"], None]

    @task
    def skipped_area() -> None:
        raise AirflowSkipException

    @task(trigger_rule="all_done")
    def accept_failures() -> None:
        pass

    failures = accept_failures()
    (
        ArdOrderOperator.partial(task_id="mapped_none", destination="bkt/none", acquisitions="{{ params.ids }}").expand(
            intersects=areas_with_none()
        )
        >> failures
    )
    (
        order("skipped_upstream", acquisitions="{{ params.ids }}", intersects=skipped_area(), trigger_rule="all_done")
        >> failures
    )

    # Python literals and objects; the DAG file reads the IDs from a file that the test writes.
    LITERAL_IDS = Path(__file__).with_name("literal_ids.json")
    if LITERAL_IDS.exists():
        import json

        import shapely

        first, second = json.loads(LITERAL_IDS.read_text())
        order("a_set", acquisitions={second, first})
        order("a_tuple", acquisitions=(second, {"id": first}))
        order("a_geometry", acquisitions=[first], intersects=shapely.box(-180, -80, -1, 80))
        order("a_generator", acquisitions=(name for name in (first, second)))

"""Report the cost of imagery, one line per candidate; no order is placed.

Needs `airflow-provider-ard`, a Connection `ard_default` of type ARD, and a destination that the API may write to, since
the API checks that. A candidate that cannot be ordered appears as refused; its task's log contains the reason.
"""

import logging

from airflow_provider_ard.operators.order import ArdOrderOperator

try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.models.param import Param

CANDIDATES = [
    {"acquisitions": ["10400100E82CCE00"], "bbox": [-105.10, 40.13, -105.03, 40.19]},
    {"acquisitions": ["10400100E82CCE00", "1030010013D5F500"], "bbox": [-105.10, 40.13, -105.03, 40.19]},
    {"acquisitions": ["10500100C09E8B00"], "bbox": [-68.88, -32.92, -68.81, -32.86]},
    {"acquisitions": ["10500100C09E8B00"]},
]
PARAMS = {
    "candidates": Param(CANDIDATES, type="array", description="Arguments of ArdOrderOperator, a dictionary each"),
    "destination": Param(
        "s3://ard-demo/delivered", type="string", description="Where to deliver, s3://, gs:// or az://"
    ),
}


@dag(schedule=None, params=PARAMS, tags=["ard"])
def ard_price_report():
    """Estimate the cost of each candidate with a dry run, and report the estimates as a table."""
    priced = candidates()
    price = ArdOrderOperator.partial(
        task_id="price",
        destination="{{ params.destination }}",
        dry_run=True,
        map_index_template="{{ task.acquisitions | join(' ') }}",
    ).expand_kwargs(priced)
    price >> report(priced)


@task
def candidates(params=None) -> list[dict]:
    """Return the candidates."""
    return params["candidates"]


@task(trigger_rule="all_done")
def report(priced: list[dict], ti=None) -> str:
    """Return a table of area and cost, and print it to the log."""
    # One index at a time: for a list of indexes, Airflow 2 skips missing values.
    usages = [ti.xcom_pull(task_ids="price", key="usage", map_indexes=index) for index in range(len(priced))]
    rows = ["| acquisitions | bbox | km² | cost |", "|---|---|---:|---:|"]
    for candidate, usage in zip(priced, usages, strict=True):
        area, cost = "refused", ""
        if usage:
            area, cost = usage["area"]["total_imagery_sqkm"], usage["cost"]["total_imagery_cost"]
        rows.append(f"| {', '.join(candidate['acquisitions'])} | {candidate.get('bbox', 'whole')} | {area} | {cost} |")
    table = "\n".join(rows)
    logging.getLogger("airflow.task").info("\n%s", table)
    return table


ard_price_report()

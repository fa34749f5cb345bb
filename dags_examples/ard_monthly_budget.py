"""Order imagery of many AOIs within a budget for the month; what exceeds it is skipped.

Needs `airflow-provider-ard`, a Connection `ard_default` of type ARD, and a destination that the API may write to.
The budget counts all orders of this DAG since the first of the month, in UTC: also those of other runs, of backfills
and of cleared tasks. With `on_exceeded="wait"`, an order waits until next month instead; with `fail`, its task fails.
"""

import logging

from airflow_provider_ard.operators.order import ArdOrderOperator

try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.models.param import Param

# In order of importance.
AOIS = [
    {"bbox": [-105.10, 40.13, -105.03, 40.19], "destination": "s3://ard-demo/budget/longmont"},
    {"bbox": [-105.09, 40.14, -105.04, 40.18], "destination": "s3://ard-demo/budget/niwot"},
    {"bbox": [-105.08, 40.15, -105.02, 40.20], "destination": "s3://ard-demo/budget/mead"},
]
PARAMS = {
    "budget": Param(
        {"cost": 1000, "per": "month"},
        type="object",
        description="cost in the account's currency or area_sqkm in km², and per: day, month, year or such as 7d",
    )
}


@dag(schedule=None, params=PARAMS, render_template_as_native_obj=True, tags=["ard"])
def ard_monthly_budget():
    """Order each AOI that the budget has room for, and report which were ordered."""
    order = ArdOrderOperator.partial(
        task_id="order",
        acquisitions=["10400100E82CCE00"],
        budget="{{ params.budget }}",
        on_exceeded="skip",
        map_index_template="{{ task.destination }}",
    ).expand_kwargs(AOIS)
    order >> report()


@task(trigger_rule="all_done")
def report(ti=None) -> str:
    """Return a line for each AOI with its cost, and print them to the log."""
    # One index at a time: for a list of indexes, Airflow 2 skips missing values.
    ordered = [ti.xcom_pull(task_ids="order", map_indexes=index) for index in range(len(AOIS))]
    usages = [ti.xcom_pull(task_ids="order", key="usage", map_indexes=index) for index in range(len(AOIS))]
    lines = [
        f"{aoi['destination']}: {usage['cost']['total_imagery_cost']}, {f'order {order_id}' if order_id else 'skipped'}"
        for aoi, order_id, usage in zip(AOIS, ordered, usages, strict=True)
    ]
    text = "\n".join(lines)
    logging.getLogger("airflow.task").info("\n%s", text)
    return text


ard_monthly_budget()

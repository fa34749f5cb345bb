"""`ard orders adopt`: assign an existing order to a task instance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.cli.command import OK, command
from airflow_provider_ard.cli.output import print_message
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.ordering.submission_store import SUBMISSION_KEY, SubmissionRecord

if TYPE_CHECKING:
    from argparse import Namespace


@command
def adopt_order(args: Namespace) -> int:
    """Record an existing order for a task instance, which adopts it in its next run. No order is placed."""
    try:
        from airflow.state import TaskScope, get_state_backend
    except ImportError:
        raise ArdRequestError(
            "needs Airflow 3.3 or newer; pass existing_order_id to ArdOrderOperator instead", argument="adopt"
        ) from None
    order = ArdHook(args.conn_id).get_order(args.order_id)
    if order.has_failed:
        raise ArdRequestError(f"order {order.id} has failed and cannot be adopted", argument="order_id")
    scope = TaskScope(dag_id=args.dag_id, run_id=args.run_id, task_id=args.task_id, map_index=args.map_index)
    record = SubmissionRecord(submitted=True, order_id=order.id, is_adopted=True)
    try:
        get_state_backend().set(scope, SUBMISSION_KEY, json.dumps(record.to_json()))
    except ValueError as error:
        raise ArdRequestError(f"the task instance does not exist: {error}", argument="--run-id") from None
    print_message(
        f"Order {order.id} is recorded for {args.dag_id}.{args.task_id}, run {args.run_id}; clear the task to adopt it"
    )
    return OK

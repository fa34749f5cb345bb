"""Order imagery after a person has approved its price.

Needs Airflow 3.1 or newer, `airflow-provider-ard`, a Connection `ard_default` of type ARD, and a destination that the
API may write to. The run waits at `approve`, without a worker slot, until somebody responds under *Required Actions* in
Airflow's UI. A rejection, or no response within three days, skips the order.
"""

from datetime import timedelta

from airflow_provider_ard.operators.approval import IS_AVAILABLE, ArdApproveOrderOperator
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import Param, dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag
    from airflow.models.param import Param

PARAMS = {
    "acquisitions": Param(["10400100E82CCE00"], type="array", description="Acquisition IDs"),
    "bbox": Param([-105.10, 40.13, -105.03, 40.19], type="array", description="AOI: xmin, ymin, xmax, ymax (degrees)"),
    "destination": Param("s3://ard-demo/approved", type="string", description="Destination of the order"),
}
REQUEST = {name: f"{{{{ params.{name} }}}}" for name in PARAMS}


@dag(schedule=None, params=PARAMS, render_template_as_native_obj=True, tags=["ard"])
def ard_approval():
    """Price the order, ask for approval, order for at most the approved price, and wait."""
    approve = ArdApproveOrderOperator(
        task_id="approve", **REQUEST, response_timeout=timedelta(days=3), defaults="Reject"
    )
    order = ArdOrderOperator(task_id="order", **REQUEST, max_cost=approve.output)
    ArdOrderSensor(task_id="wait", order_id=order.output)


# Airflow before 3.1 has no operators for approvals, so this file defines no DAG there.
if IS_AVAILABLE:
    ard_approval()

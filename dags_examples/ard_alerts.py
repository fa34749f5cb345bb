"""Retry an order in doubt late, and send an email if the order takes longer than expected.

Needs Airflow 3.3 or newer, `airflow-provider-ard`, a Connection `ard_default` of type ARD, a Connection `smtp_default`,
and a destination that the API may write to. The email about the deadline is sent once; the run continues.
"""

from datetime import timedelta

from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from airflow_provider_ard.exceptions import ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference, ExceptionRetryPolicy, RetryRule, dag
except ImportError:  # Airflow before 3.3 has no retry policies, so this file defines no DAG
    ExceptionRetryPolicy = None

TO = "imagery@example.com"

if ExceptionRetryPolicy:
    # The first rule that matches counts. An order in doubt may be listed late: after 30 minutes the search finds it. An
    # outage is retried soon.
    RETRY_POLICY = ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=ArdOrderInDoubtError, retry_delay=timedelta(minutes=30)),
            RetryRule(exception=ArdUnavailableError, retry_delay=timedelta(minutes=2)),
        ]
    )
    LATE = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=36),
        callback=AsyncCallback(
            SmtpNotifier,
            kwargs={
                "to": TO,
                "subject": "An ARD order takes longer than 36 hours",
                "html_content": "The run {{ dag_run.dag_run_id }} of {{ dag_run.dag_id }} continues to wait.",
            },
        ),
    )
    FAILED = SmtpNotifier(to=TO, subject="{{ ti.task_id }} failed", html_content="{{ exception }}")
    RETRIED = SmtpNotifier(to=TO, subject="{{ ti.task_id }} will retry", html_content="{{ exception }}")

    @dag(schedule=None, deadline=LATE, default_args={"on_failure_callback": FAILED}, tags=["ard"])
    def ard_alerts():
        """Order and wait, with alerts."""
        order = ArdOrderOperator(
            task_id="order",
            acquisitions=["10400100E82CCE00"],
            bbox=[-105.10, 40.13, -105.03, 40.19],
            destination="s3://ard-demo/alerts",
            retries=5,
            retry_policy=RETRY_POLICY,
            on_retry_callback=RETRIED,
        )
        ArdOrderSensor(task_id="wait", order_id=order.output)

    ard_alerts()

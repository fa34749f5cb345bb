"""`ArdApproveOrderOperator` asks a person to approve the price of an order (Airflow 3.1 or newer)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import OMITTED, ORDER_ARGUMENTS
from airflow_provider_ard.api.errors import ArdError, ArdRequestError
from airflow_provider_ard.exceptions import raises_airflow_exceptions
from airflow_provider_ard.hooks.secret_arguments import SecretArgumentsMixin, unmask
from airflow_provider_ard.operators.omitted_arguments import OmittedArgumentsMixin
from airflow_provider_ard.version_compat import AirflowException, BaseOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.standard.operators.hitl import ApprovalOperator

    from airflow_provider_ard.version_compat import Context

    IS_AVAILABLE = True
else:
    try:
        from airflow.providers.standard.operators.hitl import ApprovalOperator

        IS_AVAILABLE = True
    # An ImportError before Airflow 3, where the provider raises an AirflowException before 3.1.
    except (ImportError, AirflowException):
        ApprovalOperator = BaseOperator
        IS_AVAILABLE = False

_PRICED_ARGUMENTS = tuple(name for name in ORDER_ARGUMENTS if name != "dry_run")


class ArdApproveOrderOperator(OmittedArgumentsMixin, SecretArgumentsMixin, ApprovalOperator):
    """Price an order by a dry run, and ask a person to approve the price. Returns the price, for `max_cost`.

        request = {"acquisitions": ["10400100E82CCE00"], "destination": "s3://my-bucket/imagery"}
        approve = ArdApproveOrderOperator(task_id="approve", **request)
        order = ArdOrderOperator(task_id="order", **request, max_cost=approve.output)

    The task waits for the response without a worker slot, on the task's tab *Required Actions* or over Airflow's REST
    API. If the order is rejected, the tasks that depend on this one are skipped. The price may rise until the order is
    placed; `max_cost` then prevents the order.

    Based on Airflow's `ApprovalOperator`, whose arguments apply as well, such as `assigned_users`, `notifiers`,
    `response_timeout`, `defaults="Reject"` and `fail_on_reject`.

    XCom: `return_value` is the approved cost, in the account's currency; `usage` contains the area and the cost;
    `response` is that of `ApprovalOperator`, with the time and the user. `IS_AVAILABLE` of this module is False before
    Airflow 3.1.

    :param subject: The heading of the request; by default it contains the cost.
    :param body: Markdown text in addition to cost, area, balance, imagery, destination and a link to a map.
    :param ard_conn_id: The Connection of type `ard`. All other arguments are those of `ArdOrderOperator`.
    :raises airflow_provider_ard.exceptions.ArdRequestError: if an argument is invalid, or before Airflow 3.1.
    :raises airflow_provider_ard.exceptions.ArdBudgetExceeded: if the account has no price for the imagery.
    """

    template_fields: Sequence[str] = (*_PRICED_ARGUMENTS, "subject", "body", "ard_conn_id")
    template_fields_renderers = {  # noqa: RUF012 -- Airflow reads it as a plain class attribute
        "acquisitions": "json",
        "output_config": "json",
        "settings": "json",
        "metadata": "json",
        "body": "md",
    }
    ui_color = "#ffe6cc"

    def __init__(
        self,
        *,
        acquisitions: Any = None,
        select_id: str | int | None = None,
        destination: str | None = None,
        output_config: Mapping[str, Any] | None = None,
        intersects: Any = OMITTED,
        bbox: Sequence[float] | Mapping[str, float] | str = OMITTED,
        role_arn: str | None = None,
        bba: bool = False,
        settings: Mapping[str, bool] | None = None,
        metadata: Mapping[str, Any] | None = None,
        email_notifications: Sequence[str] = (),
        sns_notifications: Sequence[str] = (),
        simplify_aoi: bool = False,
        drop_small_polygons: bool = False,
        subject: str = "",
        body: str = "",
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        _check_available()
        super().__init__(subject=subject, body=body, **kwargs)
        self.acquisitions = acquisitions
        self.select_id = select_id
        self.destination = destination
        self.output_config = output_config
        self.intersects = None if intersects is OMITTED else intersects
        self.bbox = None if bbox is OMITTED else bbox
        self.role_arn = role_arn
        self.bba = bba
        self.settings = settings
        self.metadata = metadata
        self.email_notifications = email_notifications
        self.sns_notifications = sns_notifications
        self.simplify_aoi = simplify_aoi
        self.drop_small_polygons = drop_small_polygons
        self.ard_conn_id = ard_conn_id
        self._record_omitted(intersects=intersects, bbox=bbox)

    @raises_airflow_exceptions
    def execute(self, context: Context) -> Any:
        """Price the order and ask for the approval."""
        from airflow_provider_ard.hooks.ard import ArdHook
        from airflow_provider_ard.operators.approval_text import check_price, format_subject, format_table
        from airflow_provider_ard.operators.order_steps import publish_price
        from airflow_provider_ard.ordering.idempotency import IdempotencyKey
        from airflow_provider_ard.ordering.placement import OrderPlacement

        hook = ArdHook(self.ard_conn_id)
        request = hook.order_request(**unmask(self._passed(_PRICED_ARGUMENTS)), dry_run=True)
        for note in request.warnings:
            self.log.warning("%s", note)
        key = IdempotencyKey.from_context(context, hook.namespace)
        usage = publish_price(OrderPlacement(hook.get_conn(), request, key), context)
        check_price(usage, request)
        self.subject = self.subject or format_subject(usage)
        self.body = "\n\n".join(filter(None, (self.body, format_table(usage, request))))
        return super().execute(context)

    @raises_airflow_exceptions
    def execute_complete(self, context: Context, event: Any) -> float | None:
        """Return the approved cost, or skip the tasks that depend on this one."""
        response = super().execute_complete(context, event)
        ti: Any = context["ti"]
        ti.xcom_push(key="response", value=response)
        if response["chosen_options"] != [self.APPROVE]:
            return None
        usage = ti.xcom_pull(task_ids=ti.task_id, key="usage", map_indexes=ti.map_index)
        try:
            cost = float(usage["cost"]["total_imagery_cost"])
        except (KeyError, TypeError, ValueError):
            raise ArdError("the price that was approved is missing in the XCom usage; clear the task") from None
        self.log.info("Approved: an order of up to %s", f"{cost:,.2f}")
        return cost


def _check_available() -> None:
    """Raise `ArdRequestError` if this version of Airflow has no operators for approvals."""
    if not IS_AVAILABLE:
        from airflow import __version__ as airflow_version

        raise ArdRequestError(
            "ArdApproveOrderOperator needs Airflow 3.1 or newer and apache-airflow-providers-standard, got Airflow "
            f"{airflow_version}; use ArdOrderOperator with max_cost"
        )

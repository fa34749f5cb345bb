"""`ArdOrderOperator` places an order, once and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.exceptions import airflow_errors
from airflow_provider_ard.links import ORDER_URL_KEY, ArdOrderLink
from airflow_provider_ard.secrets import concealed, mask_output_config, mask_secrets, revealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import jinja2
    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from airflow_provider_ard.api.order import OrderRequest, Usage
    from airflow_provider_ard.api.placement import Placed
    from airflow_provider_ard.hooks.ard import ArdHook

# The arguments that make up the order itself, as `OrderRequest.of` takes them.
ORDER_ARGUMENTS = (
    "acquisitions",
    "select_id",
    "destination",
    "output_config",
    "intersects",
    "bbox",
    "role_arn",
    "dry_run",
    "bba",
    "settings",
    "metadata",
    "email_notifications",
    "sns_notifications",
    "simplify_aoi",
)


class ArdOrderOperator(BaseOperator):
    """Place an ARD order and hand its id on; the order itself takes up to three days, see `ArdOrderSensor`.

    A task instance places one order, however often it is retried, cleared or killed: each order is tagged with its
    dag_id, task_id, run_id and map_index, and looked for before anything is bought.

    XCom: `return_value` is the order id (None for a dry run); `usage` holds the area in km² and the cost.

    :param acquisitions: What to order: an acquisition id or a list of ids; dictionaries `{"id": …, "cells": […]}` for
        some cells only (no cells: all that the AOI meets); a mapping `{id: cells}`; lists that mix these; anything
        with `as_order()`.
    :param select_id: Order the results of a Select instead. Goes with neither acquisitions nor an AOI.
    :param destination: Where to deliver: `s3://bucket/prefix`, `gs://…`, `az://container/prefix` or a bare
        `bucket/prefix` (S3). Google and Azure need a stored credential: see `credentials_ids` of the connection.
    :param output_config: The API's own form of the destination, with credentials: `{"amazon_s3": …}`,
        `{"google_cloud_storage": …}` or `{"azure_blob_storage": …}`. One of this and `destination`.
    :param intersects: AOI: only tiles that meet it are delivered. WKT, GeoJSON or a geometry object in WGS84 degrees;
        an iterable of these; a GeoDataFrame (reprojected from its CRS); the path of a file with one, here or in object
        storage (`s3://conn_id@bucket/aoi.geojson`), where formats other than WKT and GeoJSON need the extra `ogr`.
        Each polygon at least 1 km² and 250 m wide, at most 1000 vertices, none across the antimeridian.
    :param bbox: AOI as `[xmin, ymin, xmax, ymax]` in WGS84 degrees. One of this and `intersects`.
    :param role_arn: An AWS role that the writer assumes to write to S3.
    :param dry_run: Check and price the order, buy nothing.
    :param bba: Align the images of this order relatively, by bundle block adjustment.
    :param settings: What to process and deliver otherwise than by default, for example `{"water_mask": False}`.
    :param metadata: Your own key-value pairs, kept with the order. Names beginning with `airflow_` are the provider's.
    :param email_notifications: Addresses to tell when the order is done.
    :param sns_notifications: ARNs of SNS topics to tell when the order is done.
    :param simplify_aoi: Reduce the AOI's polygons to the API's 1000 vertices. The result covers the original, within a
        tolerance that the log states. Default: too many vertices are an error.
    :param max_cost: Price the order first, and buy nothing if its estimate is higher, in the account's currency.
    :param max_area_sqkm: The same for its area, km².
    :param if_exists: When this task instance has placed an order already: `reuse` it if it is the same and has not
        failed, `fail`, or `resubmit` a new one.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdRequestError: if an argument cannot be right, before anything is sent;
        and the other errors of that module.
    """

    template_fields: Sequence[str] = (
        *ORDER_ARGUMENTS,
        "max_cost",
        "max_area_sqkm",
        "if_exists",
        "ard_conn_id",
    )
    template_fields_renderers = {  # noqa: RUF012 -- Airflow reads it as a plain class attribute
        "acquisitions": "json",
        "output_config": "json",
        "settings": "json",
        "metadata": "json",
    }
    operator_extra_links = (ArdOrderLink(),)
    ui_color = "#d5e8d4"

    def __init__(
        self,
        *,
        acquisitions: Any = None,
        select_id: str | int | None = None,
        destination: str | None = None,
        output_config: Mapping[str, Any] | None = None,
        intersects: Any = None,
        bbox: Sequence[float] | Mapping[str, float] | str | None = None,
        role_arn: str | None = None,
        dry_run: bool = False,
        bba: bool = False,
        settings: Mapping[str, bool] | None = None,
        metadata: Mapping[str, Any] | None = None,
        email_notifications: Sequence[str] = (),
        sns_notifications: Sequence[str] = (),
        simplify_aoi: bool = False,
        max_cost: float | str | None = None,
        max_area_sqkm: float | str | None = None,
        if_exists: str = "reuse",
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.acquisitions = acquisitions
        self.select_id = select_id
        self.destination = destination
        self.output_config = concealed(output_config)
        self.intersects = intersects
        self.bbox = bbox
        self.role_arn = role_arn
        # Hides `BaseOperator.dry_run()`, a debugging aid: a template field must be named as its argument.
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]
        self.bba = bba
        self.settings = settings
        self.metadata = metadata
        self.email_notifications = email_notifications
        self.sns_notifications = sns_notifications
        self.simplify_aoi = simplify_aoi
        self.max_cost = max_cost
        self.max_area_sqkm = max_area_sqkm
        self.if_exists = if_exists
        self.ard_conn_id = ard_conn_id
        self._order_id: str | None = None

    @classmethod
    def partial(cls, **arguments: Any) -> OperatorPartial:
        """Map over the arguments that are left; credentials are concealed as in the constructor."""
        if "output_config" in arguments:
            arguments["output_config"] = concealed(arguments["output_config"])
        return super().partial(**arguments)

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Render, and mask credentials before Airflow stores the rendered fields."""
        super().render_template_fields(context, jinja_env)
        mask_output_config(revealed(self.output_config))

    def execute(self, context: Context) -> str | None:
        """Place the order, or take over the one that this task instance has placed already."""
        from airflow_provider_ard.api.placement import Intention
        from airflow_provider_ard.hooks.ard import ArdHook
        from airflow_provider_ard.task_state import ledger, sitting

        hook = ArdHook(self.ard_conn_id)
        request = hook.order_request(**{name: revealed(getattr(self, name)) for name in ORDER_ARGUMENTS})
        mask_secrets(request.secrets)
        for note in request.notes:
            self.log.warning("%s", note)
        ti = context["ti"]
        if request.dry_run:
            usage = hook.dry_run(request)
            self.log.info("Dry run, nothing bought: %s to %s.", _priced(usage), request.destination.uri)
            ti.xcom_push(key="usage", value=usage.model_dump(mode="json"))
            return None
        with airflow_errors(self.ard_conn_id):
            before_submit = self._budget_check(hook, request)
        placed = hook.place_once(
            request,
            Intention(ti.dag_id, ti.task_id, ti.run_id, -1 if ti.map_index is None else ti.map_index, sitting(context)),
            if_exists=self.if_exists,
            before_submit=before_submit,
            ledger=ledger(context),
        )
        # From here on the order exists: nothing that fails may keep its id from the next task.
        self._order_id = placed.order.id
        try:
            self._tell(hook, request, placed, context)
        except Exception:
            self.log.warning("Order %s stands, but not all about it could be told.", placed.order.id, exc_info=True)
        return placed.order.id

    def on_kill(self) -> None:
        """Say what a kill leaves behind: the API cannot cancel an order."""
        if self._order_id:
            self.log.warning("Killed. Order %s goes on; this task, cleared, takes it over.", self._order_id)
        else:
            self.log.warning("Killed. If an order was placed it goes on; this task, cleared, looks for it first.")

    def _budget_check(self, hook: ArdHook, request: OrderRequest) -> Any:
        from airflow_provider_ard.api.budget import check_budget, read_limit

        max_cost = read_limit(self.max_cost, "max_cost")
        max_area_sqkm = read_limit(self.max_area_sqkm, "max_area_sqkm")

        def check() -> None:
            if max_cost is None and max_area_sqkm is None:
                return
            usage = hook.get_conn().dry_run(request)
            self.log.info("Estimate: %s.", _priced(usage))
            check_budget(usage, max_cost, max_area_sqkm)

        return check

    def _tell(self, hook: ArdHook, request: OrderRequest, placed: Placed, context: Context) -> None:
        """Hand on and log where the order is to be found and what it costs, as far as the API tells."""
        order_id, ti = placed.order.id, context["ti"]
        ti.xcom_push(key="order_id", value=order_id)
        ti.xcom_push(key=ORDER_URL_KEY, value=hook.get_conn().order_url(order_id))
        usage = None
        try:
            usage = placed.order.usage or hook.get_order(order_id).usage
        except ArdError as error:
            self.log.warning("Order %s: its cost is not known yet: %s", order_id, error)
        if usage:
            ti.xcom_push(key="usage", value=usage.model_dump(mode="json"))
        price = f", {_priced(usage)}" if usage else ""
        self.log.info("Order %s%s, delivery to %s.", order_id, price, request.destination.uri)


def _priced(usage: Usage) -> str:
    area = f"{usage.area_sqkm:,.1f} km²" if usage.area_sqkm is not None else "area unknown"
    cost = f"cost {usage.total_cost:,.2f}" if usage.total_cost is not None else "no price set for the account"
    return f"{area}, {cost}"

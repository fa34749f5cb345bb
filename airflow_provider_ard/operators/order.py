"""`ArdOrderOperator` places an order, once and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdError
from airflow_provider_ard.exceptions import airflow_exceptions, raises_airflow_exceptions
from airflow_provider_ard.hooks.secret_masking import mask_credentials, mask_output_config, mask_secrets, unmask
from airflow_provider_ard.links.order import ARD_LINKS, push_links

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import jinja2
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.hooks.ard import ArdHook
    from airflow_provider_ard.ordering.placement import Placed

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

    XCom: `return_value` is the order id (None for a dry run); `usage` holds the area in km² and the cost, before an
    order that is refused for them too.

    Every argument is a template field. A text that looks like a list or dictionary, in JSON or as Python writes it, is
    read as one, so whatever a template renders to, an XCom holds or `.expand()` maps over will do. An empty text, or
    the word None, counts as not given. What came is never changed, and what cannot be meant is refused before anything
    is sent, by an error that names the argument. What had to be mended is said in the log.

    :param acquisitions: What to order. An acquisition id such as `10300100B2B49700`, or any iterable of ids;
        dictionaries `{"id": …, "cells": […]}` for some cells only, such as `Z13-031133320203` (no cells, or none in
        the list: all that the AOI meets; `cell_ids` is the same as `cells`); mappings `{id: cells}`; lists that mix
        these; anything with `as_order()`, such as results of the SDK; the answer of a Select or a metadata search, as
        GeoJSON or in the format `order`. What comes twice is ordered once; whole acquisitions win over some of their
        cells. Refused: ids and cells of no real form, and any other key beside `id`, as a misspelt `cells` would buy
        whole acquisitions.
    :param select_id: Order the results of this Select instead, text or number. Refused beside acquisitions,
        `intersects` or `bbox`.
    :param destination: Where to deliver: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or a bare
        `bucket/prefix` (S3); the prefix may be left out, slashes around it do not count. Google and Azure need a
        credential stored with the API: the connection's `credentials_ids` names it by storage location, and the
        longest one that the destination lies in is taken.
    :param output_config: The API's own form of the destination, exactly one of `{"amazon_s3": {"bucket", "prefix",
        "role_arn"?}}`, `{"google_cloud_storage": {"bucket", "prefix", "service_credentials" | "credentials_id"}}` and
        `{"azure_blob_storage": {"container", "prefix", "sas_url" | "credentials_id"}}`, or for S3 without the
        platform's name around it. A prefix must be named, and may be empty. `service_credentials`: the path of a
        service account's key file, its JSON or base64 of it. `sas_url`: https, signed, not expired. `credentials_id`
        wins over these, with a warning; without any of them, the connection's `credentials_ids` are asked. Refused
        beside `destination`.
    :param intersects: AOI: only tiles that meet it are delivered. WKT, EWKT of SRID 4326, GeoJSON as text or
        dictionary (geometry, Feature or FeatureCollection), a shapely geometry, a cell of maxar-ard-grid, anything
        with `__geo_interface__`, or an iterable of these, all in WGS84 degrees, longitude first; a GeoDataFrame or
        GeoSeries, reprojected from its CRS; the path of a file, on the worker or in object storage
        (`s3://conn_id@bucket/aoi.geojson`), WKT or GeoJSON, and with the extra `ogr` every format of GDAL, all layers
        of it, reprojected. A valid geometry goes out as it came. Z is dropped, an open ring closed, an invalid polygon
        made valid, each with a warning. Refused: what is empty or no polygon; coordinates out of range; a polygon of
        less than 1 km² (geodesic), less than 250 m wide, of more than 1000 vertices (counted with holes and the
        closing ones) or more than 180° of longitude, as if across the antimeridian; with bundle adjustment, more than
        one connected polygon.
    :param bbox: AOI as xmin, ymin, xmax, ymax in WGS84 degrees: a list, a tuple, a text of four numbers or a mapping
        of these names. The same rules hold. Refused beside `intersects`.
    :param role_arn: An AWS role, `arn:aws:iam::123456789012:role/name`, that the writer assumes to write to S3. Not
        needed where the bucket's policy lets the writer in. Refused beside Google or Azure.
    :param dry_run: Check and price the order, buy nothing, notify nobody. Like every flag here: a bool, or the text
        true or false. Default: false.
    :param bba: Align the images of this order relatively, by bundle block adjustment. Default: false. The setting
        `bundle_adjust` does the same: either turns it on, and if they contradict each other, that is logged.
    :param settings: What to process and deliver otherwise than by default, for example `{"water_mask": False}`. Off by
        default: `bundle_adjust`, `hd`. On: `visual`, `ms_analytic`, `pan_analytic`, `data_mask`, `cloud_mask`,
        `healthy_vegetation_mask`, `ms_saturation_mask`, `pan_flare_mask`, `terrain_shadow_mask`, `water_mask`. Only
        changes are sent. Refused: any other name, with the nearest one in the message.
    :param metadata: Your own key-value pairs, kept with the order and found by `filter`: texts as keys, values that
        JSON can hold, at most 65,536 bytes of JSON. Refused: names that begin with `airflow_`, which are the
        provider's.
    :param email_notifications: Addresses to tell when the order is done, one or an iterable, each like
        `me@example.com`.
    :param sns_notifications: ARNs of SNS topics to tell when the order is done, one or an iterable.
    :param simplify_aoi: Reduce polygons of too many vertices to 1000. Each result covers its original, and the log
        states how many metres it reaches beyond it at most. Default: false, and too many vertices are an error.
    :param max_cost: Price the order first, by a dry run, and buy nothing if its estimate is higher, in the account's
        currency. Imagery without a price is over any limit. A dry run made is also checked against the cells: an
        estimate of more than they can cover (28.25 km² each, with the tiles' margins) is refused, as it means that the
        API ignored them.
        A limit that a template, an XCom or a variable brings to nothing is refused: it would buy without one.
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
    operator_extra_links = ARD_LINKS
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
        self.output_config = mask_credentials(output_config)
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
        # Asked before rendering: what was given and comes to nothing must not count as left out.
        limits = {"max_cost": max_cost, "max_area_sqkm": max_area_sqkm}
        self._limits = {name for name, given in limits.items() if given is not None}
        self._order_id: str | None = None

    @classmethod
    def partial(cls, **arguments: Any) -> OperatorPartial:
        """Map over the arguments that are left; credentials are concealed as in the constructor."""
        if "output_config" in arguments:
            arguments["output_config"] = mask_credentials(arguments["output_config"])
        return super().partial(**arguments)

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Render, and mask credentials before Airflow stores the rendered fields."""
        super().render_template_fields(context, jinja_env)
        mask_output_config(unmask(self.output_config))

    @raises_airflow_exceptions
    def execute(self, context: Context) -> str | None:
        """Place the order, or take over the one that this task instance has placed already."""
        from airflow_provider_ard.hooks.ard import ArdHook
        from airflow_provider_ard.ordering.placement import IdempotencyKey, check_if_exists, place_once
        from airflow_provider_ard.ordering.submission_store import submission_store
        from airflow_provider_ard.ordering.task_state import first_try_number

        hook = ArdHook(self.ard_conn_id)
        request = hook.order_request(**{name: unmask(getattr(self, name)) for name in ORDER_ARGUMENTS})
        mask_secrets(request.secrets)
        for note in request.notes:
            self.log.warning("%s", note)
        ti = context["ti"]
        intention = IdempotencyKey(
            ti.dag_id, ti.task_id, ti.run_id, -1 if ti.map_index is None else ti.map_index, first_try_number(context)
        )
        with airflow_exceptions(self.ard_conn_id):
            # A dry run finds the same mistakes as the order would.
            check_if_exists(self.if_exists)
            intention.tagged(request)
            before_submit = self._budget_check(hook, request, ti)
            if request.dry_run:
                before_submit()
                self.log.info("Dry run, nothing bought; delivery would be to %s.", request.destination.uri)
                return None
        placed = place_once(
            hook.get_conn(),
            request,
            intention,
            if_exists=self.if_exists,
            before_submit=before_submit,
            store=submission_store(context),
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

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage of the acquisitions that were ordered and of where they go."""
        from airflow_provider_ard.lineage.openlineage import lineage_of_order

        return lineage_of_order(self.ard_conn_id, [self._order_id] if self._order_id else [])

    def _budget_check(self, hook: ArdHook, request: OrderRequest, ti: Any) -> Callable[[], None]:
        from airflow_provider_ard.ordering.budget import check_budget, check_cells, read_limit

        limits = {name: read_limit(getattr(self, name), name) for name in sorted(self._limits)}

        def check() -> None:
            if not limits and not request.dry_run:
                return
            usage = hook.get_conn().dry_run(request)
            # Pushed first: who plans by it needs it most where the order is refused.
            ti.xcom_push(key="usage", value=usage.model_dump(mode="json"))
            self.log.info("Estimate: %s.", usage)
            check_cells(usage, request.acquisitions)
            check_budget(usage, limits.get("max_cost"), limits.get("max_area_sqkm"))

        return check

    def _tell(self, hook: ArdHook, request: OrderRequest, placed: Placed, context: Context) -> None:
        """Hand on and log where the order is to be found and what it costs, as far as the API tells."""
        from airflow_provider_ard.api.delivery.layout import root_collection_uri
        from airflow_provider_ard.ordering.budget import check_cells

        order_id, ti = placed.order.id, context["ti"]
        ti.xcom_push(key="order_id", value=order_id)
        place = request.destination.uri
        links = {"order_id": order_id, "output_uri": place, "collection_uri": root_collection_uri(place, order_id)}
        push_links(ti, self.ard_conn_id, [links], hook.get_conn().order_url(order_id))
        usage = None
        try:
            usage = placed.order.usage or hook.get_order(order_id).usage
        except ArdError as error:
            self.log.warning("Order %s: its cost is not known yet: %s", order_id, error)
        if usage:
            ti.xcom_push(key="usage", value=usage.model_dump(mode="json"))
            try:
                check_cells(usage, request.acquisitions)
            except ArdBudgetExceeded as error:
                self.log.warning("Order %s is placed, but %s", order_id, error)
        price = f", {usage}" if usage else ""
        self.log.info("Order %s%s, delivery to %s.", order_id, price, request.destination.uri)

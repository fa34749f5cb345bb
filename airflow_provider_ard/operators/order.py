"""`ArdOrderOperator` places an order exactly once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import OMITTED, ORDER_ARGUMENTS, parse_seconds
from airflow_provider_ard.exceptions import raises_airflow_exceptions
from airflow_provider_ard.hooks.secret_arguments import SecretArgumentsMixin, unmask
from airflow_provider_ard.links.order import ARD_LINKS, push_empty_links
from airflow_provider_ard.operators.omitted_arguments import OmittedArgumentsMixin
from airflow_provider_ard.operators.order_budget import limit_concurrency
from airflow_provider_ard.operators.order_completion import OrderCompletionMixin
from airflow_provider_ard.polling.events import check_event
from airflow_provider_ard.version_compat import BaseOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_ard.version_compat import Context, OperatorPartial

LIMITS = ("max_cost", "max_area_sqkm", "budget", "existing_order_id")


class ArdOrderOperator(OrderCompletionMixin, OmittedArgumentsMixin, SecretArgumentsMixin, BaseOperator):
    """Place an ARD order exactly once and return its ID. The order takes up to three days, see `ArdOrderSensor`.

        order = ArdOrderOperator(
            task_id="order",
            acquisitions=["10400100E82CCE00"],
            bbox=[-105.10, 40.13, -105.03, 40.19],
            destination="s3://my-bucket/imagery",
            max_cost=1000,
        )

    A task instance places one order, regardless of retries, clears and kills: each order is tagged with its dag_id,
    task_id, run_id and map_index, and the list of orders is searched for it before a new one is placed.

    XCom: `return_value` is the order ID (None for a dry run); `usage` contains the area in km² and the cost, even if a
    limit prevents the order. With `wait_for_completion`, `return_value` is that of `ArdOrderSensor`; `order_id` is the
    ID.

    Every argument is a template field, except those of the wait (`wait_for_completion`, `deferrable`, `poke_interval`,
    `timeout`). A string that looks like a list or dictionary (JSON or a Python literal) is parsed, so that templates,
    XComs and `.expand()` work for every argument. An empty string or `None` counts as omitted, except for arguments
    that limit the order (`intersects`, `bbox`, `max_cost`, `max_area_sqkm`, `budget`, `existing_order_id`): for these
    it is an error, since the order would be larger than intended. Arguments are not modified; invalid values raise
    `ArdRequestError`, which names the argument, before any request is sent. Repairs are logged.

    :param acquisitions: The acquisitions to order. An ID such as `10300100B2B49700`, or any iterable of IDs;
        dictionaries `{"id": …, "cells": […]}` for some cells only, such as `Z13-031133320203` (no cells, or an empty
        list: all that intersect the AOI; `cell_ids` is a synonym of `cells`); mappings `{id: cells}`; lists that mix
        these; anything with `as_order()`, such as results of the SDK; the response of a Select or a metadata search,
        as GeoJSON or in the format `order`. Duplicates are merged; a complete acquisition includes its cells. Raises
        `ArdRequestError` for malformed IDs and cells, and for any other key beside `id`, since a misspelled `cells`
        would order complete acquisitions.
    :param select_id: Order the results of this Select instead, a string or number. Mutually exclusive with
        acquisitions, `intersects` and `bbox`.
    :param destination: The location of the delivery: `s3://bucket/prefix`, `gs://bucket/prefix`,
        `az://container/prefix` or a bare `bucket/prefix` (S3). The prefix is optional, and slashes around it are
        ignored. Google and Azure need a credential stored with the API: the Connection's `credentials_ids` maps storage
        locations to credentials, and the longest match is used.
    :param output_config: The destination as the API's object, exactly one of `{"amazon_s3": {"bucket", "prefix",
        "role_arn"?}}`, `{"google_cloud_storage": {"bucket", "prefix", "service_credentials" | "credentials_id"}}` and
        `{"azure_blob_storage": {"container", "prefix", "sas_url" | "credentials_id"}}`, or for S3 without the
        platform key. The prefix is required and may be empty. `service_credentials`: the path of a service account's
        key file, its JSON or its base64 form. `sas_url`: https, signed, valid, with permission to write.
        `credentials_id` takes precedence, with a warning; without any of them, the Connection's `credentials_ids`
        apply. Mutually exclusive with `destination`.
    :param intersects: AOI: only tiles that intersect it are delivered. WKT, EWKT with SRID 4326, GeoJSON as string or
        dictionary (geometry, Feature or FeatureCollection), a shapely geometry, a cell of maxar-ard-grid, anything
        with `__geo_interface__`, or an iterable of these, all in WGS84 degrees, longitude first; a GeoDataFrame or
        GeoSeries, reprojected from its CRS; the path of a file, on the worker or in object storage
        (`s3://conn_id@bucket/aoi.geojson`), WKT or GeoJSON, and with the extra `ogr` every format of GDAL, all layers,
        reprojected. A valid geometry is sent unchanged. Z is dropped, an open ring closed and an invalid polygon made
        valid, each with a warning. Raises `ArdRequestError` for empty geometries and geometries without polygons;
        coordinates out of range; a polygon of less than 1 km² (geodesic), less than 250 m wide, of more than 1000
        vertices (including holes and closing vertices) or more than 180° of longitude, as if across the antimeridian;
        with bundle adjustment, more than one connected polygon.
    :param bbox: AOI as xmin, ymin, xmax, ymax in WGS84 degrees: a list, a tuple, a string of four numbers or a mapping
        of these names. The same rules apply. Mutually exclusive with `intersects`.
    :param role_arn: An AWS role, `arn:aws:iam::123456789012:role/name`, that the ARD writer assumes to write to S3. Not
        needed if the bucket's policy grants access to the ARD writer. For S3 only.
    :param dry_run: Validate the order and estimate its cost; place no order and send no notifications. Like all flags,
        a bool or the string true or false. Default: false.
    :param bba: Align the images of this order relative to each other, by bundle block adjustment. Default: false. The
        setting `bundle_adjust` is the same: either one enables it, and a contradiction is logged.
    :param settings: Changes to the processing and delivery defaults, for example `{"water_mask": False}`. Off by
        default: `bundle_adjust`, `hd`. On: `visual`, `ms_analytic`, `pan_analytic`, `data_mask`, `cloud_mask`,
        `healthy_vegetation_mask`, `ms_saturation_mask`, `pan_flare_mask`, `terrain_shadow_mask`, `water_mask`. Only
        changes are sent. Raises `ArdRequestError` for any other name, with the nearest valid one.
    :param metadata: Your own key-value pairs, stored with the order and searchable by `filter`: string keys, JSON
        values, at most 65,536 bytes of JSON. Names that begin with `airflow_` or `ard_cli_` are reserved.
    :param email_notifications: Email addresses to notify when the order is done, one or an iterable.
    :param sns_notifications: ARNs of SNS topics to notify when the order is done, one or an iterable.
    :param simplify_aoi: Reduce polygons of too many vertices to 1000. Each result covers its original, and the log
        states how many meters it extends beyond it at most. Default: false; too many vertices are then an error.
    :param drop_small_polygons: Drop polygons of less than 1 km² or 250 m, such as islets, with a warning that contains
        the area and width of each. Default: false; they are then an error. If all are too small, that is an error too.
    :param max_cost: Estimate the cost first, with a dry run, and place no order above this amount, in the account's
        currency. Imagery without a price exceeds every limit. If the estimate has more area than the requested cells
        can cover (28.25 km² each, including the margin of each tile), the API has ignored the cells: that raises
        `ArdBudgetExceeded` as well.
    :param max_area_sqkm: The same for the area, in km².
    :param budget: Limit the cost or area of all orders in a period: `{"cost": 5000, "per": "month"}`, or a list of such
        dictionaries, all of which have to hold. `cost` in the account's currency or `area_sqkm`, or both; `per`: `day`,
        `month` or `year` (in UTC), or a rolling window such as `7d`; `scope`: `dag` (default), `account`, or `tag:NAME`
        for orders with the same value in `metadata`; `pool`: an Airflow pool of one slot that all tasks with this
        budget share. Computed from the list of orders, to which the Connection may add budgets. The task runs one
        instance at a time (`max_active_tis_per_dag=1`), unless every budget has a pool. Not applied to a dry run.
    :param on_exceeded: What to do if a budget has no room: `fail` raises `ArdBudgetExceeded`, `skip` skips the task,
        `wait` defers it until the budget has room.
    :param if_exists: What to do if this task instance has already placed an order: `reuse` re-attaches to it if the
        request is the same and it has not failed, `fail` raises `ArdOrderConflict`, `resubmit` places another one when
        the task is cleared.
    :param existing_order_id: Adopt this order instead of placing one, for example after a conflict or if you have found
        an order that was in doubt. Its cost is not checked; a warning is logged if it may be for another request.
    :param wait_for_completion: Wait until the order has succeeded, as `ArdOrderSensor` does, and return its report. A
        retry does not replace an order that has failed; a cleared task does. Default: false.
    :param deferrable: With `wait_for_completion`: wait in the triggerer (default); otherwise on the worker.
    :param poke_interval: With `wait_for_completion`: seconds between polls, at least 1.
    :param timeout: With `wait_for_completion`: seconds (or a timedelta) after which the wait fails, without retries; 4
        days by default. The order itself continues.
    :param storage_conn_id: With `wait_for_completion`: reads the storage for the events of `outlets`, see the sensor.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdRequestError: if an argument is invalid, before any request is sent; and
        the other errors of that module.
    """

    template_fields: Sequence[str] = (
        *ORDER_ARGUMENTS,
        *LIMITS,
        "on_exceeded",
        "if_exists",
        "storage_conn_id",
        "ard_conn_id",
    )
    template_fields_renderers = {  # noqa: RUF012 -- Airflow reads it as a plain class attribute
        "acquisitions": "json",
        "output_config": "json",
        "settings": "json",
        "metadata": "json",
        "budget": "json",
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
        intersects: Any = OMITTED,
        bbox: Sequence[float] | Mapping[str, float] | str = OMITTED,
        role_arn: str | None = None,
        dry_run: bool = False,
        bba: bool = False,
        settings: Mapping[str, bool] | None = None,
        metadata: Mapping[str, Any] | None = None,
        email_notifications: Sequence[str] = (),
        sns_notifications: Sequence[str] = (),
        simplify_aoi: bool = False,
        drop_small_polygons: bool = False,
        max_cost: float | str = OMITTED,
        max_area_sqkm: float | str = OMITTED,
        budget: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str = OMITTED,
        on_exceeded: str = "fail",
        if_exists: str = "reuse",
        existing_order_id: str | int = OMITTED,
        wait_for_completion: bool = False,
        deferrable: bool = True,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float = timedelta(days=4),
        storage_conn_id: str | None = None,
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**limit_concurrency(budget, kwargs))
        self.acquisitions = acquisitions
        self.select_id = select_id
        self.destination = destination
        self.output_config = output_config
        self.intersects = None if intersects is OMITTED else intersects
        self.bbox = None if bbox is OMITTED else bbox
        self.role_arn = role_arn
        # Hides `BaseOperator.dry_run()`, a debugging aid: a template field must be named as its argument.
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]
        self.bba = bba
        self.settings = settings
        self.metadata = metadata
        self.email_notifications = email_notifications
        self.sns_notifications = sns_notifications
        self.simplify_aoi = simplify_aoi
        self.drop_small_polygons = drop_small_polygons
        self.max_cost = None if max_cost is OMITTED else max_cost
        self.max_area_sqkm = None if max_area_sqkm is OMITTED else max_area_sqkm
        self.budget = None if budget is OMITTED else budget
        self.on_exceeded = on_exceeded
        self.if_exists = if_exists
        self.existing_order_id = None if existing_order_id is OMITTED else existing_order_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poke_interval = parse_seconds(poke_interval, "poke_interval")
        self.timeout = parse_seconds(timeout, "timeout")
        self.storage_conn_id = storage_conn_id
        self.ard_conn_id = ard_conn_id
        self._order_id: str | None = None
        self._record_omitted(
            intersects=intersects,
            bbox=bbox,
            max_cost=max_cost,
            max_area_sqkm=max_area_sqkm,
            budget=budget,
            existing_order_id=existing_order_id,
        )

    @classmethod
    def partial(cls, **arguments: Any) -> OperatorPartial:
        """Map over the remaining arguments; pass the budget here."""
        partial = super().partial(**arguments)
        partial.kwargs |= limit_concurrency(partial.kwargs.get("budget", OMITTED), partial.kwargs)
        return partial

    @raises_airflow_exceptions
    def execute(self, context: Context) -> Any:
        """Place the order, or re-attach to the order that this task instance has already placed."""
        return self._order(context)

    @raises_airflow_exceptions
    def execute_after_wait(self, context: Context, event: Any) -> Any:
        """Order after a wait for a budget, with all steps: another task may have used the budget."""
        check_event(event)
        return self._order(context)

    def _order(self, context: Context) -> Any:
        from airflow_provider_ard.hooks.ard import ArdHook
        from airflow_provider_ard.operators.order_steps import prepare_steps, publish_price, reserve_budget
        from airflow_provider_ard.operators.order_xcoms import publish_order

        push_empty_links(context["ti"])
        hook = ArdHook(self.ard_conn_id)
        request = hook.order_request(**unmask(self._passed(ORDER_ARGUMENTS)))
        for note in request.warnings:
            self.log.warning("%s", note)
        steps = prepare_steps(self, context, hook, request, self._passed(LIMITS))
        if request.dry_run:
            steps.limits.check(publish_price(steps.placement, context), request)
            self.log.info("Dry run, nothing bought; the order would be delivered to %s", request.destination.uri)
            return None
        order = steps.placement.find_existing()
        if order is None:
            if steps.needs_price:
                usage = publish_price(steps.placement, context)
                steps.limits.check(usage, request)
                reserve_budget(self, steps.guard, usage)
            with steps.guard.released_on_failure():
                order = steps.placement.submit()
        # The order exists: no later failure may lose its ID.
        self._order_id = order.id
        steps.guard.confirm(order)
        try:
            publish_order(context["ti"], hook, request, order)
        except Exception:
            self.log.warning("Order %s was placed, but publishing its links and usage failed", order.id, exc_info=True)
        steps.guard.wait_until_listed(order)
        return self._wait_for_order(order.id, context) if self.wait_for_completion else order.id

    def on_kill(self) -> None:
        """Log the order that continues after a kill: the API cannot cancel an order."""
        if self._order_id:
            self.log.warning(
                "Task killed. Order %s cannot be canceled; clear the task to re-attach to it", self._order_id
            )
        else:
            self.log.warning("Task killed. An order may have been submitted; clear the task to search for it")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the ordered acquisitions and the destination as OpenLineage datasets."""
        from airflow_provider_ard.lineage.openlineage import lineage_of_order

        return lineage_of_order(self.ard_conn_id, [self._order_id] if self._order_id else [])

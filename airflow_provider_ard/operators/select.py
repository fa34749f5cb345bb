"""`ArdSelectOperator` searches for imagery to order."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import (
    OMITTED,
    SELECT_ARGUMENTS,
    parse_bool,
    parse_seconds,
    pluralize,
    safe_repr,
)
from airflow_provider_ard.api.errors import ArdNotFoundError, ArdRequestError
from airflow_provider_ard.exceptions import airflow_exceptions, raises_airflow_exceptions
from airflow_provider_ard.hooks.secret_arguments import SecretArgumentsMixin, unmask
from airflow_provider_ard.operators.omitted_arguments import OmittedArgumentsMixin
from airflow_provider_ard.polling.events import check_event
from airflow_provider_ard.version_compat import AirflowSkipException, BaseOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from airflow_provider_ard.api.errors import ArdUnavailableError
    from airflow_provider_ard.api.selects.request import SelectRequest
    from airflow_provider_ard.api.selects.results import SelectStatus
    from airflow_provider_ard.hooks.ard import ArdHook
    from airflow_provider_ard.polling.select_wait import SelectWait
    from airflow_provider_ard.version_compat import Context

IF_EXISTS = ("reuse", "resubmit")
# A tile takes some twenty bytes of XCom.
MAX_TILES_IN_XCOM = 2000
# Maximum delay between a trigger's deadline and its event.
_TRIGGER_GRACE = timedelta(minutes=5)


class ArdSelectOperator(OmittedArgumentsMixin, SecretArgumentsMixin, BaseOperator):
    """Search for tiles to order and wait until the search has finished. A Select costs nothing.

        select = ArdSelectOperator(
            task_id="select",
            bbox=[-105.2, 40.1, -105.0, 40.25],
            datetime="{{ data_interval_start }}/{{ data_interval_end }}",
            query={"eo:cloud_cover": {"lte": 10}},
        )
        order = ArdOrderOperator(task_id="order", select_id=select.output, destination="s3://bucket/prefix")

    XCom: `return_value` is the Select's ID. Further keys: `acquisitions`, `[{"id", "cells"}, …]` as the argument
    `acquisitions` of an order takes it, omitted above 2,000 tiles (order by the ID, or call
    `ArdHook.get_select_results`); `usage`, area in km² and cost of ordering everything; `counts`,
    `{"acquisitions", "cells", "tiles"}`; `stack_depth_summary`, as the API returns it.

    Every argument of the search is a template field and takes the strings that templates render to. `ids`, `datetime`,
    `intersects`, `bbox`, `query` and `image_age_category` must not resolve to None or an empty value: omit them to set
    no limit. Invalid values raise `ArdRequestError` with the argument's name before any request is sent.

    On Airflow 3.3 or newer a try re-attaches to the Select of an earlier try, if the request is the same and it has not
    failed. Older versions store nothing between tries: each try submits a Select. The API has no list of Selects, so
    one whose response was lost is submitted again as well.

    :param ids: Acquisition IDs to search among, one or an iterable.
    :param datetime: When imagery was acquired: a date or time in ISO 8601, or two with a slash between, `..` for an
        open end; `date` and `datetime` objects, or a pair of them. UTC without an offset. Intervals of two times
        are half-open, so consecutive data intervals select each acquisition once; dates include both whole days, weeks
        (`2026-W23`), months and years all of their days.
        Raises `ArdRequestError` for an empty interval, as runs of Airflow 3's plain cron schedules have, and for an end
        that is None.
    :param intersects: AOI, in any form that `ArdOrderOperator` takes. This or `bbox` is required without `ids`.
    :param bbox: AOI as xmin, ymin, xmax, ymax in WGS84 degrees.
    :param query: Filter on tile properties, `{property: {operator: value}}`, for example
        `{"eo:cloud_cover": {"lte": 10}, "aoi:data_percentage": {"gte": 75}}`. Operators: `eq`, `neq`, `lt`, `lte`,
        `gt`, `gte`, `in` (a list), `startsWith`, `endsWith`, `contains`.
    :param stack_depth: The maximum number of tiles per cell, best first. Default: chosen by the API.
    :param image_age_category: `fresh` (up to 90 days old), `standard` (up to 3 years), `training`; one or an iterable.
    :param simplify_aoi: As in `ArdOrderOperator`.
    :param drop_small_polygons: As in `ArdOrderOperator`.
    :param skip_if_empty: Skip this task and its downstream tasks if the search finds nothing. Otherwise it
        succeeds, and the API rejects an order of the Select.
    :param if_exists: What a cleared task does with its Select of the same request: `reuse` it, so that orders of it are
        not placed again; or `resubmit`, and search again. Automatic retries always reuse it.
    :param deferrable: Wait in the triggerer (default); otherwise on the worker.
    :param poke_interval: Seconds (or a timedelta) between polls, at least 1.
    :param timeout: Seconds (or a timedelta) after which a try gives up; the next one waits for the same Select.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdSelectFailed: with the API's message; a retry submits another Select.
    """

    template_fields: Sequence[str] = (*SELECT_ARGUMENTS, "skip_if_empty", "if_exists", "ard_conn_id")
    template_fields_renderers = {"query": "json"}  # noqa: RUF012 -- Airflow reads it as a plain class attribute
    ui_color = "#dae8fc"

    def __init__(
        self,
        *,
        ids: Any = OMITTED,
        datetime: str | date | Sequence[str | date] = OMITTED,
        intersects: Any = OMITTED,
        bbox: Sequence[float] | Mapping[str, float] | str = OMITTED,
        query: Mapping[str, Mapping[str, Any]] | str = OMITTED,
        stack_depth: int | str | None = None,
        image_age_category: Sequence[str] | str = OMITTED,
        simplify_aoi: bool = False,
        drop_small_polygons: bool = False,
        skip_if_empty: bool = False,
        if_exists: str = "reuse",
        deferrable: bool = True,
        poke_interval: timedelta | float = 10,
        timeout: timedelta | float = 3600,
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ids = None if ids is OMITTED else ids
        self.datetime = None if datetime is OMITTED else datetime
        self.intersects = None if intersects is OMITTED else intersects
        self.bbox = None if bbox is OMITTED else bbox
        self.query = None if query is OMITTED else query
        self.stack_depth = stack_depth
        self.image_age_category = None if image_age_category is OMITTED else image_age_category
        self.simplify_aoi = simplify_aoi
        self.drop_small_polygons = drop_small_polygons
        self.skip_if_empty = skip_if_empty
        self.if_exists = if_exists
        self.deferrable = deferrable
        self.poke_interval = parse_seconds(poke_interval, "poke_interval")
        self.timeout = parse_seconds(timeout, "timeout")
        self.ard_conn_id = ard_conn_id
        self._record_omitted(
            ids=ids,
            datetime=datetime,
            intersects=intersects,
            bbox=bbox,
            query=query,
            image_age_category=image_age_category,
        )

    @raises_airflow_exceptions
    def execute(self, context: Context) -> str:
        """Submit the Select, or re-attach to the existing one, and wait until it has finished."""
        from airflow_provider_ard.hooks.ard import ArdHook
        from airflow_provider_ard.polling.select_wait import SelectWait

        hook = ArdHook(self.ard_conn_id)
        request = hook.select_request(**unmask(self._passed(SELECT_ARGUMENTS)))
        parse_bool(self.skip_if_empty, "skip_if_empty")
        for note in request.warnings:
            self.log.warning("%s", note)
        select_id = self._submit_once(hook, request, context)
        deadline = time.time() + self.timeout
        wait = SelectWait(select_id, self.poke_interval, deadline, self._log_outage)
        while True:
            self._poll(hook, wait)
            if wait.is_done:
                break
            delay = wait.delay()
            if self.deferrable:
                from airflow_provider_ard.triggers.select import ArdSelectTrigger

                self.defer(
                    trigger=ArdSelectTrigger(
                        select_id=select_id,
                        ard_conn_id=self.ard_conn_id,
                        poke_interval=self.poke_interval,
                        deadline=deadline,
                        not_before=time.time() + delay,
                    ),
                    method_name="execute_complete",
                    # The trigger checks its deadline itself; this is for the case that no triggerer runs.
                    timeout=timedelta(seconds=self.timeout) + _TRIGGER_GRACE,
                )
            time.sleep(delay)
        return self._push_results(hook, hook.get_select(select_id), context)

    @raises_airflow_exceptions
    def execute_complete(self, context: Context, event: Any) -> str:
        """Push the results and return the Select's ID, or raise the error that the trigger reported."""
        from airflow_provider_ard.hooks.ard import ArdHook

        select_id = check_event(event, select_id=str)["select_id"]
        hook = ArdHook(self.ard_conn_id)
        return self._push_results(hook, hook.get_select(select_id), context)

    def on_kill(self) -> None:
        """Log that the Select continues."""
        self.log.warning("Task killed. A Select cannot be canceled and costs nothing")

    def _submit_once(self, hook: ArdHook, request: SelectRequest, context: Context) -> str:
        from airflow_provider_ard.ordering.select_store import load_select_id, save_select_id
        from airflow_provider_ard.ordering.task_state import first_try_number, task_state_store

        if self.if_exists not in IF_EXISTS:
            raise ArdRequestError(
                f"expected one of {', '.join(IF_EXISTS)}, got {safe_repr(self.if_exists)}", argument="if_exists"
            )
        fingerprint = request.fingerprint()
        previous_id = load_select_id(context, fingerprint, any_attempt_series=self.if_exists == "reuse")
        if previous_id and self._is_usable(hook, previous_id):
            self.log.info("Re-attached to Select %s, submitted by an earlier try of this task", previous_id)
            return previous_id
        if task_state_store(context) is None and context["ti"].try_number > first_try_number(context):
            self.log.info("Airflow before 3.3 stores no Select ID; submitting a new Select")
        select_id = hook.submit_select(request).id
        self.log.info("Select %s submitted", select_id)
        try:
            save_select_id(context, fingerprint, select_id)
        except Exception:
            self.log.warning("Storing Select %s failed; a retry submits another one", select_id, exc_info=True)
        return select_id

    @staticmethod
    def _is_usable(hook: ArdHook, select_id: str) -> bool:
        from airflow_provider_ard.api.orders.status import State

        try:
            return hook.get_select(select_id).state is not State.FAILED
        except ArdNotFoundError:
            # The API deletes Selects after some time.
            return False

    def _poll(self, hook: ArdHook, wait: SelectWait) -> None:
        with wait.poll(), airflow_exceptions(self.ard_conn_id):
            wait.update(hook.get_conn().single_attempt().get_select(wait.select_id))

    def _log_outage(self, outage: ArdUnavailableError) -> None:
        self.log.warning("Polling failed, will retry: %s", outage)

    def _push_results(self, hook: ArdHook, select: SelectStatus, context: Context) -> str:
        """Push the results to XCom and return the Select's ID, or skip the task."""
        cells_by_acquisition, ti = hook.get_select_results(select), context["ti"]
        cells = list(chain.from_iterable(cells_by_acquisition.values()))
        counts = {"acquisitions": len(cells_by_acquisition), "cells": len(set(cells)), "tiles": len(cells)}
        ti.xcom_push(key="counts", value=counts)
        if select.stack_depth_summary is not None:
            ti.xcom_push(key="stack_depth_summary", value=select.stack_depth_summary)
        if select.usage:
            ti.xcom_push(key="usage", value=select.usage.model_dump(mode="json"))
        if counts["tiles"] <= MAX_TILES_IN_XCOM:
            acquisitions = [
                {"id": acquisition_id, "cells": cells} for acquisition_id, cells in cells_by_acquisition.items()
            ]
            ti.xcom_push(key="acquisitions", value=acquisitions)
        else:
            self.log.warning(
                "XCom key acquisitions omitted: %d tiles are too many; order by select_id, or call "
                "ArdHook.get_select_results",
                counts["tiles"],
            )
        usage = f"; {select.usage}" if select.usage else ""
        self.log.info(
            "Select %s found %s of %s in %s%s",
            select.id,
            pluralize(counts["tiles"], "tile"),
            pluralize(counts["acquisitions"], "acquisition"),
            pluralize(counts["cells"], "cell"),
            usage,
        )
        if not cells_by_acquisition and parse_bool(self.skip_if_empty, "skip_if_empty"):
            raise AirflowSkipException(f"Select {select.id} found nothing")
        return select.id

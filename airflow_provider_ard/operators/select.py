"""`ArdSelectOperator` searches for imagery, so that what it finds can be ordered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_ard.api.arguments import parse_bool, pluralize, safe_repr
from airflow_provider_ard.api.errors import ArdError, ArdNotFoundError, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.exceptions import airflow_exceptions, error_class, raises_airflow_exceptions
from airflow_provider_ard.triggers.select import ArdSelectTrigger, SelectWait

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_ard.api.selects.request import SelectRequest
    from airflow_provider_ard.api.selects.results import SelectStatus
    from airflow_provider_ard.hooks.ard import ArdHook

# The arguments that make up the Select itself, as `SelectRequest.of` takes them.
SELECT_ARGUMENTS = (
    "ids",
    "datetime",
    "intersects",
    "bbox",
    "query",
    "stack_depth",
    "image_age_category",
    "simplify_aoi",
)
IF_EXISTS = ("reuse", "resubmit")
# A tile is some twenty bytes of XCom.
MOST_TILES_IN_XCOM = 2000
# How long after its own deadline a trigger may take to say so.
_GRACE = timedelta(minutes=5)


class ArdSelectOperator(BaseOperator):
    """Search for tiles to order, wait until the search has ended, and hand its id on. A Select costs nothing.

    XCom: `return_value` is the id, for `ArdOrderOperator(select_id=select.output)`. Under keys of their own:
    `acquisitions`, `[{"id", "cells"}, …]` as the argument `acquisitions` of an order takes it, left out above 2,000
    tiles (order by the id, or ask `ArdHook.selected`); `usage`, the area in km² and the cost if all of it were ordered;
    `counts`, `{"acquisitions", "cells", "tiles"}`; `stack_depth_summary`, the API's own.

    Every argument is a template field and takes texts for what it takes, as templates leave them. An empty text, or the
    word None, counts as not given. What cannot be meant is refused before anything is sent, by an error that names the
    argument.

    On Airflow 3.3 or newer a try that takes over from another, dead or failed, waits for the Select that is there, if
    it was asked for the same and has not failed. Older ones remember nothing: each try submits one. The API has no list
    of Selects, so one whose answer was lost is submitted again as well.

    :param ids: Acquisition ids to search among, one or an iterable.
    :param datetime: When it was taken: a date or time in ISO 8601, or two with a slash between, `..` for an open end;
        `date` and `datetime` objects, or a pair of them. Two times are half-open, so that
        `{{ data_interval_start }}/{{ data_interval_end }}` selects each acquisition in one run only; dates take in
        their whole days, at both ends. UTC without an offset. Refused: an interval of no length, as runs of Airflow 3's
        plain cron schedules have; an end that is None.
    :param intersects: AOI, in any form that `ArdOrderOperator` takes. Wanted without `ids`, or `bbox` instead.
    :param bbox: AOI as xmin, ymin, xmax, ymax in WGS84 degrees.
    :param query: What is asked of each tile, `{property: {operator: value}}`, for example
        `{"eo:cloud_cover": {"lte": 10}, "aoi:data_percentage": {"gte": 75}}`. Operators: `eq`, `neq`, `lt`, `lte`,
        `gt`, `gte`, `in` (a list), `startsWith`, `endsWith`, `contains`.
    :param stack_depth: The most tiles of a cell, the best first. The API's default is a few: name it to get more.
    :param image_age_category: `fresh` (up to 90 days old), `standard` (up to 3 years), `training`; one or an iterable.
    :param simplify_aoi: As in `ArdOrderOperator`.
    :param skip_if_empty: Skip this task, and so what comes after it, if nothing was found. Otherwise the id is handed
        on, and the API refuses an order of it.
    :param if_exists: When a cleared task has a Select of the same request: `reuse` it, and what was ordered by it is
        not ordered again; or `resubmit`, and search anew. Retries always wait for the one that there is.
    :param deferrable: Wait in the triggerer (default); otherwise on the worker.
    :param poke_interval: Seconds (or a timedelta) between two looks, at least 1.
    :param timeout: Seconds (or a timedelta) after which a try gives up; the next one waits for the same Select.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdSelectFailed: with the API's own message; a retry submits another.
    """

    template_fields: Sequence[str] = (*SELECT_ARGUMENTS, "skip_if_empty", "if_exists", "ard_conn_id")
    template_fields_renderers = {"query": "json"}  # noqa: RUF012 -- Airflow reads it as a plain class attribute
    ui_color = "#dae8fc"

    def __init__(
        self,
        *,
        ids: Any = None,
        datetime: str | date | Sequence[str | date] | None = None,
        intersects: Any = None,
        bbox: Sequence[float] | Mapping[str, float] | str | None = None,
        query: Mapping[str, Mapping[str, Any]] | str | None = None,
        stack_depth: int | str | None = None,
        image_age_category: Sequence[str] | str | None = None,
        simplify_aoi: bool = False,
        skip_if_empty: bool = False,
        if_exists: str = "reuse",
        deferrable: bool = True,
        poke_interval: timedelta | float = 10,
        timeout: timedelta | float = 3600,
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ids = ids
        self.datetime = datetime
        self.intersects = intersects
        self.bbox = bbox
        self.query = query
        self.stack_depth = stack_depth
        self.image_age_category = image_age_category
        self.simplify_aoi = simplify_aoi
        self.skip_if_empty = skip_if_empty
        self.if_exists = if_exists
        self.deferrable = deferrable
        self.poke_interval = poke_interval
        self.timeout = timeout
        self.ard_conn_id = ard_conn_id

    @raises_airflow_exceptions
    def execute(self, context: Context) -> str:
        """Submit the Select, or take over the one that there is, and wait until it has ended."""
        from airflow_provider_ard.hooks.ard import ArdHook

        hook = ArdHook(self.ard_conn_id)
        request = hook.select_request(**{name: getattr(self, name) for name in SELECT_ARGUMENTS})
        with airflow_exceptions(self.ard_conn_id):
            parse_bool(self.skip_if_empty, "skip_if_empty")
            interval, timeout = _seconds(self.poke_interval, "poke_interval"), _seconds(self.timeout, "timeout")
        for note in request.notes:
            self.log.warning("%s", note)
        select_id = self._submit_once(hook, request, context)
        until = time.time() + timeout
        wait = SelectWait(select_id, interval, until)
        while (pause := self._look(hook, wait)) is not None:
            if self.deferrable:
                self.defer(
                    trigger=ArdSelectTrigger(
                        select_id=select_id,
                        ard_conn_id=self.ard_conn_id,
                        poke_interval=interval,
                        until=until,
                        not_before=time.time() + pause,
                    ),
                    method_name="execute_complete",
                    # The trigger keeps the time itself; this is for the case that no triggerer runs.
                    timeout=timedelta(seconds=timeout) + _GRACE,
                )
            time.sleep(pause)
        return self._hand_on(hook, hook.get_select(select_id), context)

    @raises_airflow_exceptions
    def execute_complete(self, context: Context, event: Any) -> str:
        """Hand on what was found, or raise the error that the trigger met. Anything but a known event is an error."""
        from airflow_provider_ard.hooks.ard import ArdHook

        outcome = event.get("outcome") if isinstance(event, Mapping) else None
        if outcome == "failed":
            raise error_class(event.get("error"))(str(event.get("message")))
        if outcome != "succeeded" or not isinstance(event.get("select_id"), str):
            raise ArdError(f"the trigger ended with an event that says nothing known: {event!r}")
        hook = ArdHook(self.ard_conn_id)
        return self._hand_on(hook, hook.get_select(event["select_id"]), context)

    def on_kill(self) -> None:
        """Say what a kill leaves behind."""
        self.log.warning("Killed. A Select cannot be cancelled, and costs nothing.")

    def _submit_once(self, hook: ArdHook, request: SelectRequest, context: Context) -> str:
        from airflow_provider_ard.ordering.select_store import load_select_id, save_select_id
        from airflow_provider_ard.ordering.task_state import first_try_number, task_state_store

        with airflow_exceptions(self.ard_conn_id):
            if self.if_exists not in IF_EXISTS:
                raise ArdRequestError(
                    f"wanted one of {', '.join(IF_EXISTS)}, got {safe_repr(self.if_exists)}", argument="if_exists"
                )
        fingerprint = request.fingerprint()
        known = load_select_id(context, fingerprint, any_attempt_series=self.if_exists == "reuse")
        if known and self._is_good(hook, known):
            self.log.info("Select %s was submitted by an earlier try of this task: taken over.", known)
            return known
        if task_state_store(context) is None and context["ti"].try_number > first_try_number(context):
            self.log.info("Airflow before 3.3 remembers no Select of an earlier try: this one submits another.")
        select_id = hook.submit_select(request).id
        self.log.info("Select %s submitted.", select_id)
        try:
            save_select_id(context, fingerprint, select_id)
        except Exception:
            self.log.warning("Select %s could not be written down; a retry submits another.", select_id, exc_info=True)
        return select_id

    @staticmethod
    def _is_good(hook: ArdHook, select_id: str) -> bool:
        from airflow_provider_ard.api.orders.status import State

        try:
            return hook.get_select(select_id).state is not State.FAILED
        except ArdNotFoundError:
            # The API does not keep them for ever.
            return False

    def _look(self, hook: ArdHook, wait: SelectWait) -> float | None:
        """Look once. Return the seconds until the next look, None if the Select has succeeded."""
        with airflow_exceptions(self.ard_conn_id):
            answer: SelectStatus | ArdError
            try:
                answer = hook.get_conn().single_attempt().get_select(wait.select_id)
            except ArdUnavailableError as outage:
                answer = outage
            pause = wait.pause_after(answer)
        if wait.news:
            self.log.warning("%s", wait.news)
        return pause

    def _hand_on(self, hook: ArdHook, select: SelectStatus, context: Context) -> str:
        """Push what was found to XCom and return the id, or skip."""
        found, ti = hook.selected(select), context["ti"]
        cells = [cell for cells in found.values() for cell in cells]
        counts = {"acquisitions": len(found), "cells": len(set(cells)), "tiles": len(cells)}
        ti.xcom_push(key="counts", value=counts)
        if select.stack_depth_summary is not None:
            ti.xcom_push(key="stack_depth_summary", value=select.stack_depth_summary)
        if select.usage:
            ti.xcom_push(key="usage", value=select.usage.model_dump(mode="json"))
        if counts["tiles"] <= MOST_TILES_IN_XCOM:
            acquisitions = [{"id": name, "cells": cells} for name, cells in found.items()]
            ti.xcom_push(key="acquisitions", value=acquisitions)
        else:
            self.log.warning(
                "%d tiles are too many for the XCom key acquisitions: order by select_id, or read them by "
                "ArdHook.selected.",
                counts["tiles"],
            )
        price = f", {select.usage}" if select.usage else ""
        self.log.info(
            "Select %s found %s of %s in %s%s.",
            select.id,
            pluralize(counts["tiles"], "tile"),
            pluralize(counts["acquisitions"], "acquisition"),
            pluralize(counts["cells"], "cell"),
            price,
        )
        if not found and parse_bool(self.skip_if_empty, "skip_if_empty"):
            raise AirflowSkipException(f"Select {select.id} found nothing.")
        return select.id


def _seconds(value: timedelta | float | str, argument: str) -> float:
    try:
        seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if isinstance(value, bool) or not 0 < seconds < float("inf"):
        raise ArdRequestError(f"wanted seconds above 0, got {safe_repr(value)}", argument=argument)
    return seconds

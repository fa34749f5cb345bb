"""`ArdNewImageryTrigger`, for an `AssetWatcher`, fires an asset event for each new acquisition over an AOI."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow.triggers.base
from airflow.triggers.base import TriggerEvent

from airflow_provider_ard.api.arguments import OMITTED, parse_bool, parse_seconds, reject_blank, safe_repr
from airflow_provider_ard.api.errors import ArdError, ArdRequestError
from airflow_provider_ard.api.http.redaction import contains_secret
from airflow_provider_ard.hooks.connection_ids import check_conn_id
from airflow_provider_ard.version_compat import BaseEventTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from airflow_provider_ard.api.errors import ArdUnavailableError
    from airflow_provider_ard.api.selects.request import SelectRequest
    from airflow_provider_ard.api.selects.results import AcquisitionMatch
    from airflow_provider_ard.polling.client_cache import SharedClient
    from airflow_provider_ard.polling.imagery_state import ImageryState

# Upper bound of the time until an event is stored in Airflow's database: the triggerer stores events once a second.
EVENT_STORE_DELAY_S = 5.0
# By default the API returns the best few tiles of each cell; new tiles that are worse would never be found.
STACK_DEPTH = 100
# All imagery is more recent.
LONGEST_LOOKBACK = timedelta(days=100 * 366)
# Stands for one that is in a file.
_ANY_AOI = "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))"


class ArdNewImageryTrigger(BaseEventTrigger):
    """Fire an asset event for each acquisition that is published over an AOI. Airflow 3.0 or newer.

        trigger = ArdNewImageryTrigger(bbox=[-105.2, 40.1, -105.0, 40.25], query={"eo:cloud_cover": {"lte": 10}})
        imagery = Asset("new-imagery", watchers=[AssetWatcher(name="boulder", trigger=trigger)])

        @dag(schedule=[imagery])
        def order_new_imagery(): ...

    The payload of an event is `{"acquisition_id", "date", "datetime", "cells", "repeated"}`, with the cells in which
    the acquisition was published when it was first found. `new_acquisitions` converts a run's events to the argument of
    an order.

    Imagery that exists when the watcher starts is not new. From Airflow 3.3 on, fired acquisitions are stored with the
    asset: each acquisition fires once, across restarts and crashes, even one that is published late with an older date
    within `lookback`. If a triggerer dies within seconds of firing, it is unknown whether the event was stored: it
    fires again with `repeated` true, and `new_acquisitions` drops it if it was stored. Before 3.3 nothing is stored:
    imagery published while no triggerer runs does not fire, unless `fire_existing` is true.

    Invalid arguments raise `ArdRequestError` in the DAG file, except for what is in a file that `intersects` names.
    Outages, a refused login and an invalid file do not end the watcher: they are logged by the triggerer, and it
    polls again after `poke_interval`.

    :param intersects: AOI, in any form that `ArdOrderOperator` takes; a file's path is one on the triggerer or in
        object storage.
    :param bbox: AOI as xmin, ymin, xmax, ymax in WGS84 degrees.
    :param query: Filter on tile properties, as in `ArdSelectOperator`.
    :param lookback: The maximum age of new imagery by its date: seconds or a timedelta, 30 days by default.
    :param poke_interval: Seconds (or a timedelta) between polls, 15 minutes by default.
    :param fire_existing: Fire for imagery that exists when the watcher starts, too. Before Airflow 3.3: at each start,
        with `repeated` true, for all imagery within `lookback`; `new_acquisitions` drops duplicates.
    :param ard_conn_id: The Connection of type `ard`.
    """

    def __init__(
        self,
        *,
        intersects: Any = OMITTED,
        bbox: Sequence[float] = OMITTED,
        query: Mapping[str, Any] = OMITTED,
        lookback: timedelta | float = timedelta(days=30),
        poke_interval: timedelta | float = 900.0,
        fire_existing: bool = False,
        ard_conn_id: str = "ard_default",
    ) -> None:
        if not hasattr(airflow.triggers.base, "BaseEventTrigger"):
            raise ArdRequestError("ArdNewImageryTrigger needs Airflow 3.0 or newer, which has AssetWatcher")
        super().__init__()  # type: ignore[no-untyped-call] # of Airflow
        self.intersects = _to_json(_plain_aoi(reject_blank(intersects, "intersects")), "intersects")
        self.bbox = _to_json(reject_blank(bbox, "bbox"), "bbox")
        self.query = _to_json(reject_blank(query, "query"), "query")
        self.lookback = parse_seconds(lookback, "lookback", longest=LONGEST_LOOKBACK)
        self.poke_interval = parse_seconds(poke_interval, "poke_interval")
        self.fire_existing = parse_bool(fire_existing, "fire_existing")
        self.ard_conn_id = check_conn_id(ard_conn_id, "ard_conn_id")
        self._check()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger as plain JSON without secrets."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                **self._search(),
                "lookback": self.lookback,
                "poke_interval": self.poke_interval,
                "fire_existing": self.fire_existing,
                "ard_conn_id": self.ard_conn_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each new acquisition; never ends."""
        from airflow_provider_ard.polling.client_cache import shared_client
        from airflow_provider_ard.polling.outage import OutageTracker
        from airflow_provider_ard.polling.schedule import MIN_INTERVAL_S

        state = self._imagery_state()
        outages = OutageTracker(self._log_outage)
        async with shared_client(self.ard_conn_id) as client:
            while True:
                new: list[tuple[AcquisitionMatch, bool]] = []
                try:
                    with outages.tolerate():
                        await state.load()
                        matches = await self._poll(client)
                        new = await state.claim(matches, fire_existing=self.fire_existing, oldest=self._oldest())
                except ArdError as error:
                    self.log.error("Polling failed, will retry: %s", error)  # noqa: TRY400 -- the message is complete
                except Exception:
                    # Airflow would restart a trigger that raises at once, again and again.
                    self.log.exception("Polling failed, will retry")
                for match, repeated in new:
                    self.log.info("New acquisition %s of %s", match.id, match.acquired_at)
                    yield TriggerEvent(_payload(match, repeated=repeated))
                if new:
                    await asyncio.sleep(EVENT_STORE_DELAY_S)
                    await self._confirm(state)
                await asyncio.sleep(outages.delay(max(MIN_INTERVAL_S, self.poke_interval)))

    def _imagery_state(self) -> ImageryState:
        from airflow_provider_ard.polling.imagery_state import ImageryState

        store = getattr(self, "asset_state_store", None)
        if store is None:
            effect = "fires again for all existing imagery" if self.fire_existing else "misses imagery published before"
            self.log.info("Airflow before 3.3 stores no state; after a restart the watcher %s", effect)
        return ImageryState(self._state_key(), store)

    async def _poll(self, client: SharedClient) -> list[AcquisitionMatch]:
        request = await asyncio.to_thread(self._request)
        return await client.call(lambda api: api.find_acquisitions(request))

    async def _confirm(self, state: ImageryState) -> None:
        try:
            await state.confirm()
        except Exception as error:  # noqa: BLE001 -- stored with the next change
            self.log.warning("Storing the fired acquisitions failed, will retry: %s", error)

    def _log_outage(self, outage: ArdUnavailableError) -> None:
        self.log.warning("Polling failed, will retry: %s", outage)

    def _request(self) -> SelectRequest:
        from airflow_provider_ard.api.selects.request import SelectRequest
        from airflow_provider_ard.hooks.ard import read_file

        return SelectRequest.of(
            **self._search(), stack_depth=STACK_DEPTH, datetime=f"{self._oldest()}/..", read_file=read_file
        )

    def _search(self) -> dict[str, Any]:
        """Return the arguments of the search that were not omitted."""
        search = {"intersects": self.intersects, "bbox": self.bbox, "query": self.query}
        return {name: value for name, value in search.items() if value is not None}

    def _check(self) -> None:
        """Raise `ArdRequestError` for an impossible search: in a DAG file this is an import error of the DAG."""
        from airflow_provider_ard.api.geo.geometry import is_path
        from airflow_provider_ard.api.selects.request import SelectRequest

        search = self._search()
        if is_path(self.intersects):
            # The triggerer reads the file, which may not exist where the DAG file is parsed.
            search["intersects"] = _ANY_AOI
        interval = f"{self._oldest()}/.."
        for note in SelectRequest.of(**search, stack_depth=STACK_DEPTH, datetime=interval).warnings:
            self.log.warning("%s", note)

    def _oldest(self) -> date:
        return (datetime.now(UTC) - timedelta(seconds=self.lookback)).date()

    def _state_key(self) -> str:
        """Return the key of the stored state: a watcher with another search starts from scratch."""
        search = json.dumps([self.intersects, self.bbox, self.query, self.lookback], sort_keys=True)
        return f"ard_new_imagery_{hashlib.sha256(search.encode()).hexdigest()[:32]}"


def new_acquisitions(triggering_asset_events: Mapping[Any, Iterable[Any]], inlet_events: Any = None) -> list[Any]:
    """Return the acquisitions that triggered a run as `[{"id", "cells"}, …]`, the argument `acquisitions` of an order.

        @task(inlets=[imagery])
        def acquisitions(triggering_asset_events=None, inlet_events=None):
            return new_acquisitions(triggering_asset_events, inlet_events)

        ArdOrderOperator.partial(task_id="order", destination="s3://bucket/prefix").expand(acquisitions=acquisitions())

    Several events may share a run. With `inlet_events`, and the asset among the task's inlets, an event that was fired
    again after a crash is dropped if it had been stored the first time; without, it is returned.

    :param triggering_asset_events: As in the task's context.
    :param inlet_events: As in the task's context.
    :raises airflow_provider_ard.exceptions.ArdRequestError: if the asset is not among the inlets.
    """
    acquisitions: dict[str, dict[str, Any]] = {}
    for asset, events in triggering_asset_events.items():
        for event in events:
            payload = (event.extra or {}).get("payload")
            if not isinstance(payload, Mapping) or "acquisition_id" not in payload:
                # The asset may have other sources as well.
                continue
            if payload.get("repeated") and inlet_events is not None and _is_stored(event, asset, inlet_events):
                continue
            acquisition_id = payload["acquisition_id"]
            acquisitions.setdefault(acquisition_id, {"id": acquisition_id, "cells": list(payload["cells"])})
    return list(acquisitions.values())


def _is_stored(event: Any, asset: Any, inlet_events: Any) -> bool:
    """Return whether an earlier event reported the same acquisition."""
    try:
        events = inlet_events[asset]
    except KeyError:
        raise ArdRequestError(f"the task must have {asset!r} among its inlets", argument="inlet_events") from None
    acquisition_id = event.extra["payload"]["acquisition_id"]
    return any(
        earlier.timestamp < event.timestamp
        and ((earlier.extra or {}).get("payload") or {}).get("acquisition_id") == acquisition_id
        for earlier in events
    )


def _payload(match: AcquisitionMatch, *, repeated: bool) -> dict[str, Any]:
    return {
        "acquisition_id": match.id,
        "date": match.acquired_at[:10],
        "datetime": match.acquired_at,
        "cells": list(match.cells),
        "repeated": repeated,
    }


def _plain_aoi(value: Any) -> Any:
    """Return an AOI as plain data: strings and GeoJSON unchanged, paths as strings, anything else as WKT in WGS84."""
    if value is None or isinstance(value, str | dict):
        return value
    if isinstance(value, Path) or callable(getattr(value, "read_bytes", None)):
        return str(value)
    from airflow_provider_ard.api.geo.aoi import parse_aoi

    return parse_aoi(value).wkt


def _to_json(value: Any, argument: str) -> Any:
    """Return a value after a round trip through JSON: Airflow identifies watchers by their arguments as JSON."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ArdRequestError(
            f"expected a JSON value, as Airflow stores it in its database, got {safe_repr(value)}", argument=argument
        ) from None
    if contains_secret(text):
        raise ArdRequestError(
            "contains a credential, which Airflow would store in its database; pass the path of a file that the "
            "triggerer can read without it",
            argument=argument,
        )
    return json.loads(text)

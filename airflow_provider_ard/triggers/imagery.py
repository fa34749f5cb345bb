"""`ArdNewImageryTrigger` fires an asset for each new acquisition over an area: the trigger of an `AssetWatcher`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import airflow.triggers.base
from airflow.triggers.base import TriggerEvent

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError
from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.version_compat import BaseEventTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.selects.request import SelectRequest
    from airflow_provider_ard.api.selects.results import AcquisitionMatch
    from airflow_provider_ard.polling.clients import SharedClient
    from airflow_provider_ard.triggers.imagery_state import Seen

SHORTEST_INTERVAL_S = 1.0
# How long an event takes at most from here into Airflow's database: it is handed on once a second.
SETTLE_S = 5.0
# Of each cell the API finds the best few: what is new may be worse than these, and would never be seen.
STACK_DEPTH = 100


class ArdNewImageryTrigger(BaseEventTrigger):
    """Watch an area, and fire once for each acquisition that is published over it.

    `Asset("new-imagery", watchers=[AssetWatcher(name="area", trigger=ArdNewImageryTrigger(bbox=…, query=…))])`, and a
    DAG with this asset as its schedule. Airflow 3.0 or newer.

    Each event's payload is `{"acquisition_id", "date", "datetime", "cells", "repeated"}`: the cells in which the
    acquisition was published when it was first seen. `new_acquisitions` makes of a run's events what an order takes.

    What there is when the watch begins is not new. From Airflow 3.3 on, what has been seen is kept with the asset: each
    acquisition fires once, whatever is restarted or killed in between, also one that is published late with an older
    date, as long as that lies within `lookback`. If a triggerer dies within seconds of firing, nobody knows whether the
    event has arrived: it is fired again with `repeated` true, and `new_acquisitions` drops it if it had. Before 3.3
    nothing is kept, and what is published while no triggerer runs is not seen, unless `fire_existing` is true.

    An outage, a refused login or a wrong argument does not end the watch: the triggerer's log tells, and the next look
    is made after `poke_interval`.

    :param intersects: AOI: WKT, GeoJSON (text or dictionary), anything with `__geo_interface__`, or a file's path.
    :param bbox: AOI as xmin, ymin, xmax, ymax in WGS84 degrees.
    :param query: What is asked of each tile, as in `ArdSelectOperator`.
    :param lookback: How old imagery may be, by its date, to count as new: seconds or a timedelta, 30 days by default.
    :param poke_interval: Seconds (or a timedelta) between two looks, 15 minutes by default.
    :param fire_existing: Fire for what there is when the watch begins, too. Before 3.3: whenever it begins anew, with
        `repeated` true, for all that lies within `lookback`; `new_acquisitions` drops what had arrived.
    :param ard_conn_id: The Connection of type `ard`.
    """

    def __init__(
        self,
        *,
        intersects: Any = None,
        bbox: Sequence[float] | None = None,
        query: Mapping[str, Any] | None = None,
        lookback: timedelta | float = timedelta(days=30),
        poke_interval: timedelta | float = 900.0,
        fire_existing: bool = False,
        ard_conn_id: str = "ard_default",
    ) -> None:
        if not hasattr(airflow.triggers.base, "BaseEventTrigger"):
            raise ArdRequestError("ArdNewImageryTrigger needs Airflow 3.0 or newer, which has AssetWatcher")
        super().__init__()  # type: ignore[no-untyped-call] # of Airflow
        self.intersects = _plain(getattr(intersects, "__geo_interface__", intersects), "intersects")
        self.bbox = _plain(bbox, "bbox")
        self.query = _plain(query, "query")
        self.lookback = _seconds(lookback, "lookback")
        self.poke_interval = _seconds(poke_interval, "poke_interval")
        self.fire_existing = fire_existing
        self.ard_conn_id = ard_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger as plain JSON; nothing of it is secret."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "intersects": self.intersects,
                "bbox": self.bbox,
                "query": self.query,
                "lookback": self.lookback,
                "poke_interval": self.poke_interval,
                "fire_existing": self.fire_existing,
                "ard_conn_id": self.ard_conn_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each new acquisition, for ever."""
        from airflow_provider_ard.polling.clients import shared_client

        seen = self._seen()
        outage: str | None = None
        async with shared_client(self.ard_conn_id) as client:
            while True:
                pause = max(SHORTEST_INTERVAL_S, self.poke_interval)
                try:
                    await seen.load()
                    found = await self._look(client)
                    fresh = await seen.claim(found, fire=self.fire_existing, oldest=self._oldest())
                except ArdUnavailableError as error:
                    fresh = []
                    # Once an outage, not once a look of it.
                    if outage is None:
                        self.log.warning("%s. The watch goes on.", error)
                    outage, pause = str(error), max(pause, error.retry_after or 0.0)
                except ArdError as error:
                    fresh = []
                    self.log.error("The watch goes on, but cannot look: %s", error)  # noqa: TRY400 -- it says it all
                except Exception:
                    # Airflow would start the trigger anew at once, again and again.
                    fresh = []
                    self.log.exception("The watch goes on, but this look has failed.")
                else:
                    outage = None
                for sighting, repeated in fresh:
                    self.log.info("New imagery: %s of %s.", sighting.id, sighting.taken)
                    yield TriggerEvent(_payload(sighting, repeated=repeated))
                if fresh:
                    await asyncio.sleep(SETTLE_S)
                    try:
                        await seen.settle()
                    except Exception as error:  # noqa: BLE001 -- written down with what comes next
                        self.log.warning("What has fired could not be written down: %s", error)
                await asyncio.sleep(pause)

    def _seen(self) -> Seen:
        from airflow_provider_ard.triggers.imagery_state import Seen

        store = getattr(self, "asset_state_store", None)
        if store is None:
            then = "all there is is fired anew" if self.fire_existing else "what came meanwhile is not seen"
            self.log.info("Before Airflow 3.3 nothing is kept of what was seen: when a triggerer starts, %s.", then)
        return Seen(self._state_key(), store)

    async def _look(self, client: SharedClient) -> list[AcquisitionMatch]:
        request = await asyncio.to_thread(self._request)
        answer = await client.ask(lambda api: _find(api, request))
        if isinstance(answer, ArdError):
            raise answer
        return answer

    def _request(self) -> SelectRequest:
        from airflow_provider_ard.api.selects.request import SelectRequest
        from airflow_provider_ard.hooks.ard import read_file

        return SelectRequest.of(
            intersects=self.intersects,
            bbox=self.bbox,
            query=self.query,
            stack_depth=STACK_DEPTH,
            datetime=f"{self._oldest()}/..",
            read_file=read_file,
        )

    def _oldest(self) -> date:
        return (datetime.now(UTC) - timedelta(seconds=self.lookback)).date()

    def _state_key(self) -> str:
        """Return the name of what this watch has seen: a watch for something else begins anew."""
        watched = json.dumps([self.intersects, self.bbox, self.query, self.lookback], sort_keys=True)
        return f"ard_new_imagery_{hashlib.sha256(watched.encode()).hexdigest()[:32]}"


def new_acquisitions(triggering_asset_events: Mapping[Any, Iterable[Any]], inlet_events: Any = None) -> list[Any]:
    """Return the acquisitions that have triggered a run, `[{"id", "cells"}, …]`, each as an order takes it.

    Several events may have come together in one run, so that an order for each is `.expand(acquisitions=…)`. With a
    task's `inlet_events`, and the asset among its `inlets`, an event that was fired again after a crash is dropped if
    it had arrived the first time; without, it is returned. Raises `ArdRequestError` if that asset is no inlet.
    """
    found: dict[str, dict[str, Any]] = {}
    for asset, events in triggering_asset_events.items():
        for event in events:
            payload = (event.extra or {}).get("payload")
            if not isinstance(payload, Mapping) or "acquisition_id" not in payload:
                # The asset may have other sources as well.
                continue
            name = payload["acquisition_id"]
            if payload.get("repeated") and inlet_events is not None and _arrived_before(event, asset, inlet_events):
                continue
            found.setdefault(name, {"id": name, "cells": list(payload["cells"])})
    return list(found.values())


def _arrived_before(event: Any, asset: Any, inlet_events: Any) -> bool:
    try:
        events = inlet_events[asset]
    except KeyError:
        raise ArdRequestError(f"the task must have {asset!r} among its inlets", argument="inlet_events") from None
    wanted = event.extra["payload"]["acquisition_id"]
    return any(
        earlier.timestamp < event.timestamp
        and ((earlier.extra or {}).get("payload") or {}).get("acquisition_id") == wanted
        for earlier in events
    )


def _find(api: ArdClient, request: SelectRequest) -> list[AcquisitionMatch]:
    return api.find_acquisitions(request)


def _payload(sighting: AcquisitionMatch, *, repeated: bool) -> dict[str, Any]:
    return {
        "acquisition_id": sighting.id,
        "date": sighting.taken[:10],
        "datetime": sighting.taken,
        "cells": list(sighting.cells),
        "repeated": repeated,
    }


def _plain(value: Any, argument: str) -> Any:
    """Return a value as JSON keeps it: Airflow tells watchers apart by what it has stored of their arguments."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        raise ArdRequestError(
            f"wanted what JSON can hold, as it goes through Airflow's database, got a {type(value).__name__}",
            argument=argument,
        ) from None


def _seconds(value: timedelta | float, argument: str) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise ArdRequestError(f"wanted seconds above 0 or a timedelta, got {value!r}", argument=argument)
    return float(seconds)

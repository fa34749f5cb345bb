"""Monitors: saved searches that send notifications when matching imagery is published."""

import threading
import warnings
from dataclasses import asdict, dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from maxar_ard_grid import covers
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.backend import search
from airflow_provider_ard.sandbox.backend.accounts import User
from airflow_provider_ard.sandbox.backend.billing import Billing
from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.backend.notifications import NotificationLog
from airflow_provider_ard.sandbox.validation.errors import bad_request, not_found
from airflow_provider_ard.sandbox.validation.orders import check_notifications

MAX_DEGREES = 5.0
FIELDS = frozenset({"name", "description", "intersects", "bbox", "query", "actions"})
_KIND = "monitor"
# Warning filters are global to the process: only one thread at a time may change them.
_warnings_lock = threading.Lock()


@dataclass(eq=False)
class Monitor:
    """A saved search; `request` is its request body, `matches` are the reported matches, oldest first."""

    monitor_id: str
    user_id: str
    request: dict[str, Any]
    cell_ids: list[str]
    created: str
    active: bool = True
    matches: list[dict[str, Any]] = field(default_factory=list)

    def describe(self, account_id: str) -> dict[str, Any]:
        """Return the monitor in the form of the API."""
        return {
            "monitor_id": self.monitor_id,
            "account_id": account_id,
            "user_id": self.user_id,
            "active": self.active,
            "created": self.created,
            "cell_ids": self.cell_ids,
            "query": {},
            "actions": [],
            **self.request,
        }


class MonitorService:
    """Creates, lists and evaluates monitors."""

    def __init__(
        self, billing: Billing, notification_log: NotificationLog, clock: Clock, random: Random, store: DocumentStore
    ) -> None:
        self._billing = billing
        self._notification_log = notification_log
        self._clock = clock
        self._random = random
        self._store = store
        self._lock = threading.Lock()
        self._monitors = {document["monitor_id"]: Monitor(**document) for document in store.all(_KIND)}

    def create(self, request: dict[str, Any], user: User) -> Monitor:
        """Create a monitor; raises a 400 for an invalid request."""
        unknown = sorted(set(request) - FIELDS)
        if unknown:
            raise bad_request(f"Unknown parameters: {', '.join(unknown)}")
        for name in ("name", "description"):
            if not isinstance(request.get(name, ""), str):
                raise bad_request(f"{name} must be a string")
        _check_actions(request.get("actions", []))
        aoi = search.parse_search({name: request.get(name) for name in ("intersects", "bbox", "query")}).aoi
        if aoi is None or max(aoi.bounds[2] - aoi.bounds[0], aoi.bounds[3] - aoi.bounds[1]) > MAX_DEGREES:
            raise bad_request(
                f"Problem with intersects/bbox: a monitor requires an area of at most {MAX_DEGREES:g} degrees"
            )
        cells = _cells(aoi)
        with self._lock:
            monitor_id = str(self._random.randrange(10**18, 9 * 10**18))
            monitor = Monitor(monitor_id, user.user_id, request, cells, self._clock.now().isoformat())
            self._save(monitor)
        return monitor

    def get(self, monitor_id: str) -> Monitor:
        """Return a monitor, active or not; raises a 404."""
        with self._lock:
            if monitor_id not in self._monitors:
                raise not_found(f"Unknown monitor {monitor_id}")
            return self._monitors[monitor_id]

    def all(self, *, active_only: bool = True) -> list[Monitor]:
        """Return the monitors, newest first."""
        with self._lock:
            monitors = list(self._monitors.values())
        return [monitor for monitor in reversed(monitors) if monitor.active or not active_only]

    def delete(self, monitor_id: str) -> None:
        """Deactivate a monitor, which can still be read; raises a 404."""
        monitor = self.get(monitor_id)
        with self._lock:
            monitor.active = False
            self._save(monitor)

    def notify(self, tiles: list[Tile]) -> None:
        """Match new tiles against every active monitor, and record and notify matches."""
        for monitor in self.all():
            query = search.parse_search({name: monitor.request.get(name) for name in ("intersects", "bbox", "query")})
            matches = query.filter_tiles(tiles, self._billing.age_class)
            if matches:
                self._record(monitor, [match.properties() for match in matches], self._clock.now())

    def _record(self, monitor: Monitor, matches: list[dict[str, Any]], now: datetime) -> None:
        with self._lock:
            entry = {"monitor_id": monitor.monitor_id, "matched": now.isoformat(), "matches": matches}
            monitor.matches.append(entry)
            self._save(monitor)
        for action in monitor.request.get("actions", []):
            self._notification_log.record(
                action.get("notifications", []), "monitor", monitor.monitor_id, "MATCHED", now
            )

    def _save(self, monitor: Monitor) -> None:
        self._monitors[monitor.monitor_id] = monitor
        self._store.put(_KIND, monitor.monitor_id, asdict(monitor))


def _cells(aoi: BaseGeometry) -> list[str]:
    with _warnings_lock, warnings.catch_warnings():
        # The grid library uses a projection call that shapely 2.1 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        return [str(cell.id) for cell in covers(aoi)]


def _check_actions(actions: Any) -> None:
    if not isinstance(actions, list):
        raise bad_request("actions must be a list")
    for action in actions:
        if not isinstance(action, dict) or action.get("action") != "notify":
            raise bad_request('An action is {"action": "notify", "notifications": […]}')
        check_notifications(action.get("notifications"))

"""Selects: asynchronous searches whose results can be ordered."""

import hashlib
import hmac
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend import search
from airflow_provider_ard.sandbox.backend.billing import Billing
from airflow_provider_ard.sandbox.backend.catalog import Catalog, Tile
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.backend.matches import by_quality
from airflow_provider_ard.sandbox.backend.orders import FAILED, RUNNING, SUCCEEDED, PlannedOutcome
from airflow_provider_ard.sandbox.backend.search_results import MatchesByCell
from airflow_provider_ard.sandbox.validation.errors import bad_request, forbidden, not_found

DEFAULT_DEPTH = 5
FILES = ("geojson", "geojsonl", "html", "order", "stac")
LINK_LIFETIME = timedelta(hours=1)
_KIND = "select"


@dataclass(eq=False)
class Select:
    """One search and its matches; times are of the sandbox's clock."""

    id: str
    user_id: str
    request: dict[str, Any]
    created: datetime
    matches_by_cell: MatchesByCell
    usage: dict[str, Any]
    planned_outcome: PlannedOutcome | None = None

    @property
    def tiles(self) -> list[Tile]:
        """Every matching tile, by cell, best first."""
        return [match.tile for _, stack in sorted(self.matches_by_cell.items()) for match in stack]


class SelectService:
    """Runs Selects; each takes `duration` seconds."""

    def __init__(
        self,
        *,
        duration: float,
        catalog: Catalog,
        billing: Billing,
        clock: Clock,
        random: Random,
        store: DocumentStore,
    ) -> None:
        self._duration = duration
        self._catalog = catalog
        self._billing = billing
        self._clock = clock
        self._random = random
        self._store = store
        self._lock = threading.Lock()
        self._selects: dict[str, Select] = {}
        # Derived from the seed, so signed links stay valid across a restart.
        self._key = f"{random.getrandbits(256):064x}".encode()
        for saved in store.all(_KIND):
            planned_outcome = PlannedOutcome(**saved["planned_outcome"]) if saved["planned_outcome"] else None
            self._selects[saved["id"]] = self._search(
                saved["id"],
                saved["user_id"],
                saved["request"],
                datetime.fromisoformat(saved["created"]),
                planned_outcome,
            )

    def submit(self, request: dict[str, Any], user_id: str, planned_outcome: PlannedOutcome | None = None) -> Select:
        """Start a Select; raises a 400 for an invalid request."""
        with self._lock:
            select_id = self._new_id()
        select = self._search(select_id, user_id, request, self._clock.now(), planned_outcome)
        with self._lock:
            self._selects[select_id] = select
        self._store.put(
            _KIND,
            select_id,
            {
                "id": select_id,
                "user_id": user_id,
                "request": request,
                "created": select.created.isoformat(),
                "planned_outcome": planned_outcome and asdict(planned_outcome),
            },
        )
        return select

    def get(self, select_id: str) -> Select:
        """Return a Select; raises a 404."""
        with self._lock:
            if select_id not in self._selects:
                raise not_found(f"Unknown Select {select_id}")
            return self._selects[select_id]

    def status(self, select: Select) -> str:
        """Return `RUNNING`, `SUCCEEDED`, or the status of its planned outcome."""
        if self._clock.now() < select.created + timedelta(seconds=self._duration):
            return RUNNING
        return SUCCEEDED if select.planned_outcome is None else select.planned_outcome.status or RUNNING

    def describe(self, select: Select, url: Callable[[str], str], assumptions: Assumptions) -> dict[str, Any]:
        """Return the body of `GET /select/request/{id}`; `url` returns the URL of an API path."""
        status = self.status(select)
        body: dict[str, Any] = {"id": select.id, "status": assumptions.status(status)}
        body["request_details"] = select.request
        body["links"] = {"self": url(f"/select/request/{select.id}")}
        if status == SUCCEEDED:
            finished = select.created + timedelta(seconds=self._duration)
            if assumptions.stack_depth_summary == "by_depth":
                body["stack_depth_summary"] = _stack_depth_summary(select)
            body["unique_acquisitions"] = len({tile.acquisition_id for tile in select.tiles})
            body["usage"] = {**select.usage, "usage_as_of": finished.isoformat()}
            body["links"] |= {name: url(f"/select/files/{select.id}.{name}") for name in FILES}
        elif status == FAILED:
            message = (select.planned_outcome and select.planned_outcome.message) or "The search failed"
            body["error_message"] = {"Error": "SelectError", "Cause": message}
        return body

    def tiles_to_order(self, select_id: str) -> list[Tile]:
        """Return the tiles of a Select that has succeeded; raises a 400 for any other Select."""
        with self._lock:
            select = self._selects.get(select_id)
        if select is None:
            raise bad_request(f"Unknown select_id: {select_id}")
        if self.status(select) != SUCCEEDED:
            raise bad_request(f"Select {select_id} has not succeeded: {self.status(select)}")
        return select.tiles

    def sign(self, name: str) -> str:
        """Return the query string of a signed link to a result file, valid without login for `LINK_LIFETIME`."""
        expires = int((self._clock.now() + LINK_LIFETIME).timestamp())
        return f"expires={expires}&signature={self._signature(name, expires)}"

    def check_signature(self, name: str, expires: str, signature: str) -> None:
        """Raise a 403 for a link with an invalid signature or one that has expired."""
        if not expires.isdecimal() or len(expires) > 15:
            raise forbidden("The link is not signed")
        valid = hmac.compare_digest(signature.encode(errors="replace"), self._signature(name, int(expires)).encode())
        if not valid or int(expires) < self._clock.time():
            raise forbidden("The link's signature is invalid or has expired")

    def _search(
        self,
        select_id: str,
        user_id: str,
        request: dict[str, Any],
        created: datetime,
        planned_outcome: PlannedOutcome | None,
    ) -> Select:
        query = search.parse_search(request, default_depth=DEFAULT_DEPTH)
        matches_by_cell = search.search_catalog(query, self._catalog, self._billing.age_class, by_quality)
        tiles = [match.tile for stack in matches_by_cell.values() for match in stack]
        return Select(
            select_id, user_id, request, created, matches_by_cell, self._billing.estimate(tiles), planned_outcome
        )

    def _new_id(self) -> str:
        while True:
            select_id = str(self._random.randrange(10**18, 9 * 10**18))
            if select_id not in self._selects:
                return select_id

    def _signature(self, name: str, expires: int) -> str:
        return hmac.digest(self._key, f"{name} {expires}".encode(), hashlib.sha256).hex()


def _stack_depth_summary(select: Select) -> dict[str, int]:
    """Return the number of cells for each number of tiles in a cell."""
    depths = Counter(len(stack) for stack in select.matches_by_cell.values())
    return {str(depth): count for depth, count in sorted(depths.items())}

"""`ImageryState`: the acquisitions an imagery trigger has fired, stored with the asset by Airflow 3.3 or newer."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_ard.api.selects.results import AcquisitionMatch

# Acquisitions are stored for this much longer than they can be found; this allows for clocks that are set back.
MARGIN = timedelta(days=7)


class ImageryState:
    """The acquisitions that have been fired, and those claimed for firing, by ID with their dates.

    :param key: The key in the asset state store.
    :param store: The `asset_state_store` of the watcher's trigger; None keeps the state in memory.
    """

    def __init__(self, key: str, store: Any) -> None:
        self._key = key
        self._stores = _stores_by_asset(store)
        # None until `claim` is called for the first time.
        self._fired: dict[str, str] | None = None
        self._claimed: dict[str, str] = {}
        # Claims in the store that this process has made.
        self._own_claims: set[str] = set()
        self._is_saved = True

    async def load(self) -> None:
        """Read the stored state, which another triggerer may have changed."""
        for store in self._stores:
            stored = await (
                store.aget(self._key) if hasattr(store, "aget") else asyncio.to_thread(store.get, self._key)
            )
            if isinstance(stored, dict):
                self._fired = (self._fired or {}) | _dates_by_id(stored.get("fired"))
                claimed = _dates_by_id(stored.get("claimed"))
                self._claimed = {
                    acquisition_id: claimed[acquisition_id] for acquisition_id in claimed.keys() - self._own_claims
                }

    async def claim(
        self, matches: Iterable[AcquisitionMatch], *, fire_existing: bool, oldest: date
    ) -> list[tuple[AcquisitionMatch, bool]]:
        """Return the acquisitions to fire, and for each whether it may have been fired before; store them first.

        The first call returns no acquisitions unless `fire_existing` is true. Acquisitions dated long before
        `oldest` are removed from the state.
        """
        matches = list(matches)
        previously_fired, in_doubt = self._fired, self._claimed
        fired = dict(previously_fired or {})
        if previously_fired is None and not fire_existing:
            fired |= {match.id: match.acquired_at[:10] for match in matches}
        # Without a store, a previous watcher may have fired what exists at the first poll.
        all_in_doubt = previously_fired is None and not self._stores
        new = [(match, all_in_doubt or match.id in in_doubt) for match in matches if match.id not in fired]
        keep_from = (oldest - MARGIN).isoformat()
        self._fired = {acquisition_id: day for acquisition_id, day in fired.items() if day >= keep_from}
        # Claims that are no longer found are dropped, as they can no longer be fired.
        self._claimed = {match.id: match.acquired_at[:10] for match, _ in new}
        if self._fired != previously_fired or self._claimed or in_doubt or not self._is_saved:
            await self._save()
        return new

    async def confirm(self) -> None:
        """Store that the claimed acquisitions have been fired."""
        self._fired = (self._fired or {}) | self._claimed
        self._claimed = {}
        await self._save()

    async def _save(self) -> None:
        self._is_saved = False
        value = {"fired": _ids_by_date(self._fired or {}), "claimed": _ids_by_date(self._claimed)}
        for store in self._stores:
            await (
                store.aset(self._key, value)
                if hasattr(store, "aset")
                else asyncio.to_thread(store.set, self._key, value)
            )
        self._is_saved = True
        self._own_claims = set(self._claimed)


def _stores_by_asset(store: Any) -> list[Any]:
    """Return the store of each asset that the trigger fires: watchers with equal arguments share a trigger."""
    if store is None:
        return []
    # No public attribute lists the assets.
    by_name = getattr(store, "_by_name", None)
    return list(by_name.values()) if by_name else [store]


def _ids_by_date(dates: dict[str, str]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for acquisition_id, day in sorted(dates.items()):
        ids.setdefault(day, []).append(acquisition_id)
    return ids


def _dates_by_id(ids: Any) -> dict[str, str]:
    if not isinstance(ids, dict):
        return {}
    return {acquisition_id: day for day, acquisition_ids in ids.items() for acquisition_id in acquisition_ids}

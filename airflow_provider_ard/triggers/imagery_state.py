"""Which acquisitions a watch has seen: kept with the asset by Airflow 3.3 or newer, else for as long as it runs."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_ard.api.selects.results import AcquisitionMatch

# How much longer than it can be found an acquisition is remembered: clocks are set back now and then.
MARGIN = timedelta(days=7)


class Seen:
    """What a watch has fired (by the date of the acquisition), and what it was about to fire when it was last heard of.

    `store` is what Airflow gives a watcher's trigger as `asset_state_store`, None if it gives none.
    """

    def __init__(self, key: str, store: Any) -> None:
        self._key = key
        self._stores = _of_each_asset(store)
        self._fired: dict[str, str] | None = None
        self._firing: dict[str, str] = {}
        # What stands there as about to be fired because this very process has written it.
        self._own: set[str] = set()
        self._is_kept = True

    async def load(self) -> None:
        """Read what is known by now: another triggerer may have been at it."""
        for store in self._stores:
            kept = await (store.aget(self._key) if hasattr(store, "aget") else asyncio.to_thread(store.get, self._key))
            if isinstance(kept, dict):
                self._fired = (self._fired or {}) | _by_id(kept.get("fired"))
                firing = _by_id(kept.get("firing"))
                self._firing = {name: firing[name] for name in firing.keys() - self._own}

    async def claim(
        self, found: Iterable[AcquisitionMatch], *, fire: bool, oldest: date
    ) -> list[tuple[AcquisitionMatch, bool]]:
        """Return what is to be fired now, and whether it may have been before; written down before it is returned.

        At the first look ever that is nothing, unless `fire` is true.
        """
        found = list(found)
        known, doubtful = self._fired, self._firing
        fired = dict(known or {})
        if known is None and not fire:
            fired |= {one.id: one.taken[:10] for one in found}
        # Without a store, what is there at the first look may have been fired by a watch before this one.
        unsure = known is None and not self._stores
        fresh = [(one, unsure or one.id in doubtful) for one in found if one.id not in fired]
        kept_from = (oldest - MARGIN).isoformat()
        self._fired = {name: taken for name, taken in fired.items() if taken >= kept_from}
        # What can no longer be found can no longer be fired.
        self._firing = {one.id: one.taken[:10] for one, _ in fresh}
        if self._fired != known or self._firing or doubtful or not self._is_kept:
            await self._save()
        return fresh

    async def settle(self) -> None:
        """Write down that what was claimed has been fired."""
        self._fired = (self._fired or {}) | self._firing
        self._firing = {}
        await self._save()

    async def _save(self) -> None:
        self._is_kept = False
        value = {"fired": _by_date(self._fired or {}), "firing": _by_date(self._firing)}
        for store in self._stores:
            await (
                store.aset(self._key, value)
                if hasattr(store, "aset")
                else asyncio.to_thread(store.set, self._key, value)
            )
        self._is_kept = True
        self._own = set(self._firing)


def _of_each_asset(store: Any) -> list[Any]:
    """Return the store of each asset that the trigger fires: watchers of the same area share one trigger."""
    if store is None:
        return []
    # Which assets these are is told nowhere else.
    by_name = getattr(store, "_by_name", None)
    return list(by_name.values()) if by_name else [store]


def _by_date(taken: dict[str, str]) -> dict[str, list[str]]:
    dates: dict[str, list[str]] = {}
    for name, day in sorted(taken.items()):
        dates.setdefault(day, []).append(name)
    return dates


def _by_id(dates: Any) -> dict[str, str]:
    return {name: day for day, names in dates.items() for name in names} if isinstance(dates, dict) else {}

"""Quicklooks of tiles, requested through the API server: the browser has no token of the ARD API."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.quicklooks import Quicklook

# Of all quicklooks of a Connection; the sandbox's have about 100 kB each.
MAX_CACHED_BYTES = 16_000_000


class Quicklooks:
    """Requests quicklooks with one client, and caches the ones that were used last."""

    def __init__(self, client: ArdClient) -> None:
        self._client = client
        self._cache: OrderedDict[tuple[str, str], Quicklook] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, acquisition_id: str, cell_id: str) -> Quicklook:
        """Return the quicklook of a tile. Raises `ArdError`."""
        tile = acquisition_id, cell_id
        with self._lock:
            if tile in self._cache:
                self._cache.move_to_end(tile)
                return self._cache[tile]
        quicklook = self._client.get_quicklook(acquisition_id, cell_id)
        self._store(tile, quicklook)
        return quicklook

    def _store(self, tile: tuple[str, str], quicklook: Quicklook) -> None:
        with self._lock:
            # Another thread may have stored it meanwhile.
            if tile not in self._cache:
                self._cache[tile] = quicklook
                self._bytes += len(quicklook.content)
            while self._bytes > MAX_CACHED_BYTES:
                self._bytes -= len(self._cache.popitem(last=False)[1].content)

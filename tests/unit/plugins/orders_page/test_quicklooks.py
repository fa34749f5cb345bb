from __future__ import annotations

from types import SimpleNamespace

from airflow_provider_ard.api.quicklooks import Quicklook
from airflow_provider_ard.plugins.orders_page import quicklooks
from airflow_provider_ard.plugins.orders_page.quicklooks import Quicklooks


def test_least_recently_used_quicklooks_are_dropped(monkeypatch):
    monkeypatch.setattr(quicklooks, "MAX_CACHED_BYTES", 250)
    requested = []

    def get_quicklook(acquisition_id, cell_id):
        requested.append(cell_id)
        return Quicklook(bytes(100), "image/png")

    cache = Quicklooks(SimpleNamespace(get_quicklook=get_quicklook))
    for cell_id in ("a", "b", "a", "c", "a", "b"):
        assert cache.get("1", cell_id).content == bytes(100)
    assert requested == ["a", "b", "c", "b"]

from __future__ import annotations

import pytest

from airflow_provider_ard.api import quicklooks
from airflow_provider_ard.api.errors import ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.api.quicklooks import read_quicklook

TILE = "1040010060C9AD00", "Z13-031131111333"


def test_quicklook_is_an_image(client):
    quicklook = client.get_quicklook(*TILE)
    assert quicklook.media_type == "image/png"
    assert quicklook.content.startswith(b"\x89PNG")


def test_quicklook_of_an_unknown_tile(client):
    with pytest.raises(ArdNotFoundError):
        client.get_quicklook(TILE[0], "Z13-000000000000")


@pytest.mark.parametrize("content", ["<html>Service error</html>", "", "<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_other_content_is_no_quicklook(ard, client, content):
    ard.faults.add("GET /browse/preview/*", kind="body", body=content, content_type="image/png", times=1)
    with pytest.raises(ArdUnavailableError):
        client.get_quicklook(*TILE)


def test_size_of_a_quicklook_is_limited(monkeypatch):
    content = b"\xff\xd8\xff" + bytes(100)
    assert read_quicklook(content).media_type == "image/jpeg"
    monkeypatch.setattr(quicklooks, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="100 bytes"):
        read_quicklook(content)

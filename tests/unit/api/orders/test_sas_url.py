"""SAS URLs that cannot deliver an order are rejected before it is sent; doubtful ones cause a warning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.credentials import parse_credentials
from airflow_provider_ard.api.orders.destination_arguments import parse_destination

ARGUMENT = "output_config.azure_blob_storage.sas_url"


def after(**duration):
    return (datetime.now(UTC) + timedelta(**duration)).strftime("%Y-%m-%dT%H:%M:%SZ")


def sas(path="/tiles", host="acct.blob.core.windows.net", **changes):
    query = {"sv": "2024-11-04", "se": "2099-01-01T00:00:00Z", "sr": "c", "sp": "rcwl", "sig": "Pl4nted/S="} | changes
    return f"https://{host}{path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def warnings_of(url, prefix="imagery/2026"):
    config = {"azure_blob_storage": {"container": "tiles", "prefix": prefix, "sas_url": url}}
    destination, warnings = parse_destination(output_config=config)
    assert destination.secrets == (url,)
    return warnings


@pytest.mark.parametrize(
    "url",
    [
        sas(),
        sas("/tiles/"),
        sas(sp="c"),
        sas(sp="w"),
        sas(sp="racwdxyltmei"),
        sas(st=after(days=-1)),
        sas(st=after(minutes=5)),
        # A stored access policy defines permissions and validity.
        sas(sp=None, se=None, si="policy"),
        # Account SAS.
        sas("", sr=None, ss="bf", srt="sco", sp="rwl"),
        sas(sr=None, ss="b", srt="co"),
        sas("/tiles/imagery", sr="d", sdd="1"),
        sas("/tiles/imagery/2026", sr="d", sdd="2"),
        sas("/other", host="cdn.example.com"),
        sas(host="acct.z12.blob.storage.azure.net"),
        sas(host="acct.dfs.core.windows.net"),
        sas(se=after(days=4)),
        sas(se="soon"),
    ],
)
def test_usable_url_has_no_warnings(url):
    assert warnings_of(url) == ()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(sas(se=after(minutes=-1)), id="expired"),
        pytest.param(sas(se="2001-01-01"), id="expired on a day"),
        pytest.param(sas(st=after(hours=1)), id="not valid yet"),
        pytest.param(sas(sp="r"), id="read-only"),
        pytest.param(sas(sp="rl"), id="read and list"),
        pytest.param(sas(sp="rd"), id="read and delete"),
        pytest.param(sas("/tiles/a.tif", sr="b"), id="one blob"),
        pytest.param(sas(sr="f"), id="one file"),
        pytest.param(sas("/others"), id="another container"),
        pytest.param(sas("/Tiles"), id="container in upper case"),
        pytest.param(sas("/others", sr=None, ss="b", srt="co"), id="account, another container"),
        pytest.param(sas(sr=None, ss="f", srt="co"), id="account, files only"),
        pytest.param(sas(sr=None, ss="b", srt="sc"), id="account, containers only"),
        pytest.param(sas("/tiles/other", sr="d", sdd="1"), id="another directory"),
        pytest.param(sas("/tiles/imagery/20", sr="d", sdd="2"), id="beginning of a directory's name"),
    ],
)
def test_unusable_url_is_rejected_and_not_repeated(url):
    with pytest.raises(ArdRequestError) as caught:
        warnings_of(url)
    assert caught.value.argument == ARGUMENT
    assert "Pl4nted" not in str(caught.value)
    assert "sig=P" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"se": after(hours=1)}, {"se": after(days=2)}, {"sip": "10.0.0.1-10.0.0.9"}])
def test_doubtful_url_has_a_warning(changes):
    (warning,) = warnings_of(sas(**changes))
    assert warning.startswith(f"{ARGUMENT}: ")
    assert "Pl4nted" not in warning


@pytest.mark.parametrize(
    "changes",
    [{"sp": "r"}, {"sr": "b"}, {"st": after(days=1)}, {"se": after(days=-1)}],
    ids=lambda changes: next(iter(changes)),
)
def test_stored_url_is_checked(changes):
    with pytest.raises(ArdRequestError) as caught:
        parse_credentials(sas(**changes), "credentials")
    assert caught.value.argument == "credentials"


def test_ignored_url_is_not_checked():
    config = {"container": "tiles", "prefix": "p", "sas_url": sas(sp="r"), "credentials_id": "stored"}
    destination, warnings = parse_destination(output_config={"azure_blob_storage": config})
    assert destination.secrets == ()
    assert len(warnings) == 1

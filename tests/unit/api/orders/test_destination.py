from __future__ import annotations

import base64
import json

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.destination import parse_destination

KEY = json.dumps({"type": "service_account", "private_key": "PlantedSecret"})
KEY64 = base64.b64encode(KEY.encode()).decode()
SAS = "https://acct.blob.core.windows.net/c?sv=2024-08-04&se=2099-01-01T00:00:00Z&sig=PlantedSecret"


def gcs(**config):
    return {"google_cloud_storage": {"bucket": "bkt", "prefix": "a/b"} | config}


def azure(**config):
    return {"azure_blob_storage": {"container": "con", "prefix": "a/b"} | config}


@pytest.mark.parametrize(
    "form", ["path", "home", "text", "dictionary", "base64", "wrapped base64", "base64 with blanks around"]
)
def test_service_credentials_in_any_form_go_out_as_base64(form, tmp_path, monkeypatch):
    (tmp_path / "key.json").write_text(KEY)
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {
        "path": str(tmp_path / "key.json"), "home": "~/key.json", "text": KEY, "dictionary": json.loads(KEY), "base64": KEY64,
        "wrapped base64": base64.encodebytes(KEY.encode()).decode(), "base64 with blanks around": f"\n {KEY64}\n",
    }[form]  # fmt: skip
    parsed, notes = parse_destination(output_config=gcs(service_credentials=given))
    assert parsed.to_payload() == gcs(service_credentials=KEY64)
    assert parsed.secrets == (KEY64,)
    assert notes == ()


def test_a_valid_base64_goes_out_as_it_came():
    padded = base64.b64encode(f"  {KEY}\n\n".encode()).decode()
    parsed, _ = parse_destination(output_config=gcs(service_credentials=padded))
    assert parsed.to_payload() == gcs(service_credentials=padded)


@pytest.mark.parametrize(
    ("config", "secret"),
    [(gcs(service_credentials=KEY64, credentials_id="stored"), "service_credentials"), (azure(sas_url=SAS, credentials_id="stored"), "sas_url")],
)  # fmt: skip
def test_of_two_credentials_the_stored_one_wins_and_that_is_noted(config, secret):
    parsed, notes = parse_destination(output_config=config)
    [(platform, _)] = config.items()
    assert parsed.secrets == ()
    assert next(iter(parsed.to_payload().values()))["credentials_id"] == "stored"
    assert notes == (f"output_config.{platform}: credentials_id 'stored' is used, {secret} is not",)


def test_credentials_of_the_arguments_win_over_those_of_the_connection():
    for config in (azure(sas_url=SAS), azure(credentials_id="mine")):
        assert parse_destination(output_config=config, credentials_ids={"az://": "theirs"})[0].to_payload() == config
    empty = azure(credentials_id="", sas_url=None)
    assert parse_destination(output_config=empty, credentials_ids={"az://": "theirs"})[0].to_payload() == azure(
        credentials_id="theirs"
    )


@pytest.mark.parametrize(
    ("location", "expected"),
    [("gs://bkt/a", "bucket"), ("gs://bkt/deep/x", "deep"), ("gs://bkt/deeper", "bucket"), ("gs://bkt", "bucket"), ("gs://other", "any"), ("az://bkt/a", "azure")],
)  # fmt: skip
def test_the_longest_location_of_the_connection_wins(location, expected):
    stored = {"gs://": "any", "GS://bkt/": "bucket", "gs://bkt/deep/": "deep", "az://": "azure", "s3://bkt": "s3"}
    parsed, _ = parse_destination(location, credentials_ids=stored)
    assert next(iter(parsed.to_payload().values()))["credentials_id"] == expected


def test_what_a_template_left_in_a_config_is_not_given():
    config = {"amazon_s3": {"bucket": "bkt", "prefix": "", "role_arn": "None"}}
    assert parse_destination(output_config=config)[0].to_payload() == {"amazon_s3": {"bucket": "bkt", "prefix": ""}}
    with pytest.raises(ArdRequestError, match="no credentials"):
        parse_destination(output_config=gcs(credentials_id="None"))


@pytest.mark.parametrize("role_in", ["argument", "config", "both"])
@pytest.mark.parametrize("bare", [True, False])
def test_a_role_in_either_place_and_form(role_in, bare):
    role = "arn:aws-us-gov:iam::123456789012:role/deep/writer"
    inner = {"bucket": "bkt", "prefix": "p"} | ({"role_arn": role} if role_in != "argument" else {})
    config = inner if bare else {"amazon_s3": inner}
    parsed, _ = parse_destination(output_config=config, role_arn=role if role_in != "config" else None)
    sent = {"bucket": "bkt", "prefix": "p", "role_arn": role}
    assert parsed.to_payload() == (sent if bare else {"amazon_s3": sent})


def test_an_error_without_credentials_says_where_one_can_be_put():
    with pytest.raises(ArdRequestError) as caught:
        parse_destination("gs://bkt/a")
    assert all(
        word in str(caught.value) for word in ("output_config", "service_credentials", "credentials_ids", "gs://bkt/a")
    )


@pytest.mark.parametrize(
    "wrong", [5, [], object(), {"type": object()}, "{" * 100_000, b"x", float("nan"), "\0", "x" * 5000]
)
def test_no_form_of_a_wrong_secret_breaks_or_is_repeated(wrong):
    for config in (gcs(service_credentials=wrong), azure(sas_url=wrong)):
        with pytest.raises(ArdRequestError) as caught:
            parse_destination(output_config=config)
        assert len(str(caught.value)) < 300

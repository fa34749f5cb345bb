from __future__ import annotations

import base64
import json

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.destination_arguments import parse_destination

KEY = json.dumps({"type": "service_account", "private_key": "PlantedSecret"})
KEY64 = base64.b64encode(KEY.encode()).decode()
SAS = "https://acct.blob.core.windows.net/con?sv=2024-08-04&se=2099-01-01T00:00:00Z&sig=PlantedSecret"


def gcs(**config):
    return {"google_cloud_storage": {"bucket": "bkt", "prefix": "a/b"} | config}


def azure(**config):
    return {"azure_blob_storage": {"container": "con", "prefix": "a/b"} | config}


@pytest.mark.parametrize(
    "form", ["path", "home", "json", "dictionary", "base64", "wrapped base64", "base64 with whitespace"]
)
def test_service_credentials_are_sent_as_base64(form, tmp_path, monkeypatch):
    (tmp_path / "key.json").write_text(KEY)
    monkeypatch.setenv("HOME", str(tmp_path))
    value = {
        "path": str(tmp_path / "key.json"), "home": "~/key.json", "json": KEY, "dictionary": json.loads(KEY), "base64": KEY64,
        "wrapped base64": base64.encodebytes(KEY.encode()).decode(), "base64 with whitespace": f"\n {KEY64}\n",
    }[form]  # fmt: skip
    parsed, notes = parse_destination(output_config=gcs(service_credentials=value))
    assert parsed.to_payload() == gcs(service_credentials=KEY64)
    assert parsed.secrets == (KEY64,)
    assert notes == ()


def test_valid_base64_is_sent_unchanged():
    padded = base64.b64encode(f"  {KEY}\n\n".encode()).decode()
    parsed, _ = parse_destination(output_config=gcs(service_credentials=padded))
    assert parsed.to_payload() == gcs(service_credentials=padded)


@pytest.mark.parametrize(
    ("config", "secret"),
    [(gcs(service_credentials=KEY64, credentials_id="stored"), "service_credentials"), (azure(sas_url=SAS, credentials_id="stored"), "sas_url")],
)  # fmt: skip
def test_stored_credentials_take_precedence_with_a_warning(config, secret):
    parsed, notes = parse_destination(output_config=config)
    [(platform, _)] = config.items()
    assert parsed.secrets == ()
    assert next(iter(parsed.to_payload().values()))["credentials_id"] == "stored"
    assert notes == (f"output_config.{platform}: credentials_id 'stored' is used, {secret} is not",)


def test_arguments_take_precedence_over_the_connection():
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
def test_longest_location_of_the_connection_is_used(location, expected):
    stored = {"gs://": "any", "GS://bkt/": "bucket", "gs://bkt/deep/": "deep", "az://": "azure", "s3://bkt": "s3"}
    parsed, _ = parse_destination(location, credentials_ids=stored)
    assert next(iter(parsed.to_payload().values()))["credentials_id"] == expected


def test_none_rendered_to_string_is_omitted():
    config = {"amazon_s3": {"bucket": "bkt", "prefix": "", "role_arn": "None"}}
    assert parse_destination(output_config=config)[0].to_payload() == {"amazon_s3": {"bucket": "bkt", "prefix": ""}}
    with pytest.raises(ArdRequestError, match="no credentials"):
        parse_destination(output_config=gcs(credentials_id="None"))


@pytest.mark.parametrize("role_in", ["argument", "config", "both"])
@pytest.mark.parametrize("bare", [True, False])
def test_role_from_argument_or_config(role_in, bare):
    role = "arn:aws-us-gov:iam::123456789012:role/deep/writer"
    inner = {"bucket": "bkt", "prefix": "p"} | ({"role_arn": role} if role_in != "argument" else {})
    config = inner if bare else {"amazon_s3": inner}
    parsed, _ = parse_destination(output_config=config, role_arn=role if role_in != "config" else None)
    sent = {"bucket": "bkt", "prefix": "p", "role_arn": role}
    assert parsed.to_payload() == (sent if bare else {"amazon_s3": sent})


def test_missing_credentials_error_lists_the_options():
    with pytest.raises(ArdRequestError) as caught:
        parse_destination("gs://bkt/a")
    assert all(
        word in str(caught.value) for word in ("output_config", "service_credentials", "credentials_ids", "gs://bkt/a")
    )


@pytest.mark.parametrize(
    "secret", [5, [], object(), {"type": object()}, "{" * 100_000, b"x", float("nan"), "\0", "x" * 5000]
)
def test_invalid_secret_is_rejected_and_not_repeated(secret):
    for config in (gcs(service_credentials=secret), azure(sas_url=secret)):
        with pytest.raises(ArdRequestError) as caught:
            parse_destination(output_config=config)
        assert len(str(caught.value)) < 300

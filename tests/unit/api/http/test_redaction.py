"""Secrets are replaced in every encoding in which a server or a library may repeat them."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.http.redaction import contains_secret, encodings, redact_text, redact_values
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import OrderStatus

SECRETS = [
    "p@ss!w(o)rd*~'x",
    'p\N{LATIN SMALL LETTER A WITH DIAERESIS}ss w\N{EURO SIGN}rd&<>"/\\+',
    "line\nfeed\ttab",
    "https://acct.blob.core.windows.net/c?sv=1&sp=rcw&sig=L1teral%2FS1gnature%3D",
    "%41%2F%25",
    "emoji \N{GRINNING FACE} key",
]
ENCODINGS = {
    "raw": str,
    "url": lambda text: quote(text, safe=""),
    "url, slashes kept": quote,
    "form": quote_plus,
    "url, as JavaScript": lambda text: quote(text, safe="!'()*~"),
    "url, lower case": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%C3", "%c3"),
    "url, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
    "json, not ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json, as PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "html": html.escape,
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_each_encoding_is_replaced(secret, encoding):
    text = f"<<{ENCODINGS[encoding](secret)}>>"
    assert redact_text(text, [secret]) == "<<***>>"


@pytest.mark.parametrize("before", ["", "i", "id", "id:", "a-client-id:"])
@pytest.mark.parametrize("after", ["", "!", "!!"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("secret", [*SECRETS, "short"])
def test_base64_at_each_offset_is_replaced(secret, before, after, encode):
    encoded = encode(f"{before}{secret}{after}".encode()).decode()
    for text in (encoded, quote(encoded, safe=""), encoded.replace("/", "\\/")):
        redacted = redact_text(f"got '{text}' here", [secret])
        assert "***" in redacted
        remaining = redacted.replace("%3D", "").removeprefix("got '").removesuffix("' here").replace("***", "")
        # At most the text around the secret remains.
        assert len(remaining) <= 4 * (len(before) + len(after)) // 3 + 6


def test_short_secret_is_not_replaced_within_words():
    assert redact_text("an innocent sentence", ["an"]) == "an innocent sentence"


SECRET_TEXTS = [
    "GET /c?sv=1&sig=Pl4nted%2FS%3D&se=2",
    "GET /c?sv=1&SIG=Pl4nted",
    "next%3Fsv%3D1%26sig%3DPl4nted%26se%3D2",
    "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA&X-Amz-Signature=Pl4nted",
    "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=Pl4nted%2F",
    "https://storage.googleapis.com/b/k?X-Goog-Signature=Pl4nted",
    "https://d.cloudfront.net/k?Key-Pair-Id=K&Signature=Pl4nted~",
    "grant_type=password&username=me&password=Pl4nted",
    "grant_type=refresh_token&refresh_token=Pl4nted",
    "Authorization: Bearer Pl4nted.Pl4nted",
    "{'Authorization': 'Basic Pl4ntedPl4nted=='}",
    "'X-Amz-Security-Token': b'Pl4nted/Pl4nted', 'Date': 1",
    "x-amz-security-token:Pl4nted/Pl4nted",
    '{"private_key": "-----BEGIN PRIVATE KEY-----\\nPl4nted\\n-----END PRIVATE KEY-----\\n"}',
    "-----BEGIN RSA PRIVATE KEY-----\nPl4nted cut off",
    '{"access_token": "Pl4nted", "expires_in": 1}',
    "{'refresh_token': 'Pl4nted'}",
    r'{"message": "{\"accessToken\": \"Pl4nted\"}"}',
    "<Credentials><SecretAccessKey>Pl4nted/+</SecretAccessKey><SessionToken>Pl4nted</SessionToken>",
    "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=Pl4nted",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_signatures_and_tokens_are_replaced(text):
    assert "Pl4nted" not in redact_text(text)
    assert "***" in redact_text(text)
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize("text", ["config=value", "a=b&design=round", "password: see the docs", "the bearer of gifts"])
def test_other_text_is_unchanged(text):
    assert redact_text(text) == text
    assert not contains_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.blob.core.windows.net/c?sv=1&sig={{ var.value.sig }}",
        "{{ var.value.url }}?sv=1&{{ 'sig=abcdefgh' }}",
        "see https://example.com/a/b?c=d for the details",
        "eyJ" + "A" * 200,
        "POLYGON ((-105.1 40.1, -105.0 40.1, -105.0 40.2, -105.1 40.1))",
    ],
)
def test_text_without_a_secret(text):
    assert not contains_secret(text)


@pytest.mark.parametrize("before", ["", "token: "])
def test_jwt_is_a_secret(before):
    token = ".".join(base64.urlsafe_b64encode(json.dumps({"alg": part}).encode()).decode() for part in ("a", "b", "c"))
    assert contains_secret(before + token)
    assert redact_text(before + token) == f"{before}***"


# Backtracking over long secrets would take minutes.
@pytest.mark.timeout(60)
def test_long_secrets_are_redacted():
    secrets = [base64.b64encode(str(number).encode() * 2000).decode() for number in range(10, 14)]
    assert redact_text("x" * 100_000 + secrets[0], secrets).endswith("***")


def test_encodings_contain_the_url_encoding():
    assert {"p@ss", "p%40ss"} <= set(encodings("p@ss"))


PASSWORD = "p@ss!w(o)rd*~'x/+\\ 1"
LOGINS = {
    "password": {"username": "me@example.com", "password": PASSWORD},
    "client secret": {"client_id": "my-id", "client_secret": PASSWORD},
    "refresh token": {"refresh_token": "Refr3sh-Token.Value_1~/+=="},
    "access token": {"access_token": "Acc3ss-Token.Value_1~/+=="},
}


def forms(secret):
    """Return the encodings in which a secret could leak."""
    cores = [base64.b64encode(b"0" * offset + secret.encode()).decode()[4:-8] for offset in range(3)]
    return {encode(secret) for encode in ENCODINGS.values()} | set(filter(None, cores))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("kind", LOGINS)
def test_response_that_repeats_the_login_is_redacted(ard, retry_pauses, kind, status):
    rule = ard.faults.add(kind="echo_request", status=status)
    login = Login(**LOGINS[kind])
    with ArdClient(login, host=ard.url, timeout=5) as client, pytest.raises(ArdError) as caught:
        client.whoami()
    assert rule.fired
    text = f"{caught.value} {caught.value!r} {vars(caught.value)}"
    # A rejected access token has its own error.
    assert "cannot process" in text or (kind, status) == ("access token", 401)
    assert [form for secret in login.secrets for form in forms(secret) if form in text] == []


def test_response_that_repeats_the_order_is_redacted(ard, client):
    sas = "https://acct.blob.core.windows.net/c?sv=2024&sp=rcw&sr=c&sig=Abc%2Fdef%3D"
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas}}
    token = client._auth.token()
    ard.faults.add("POST /order", kind="echo_request")
    with pytest.raises(ArdError) as caught:
        client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], output_config=config))
    text = f"{caught.value} {caught.value!r}"
    assert "cannot process" in text
    assert [form for secret in (sas, "Abc%2Fdef", token) for form in forms(secret) if form in text] == []


@pytest.mark.parametrize("message", ["sig", {"Error": "failed", "Cause": "sig"}], ids=["string", "object"])
def test_status_message_contains_no_signature(message):
    sas = "cannot write to https://a.blob.core.windows.net/c?sv=1&sig=Pl4nted"
    message = json.loads(json.dumps(message).replace("sig", sas))
    order = OrderStatus.model_validate({"id": "1", "status": "FAILED", "status_message": message})
    assert "cannot write to" in str(order.status_message)
    assert "Pl4nted" not in str(order.report())


def test_values_of_json_are_redacted():
    value = {"a": ["https://x?sig=Pl4nted", {"b": "Bearer Pl4ntedToken"}], "c": 1, "d": None}
    assert redact_values(value) == {"a": ["https://x?sig=***", {"b": "Bearer ***"}], "c": 1, "d": None}

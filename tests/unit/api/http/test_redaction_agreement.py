"""What `contains_secret` finds, `redact_text` replaces, in each encoding."""

from __future__ import annotations

import base64
import json
from random import Random
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_ard.api.http.redaction import contains_secret, redact_text
from airflow_provider_ard.api.orders.status import OrderStatus
from tests.unit.api.http.test_redaction import ENCODINGS, SECRET_TEXTS

LINES = "".join(f"{'Pl4nted' * 9}{line}\\n" for line in range(10, 36))
KEY = {
    "type": "service_account",
    "project_id": "my-project",
    "private_key_id": "0123456789abcdef",
    "private_key": f"-----BEGIN PRIVATE KEY-----\n{LINES}-----END PRIVATE KEY-----\n".replace("\\n", "\n"),
    "client_email": "me@my-project.iam.gserviceaccount.com",
}
JWT = ".".join(base64.urlsafe_b64encode(json.dumps({"Pl4nted": part}).encode()).decode().rstrip("=") for part in "abc")
SAS = "https://acct.blob.core.windows.net/c?sv=2024-05-04&sp=rcw&sr=c&sig=Pl4ntedPl4ntedPl4nted%2FS%3D"
WHOLE_SECRETS = {
    "key": json.dumps(KEY),
    "indented key": json.dumps(KEY, indent=2),
    "JWT": JWT,
    "SAS URL": SAS,
}
TEXTS = [*SECRET_TEXTS, *WHOLE_SECRETS.values()]


def in_lines(text, line_feed="\n", width=76):
    return line_feed.join(text[start : start + width] for start in range(0, len(text), width))


def to_base64(text):
    return base64.b64encode(text.encode()).decode()


BASE64 = {
    "plain": to_base64,
    "URL-safe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "without padding": lambda text: to_base64(text).rstrip("="),
    "of a longer text": lambda text: to_base64(f"user:{text}"),
    "after one byte": lambda text: to_base64(f" {text}"),
    "lines": lambda text: in_lines(to_base64(text)),
    "lines of 64": lambda text: in_lines(to_base64(text), width=64),
    "lines of Windows": lambda text: in_lines(to_base64(text), "\r\n"),
    "folded lines": lambda text: in_lines(to_base64(text), " "),
    "indented lines": lambda text: in_lines(to_base64(text), "\n    "),
    "lines in JSON": lambda text: json.dumps(in_lines(to_base64(text)))[1:-1],
    "lines in JSON, twice": lambda text: json.dumps(json.dumps(in_lines(to_base64(text))))[3:-3],
    "percent-encoded": lambda text: quote(to_base64(text), safe=""),
    "percent-encoded lines": lambda text: quote(in_lines(to_base64(text)), safe=""),
    "percent-encoded twice": lambda text: quote(quote(in_lines(to_base64(text)), safe=""), safe=""),
    "form": lambda text: quote_plus(in_lines(to_base64(text), "\r\n")),
    "as PHP": lambda text: to_base64(text).replace("/", "\\/"),
    "twice": lambda text: to_base64(to_base64(text)),
}
ALL_ENCODINGS = {**ENCODINGS, **{f"base64, {name}": encode for name, encode in BASE64.items()}}


def check_agreement(text):
    """Check that redacted text contains no secret any more, whatever the text is."""
    redacted = redact_text(text)
    assert contains_secret(text) <= (redacted != text)
    assert not contains_secret(redacted)
    assert redact_text(redacted) == redacted


@pytest.mark.parametrize("encode", ALL_ENCODINGS.values(), ids=ALL_ENCODINGS)
def test_redaction_agrees_with_the_search(encode):
    for encoded in map(encode, TEXTS):
        for message in (encoded, f"cannot write to {{'service_credentials': '{encoded}'}}", f"got {encoded} it"):
            check_agreement(message)


@pytest.mark.parametrize("encode", ALL_ENCODINGS.values(), ids=ALL_ENCODINGS)
@pytest.mark.parametrize("secret", WHOLE_SECRETS.values(), ids=WHOLE_SECRETS)
def test_secret_is_found_in_each_encoding(secret, encode):
    encoded = encode(secret)
    assert contains_secret(encoded)
    redacted = redact_text(f"cannot write to {{'x': '{encoded}'}} at once")
    assert redacted.startswith("cannot write to {'")
    assert redacted.endswith("'} at once")
    assert "Pl4nted" not in redacted
    assert [core for core in ("UGw0bnRlZ", "BsNG50ZW", "QbDRudGVk") if core in redacted] == []


@pytest.mark.parametrize("encode", BASE64.values(), ids=BASE64)
def test_part_of_a_key_is_replaced(encode):
    encoded = encode(json.dumps(KEY))
    begin_of_key, end_of_key = len(encoded) // 5, len(encoded) * 9 // 10
    random = Random(1)
    for _ in range(100):
        start, end = sorted(random.sample(range(len(encoded) + 1), 2))
        part = f"…{encoded[start:end]}…"
        check_agreement(part)
        if min(end, end_of_key) - max(start, begin_of_key) > 300:
            assert contains_secret(part), part


def test_redaction_agrees_with_the_search_for_any_text():
    random = Random(1)
    parts = [*TEXTS, *"0123456789abcdefABCDEF+/=-_ \n%{}'\\\":.,"]
    for _ in range(300):
        pieces = [part[: random.randrange(1, 200)] for part in random.choices(parts, k=40)]
        check_agreement("".join(pieces))


@pytest.mark.parametrize(
    "text",
    [
        bytes(range(256)).hex(),
        "0123" * 100,
        "eyJ" + "A" * 200,
        to_base64(json.dumps({"type": "Polygon", "coordinates": [[[-105.1, 40.1]] * 20]})),
        base64.b64encode(bytes(range(256)) * 4).decode(),
        "https://ard.maxar.com/api/v1/select/files/3837513680025567106/" + "a-long-name_of_a_file/" * 10,
        "an AOI of " + "loremipsumdolorsitamet" * 10,
        "POLYGON ((" + "-105.123456 40.123456, " * 100 + "))",
    ],
)
def test_other_text_remains(text):
    assert not contains_secret(text)
    assert redact_text(text) == text


@pytest.mark.parametrize("proxy", ["http://me:Pl4nted@proxy:3128", "https://me:Pl4@nted@proxy"])
def test_password_of_a_url_is_replaced(proxy):
    redacted = redact_text(f"Failed to connect to proxy URL: '{proxy}'")
    assert "Pl4" not in redacted
    assert "://me:***@proxy" in redacted
    check_agreement(f"got {proxy}")


@pytest.mark.parametrize("encode", BASE64.values(), ids=BASE64)
def test_status_message_contains_no_key(encode):
    message = f"cannot write to {{'service_credentials': '{encode(json.dumps(KEY))}', 'bucket': 'b'}}"
    order = OrderStatus.model_validate({"id": "1", "status": "FAILED", "status_message": message})
    assert order.report()["status_message"] == "cannot write to {'service_credentials': '***', 'bucket': 'b'}"

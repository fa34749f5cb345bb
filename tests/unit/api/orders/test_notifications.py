from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.notifications import parse_notifications

TOPIC = "arn:aws:sns:us-east-1:123456789012:orders"
ADDRESSES = [
    "me@example.com",
    "first.last+ard@mail.example.co.uk",
    "o'neil_1@a-b.io",
    "jürgen@müller.example",
    "x@1.2.example",
    f"{'a' * 64}@example.com",
]
INVALID_ADDRESSES = ["", "me", "me@", "@example.com", "me@example", "me@@example.com", "me@example..com", ".me@example.com", "me.@example.com", "m e@example.com",
                "me@-a.com", "me@a-.com", "me@example.com.", "me@exam_ple.com\n,", "<me@example.com>", "me@example.com;you@example.com", f"{'a' * 65}@example.com",
                "me\0@example.com", "me@example.com?subject=x", f"me@{'a' * 64}.com", f"me@{'a.' * 130}com"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_valid_addresses(address):
    assert [parsed.to_payload() for parsed in parse_notifications(f" {address}\n", None)] == [
        {"type": "email", "address": address}
    ]


@pytest.mark.parametrize("address", INVALID_ADDRESSES)
def test_invalid_address_is_rejected(address):
    with pytest.raises(ArdRequestError) as caught:
        parse_notifications(["me@example.com", address], ())
    assert caught.value.argument == "email_notifications"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "topic", [TOPIC, f"{TOPIC}.fifo", TOPIC.replace("aws", "aws-cn"), TOPIC.replace("aws", "aws-us-gov")]
)
def test_valid_topics(topic):
    assert [parsed.to_payload() for parsed in parse_notifications((), topic)] == [{"type": "sns", "topic_arn": topic}]


@pytest.mark.parametrize(
    "topic",
    ["orders", TOPIC.replace("sns", "sqs"), TOPIC.replace("123456789012", "12345"), f"{TOPIC}/x", f"{TOPIC}:a-subscription", TOPIC.replace("1", "\u0661"), f"{TOPIC}{'x' * 256}"],
)  # fmt: skip
def test_invalid_topic_is_rejected(topic):
    with pytest.raises(ArdRequestError) as caught:
        parse_notifications(None, [topic])
    assert caught.value.argument == "sns_notifications"


@pytest.mark.parametrize("form", [list, tuple, set, iter, str, lambda addresses: dict.fromkeys(addresses).keys()])
def test_addresses_are_deduplicated(form):
    parsed = parse_notifications(form(["b@example.com", "a@example.com", "b@example.com"]), ())
    assert sorted(notification.email for notification in parsed) == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("value", [None, (), [], "", "None", "[]", " "])
def test_empty_value_is_no_notification(value):
    assert parse_notifications(value, value) == ()


@pytest.mark.parametrize(
    "value", [0, 5, True, b"me@example.com", {"me@example.com": 1}, [None], [["me@example.com"]], object()]
)
def test_invalid_type_is_rejected(value):
    with pytest.raises(ArdRequestError, match="email_notifications"):
        parse_notifications(value, ())

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
NO_ADDRESSES = ["", "me", "me@", "@example.com", "me@example", "me@@example.com", "me@example..com", ".me@example.com", "me.@example.com", "m e@example.com",
                "me@-a.com", "me@a-.com", "me@example.com.", "me@exam_ple.com\n,", "<me@example.com>", "me@example.com;you@example.com", f"{'a' * 65}@example.com",
                "me\0@example.com", "me@example.com?subject=x", f"me@{'a' * 64}.com", f"me@{'a.' * 130}com"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses(address):
    assert [parsed.to_payload() for parsed in parse_notifications(f" {address}\n", None)] == [
        {"type": "email", "address": address}
    ]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address(address):
    with pytest.raises(ArdRequestError) as caught:
        parse_notifications(["me@example.com", address], ())
    assert caught.value.argument == "email_notifications"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "topic", [TOPIC, f"{TOPIC}.fifo", TOPIC.replace("aws", "aws-cn"), TOPIC.replace("aws", "aws-us-gov")]
)
def test_topics(topic):
    assert [parsed.to_payload() for parsed in parse_notifications((), topic)] == [{"type": "sns", "topic_arn": topic}]


@pytest.mark.parametrize(
    "topic",
    ["orders", TOPIC.replace("sns", "sqs"), TOPIC.replace("123456789012", "12345"), f"{TOPIC}/x", f"{TOPIC}:a-subscription", TOPIC.replace("1", "\u0661"), f"{TOPIC}{'x' * 256}"],
)  # fmt: skip
def test_what_is_no_topic(topic):
    with pytest.raises(ArdRequestError) as caught:
        parse_notifications(None, [topic])
    assert caught.value.argument == "sns_notifications"


@pytest.mark.parametrize("form", [list, tuple, set, iter, str, lambda addresses: dict.fromkeys(addresses).keys()])
def test_any_form_of_a_list_each_address_once(form):
    parsed = parse_notifications(form(["b@example.com", "a@example.com", "b@example.com"]), ())
    assert sorted(entry.email for entry in parsed) == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("nothing", [None, (), [], "", "None", "[]", " "])
def test_nobody(nothing):
    assert parse_notifications(nothing, nothing) == ()


@pytest.mark.parametrize(
    "wrong", [0, 5, True, b"me@example.com", {"me@example.com": 1}, [None], [["me@example.com"]], object()]
)
def test_other_forms_are_refused(wrong):
    with pytest.raises(ArdRequestError, match="email_notifications"):
        parse_notifications(wrong, ())

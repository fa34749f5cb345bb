"""Notification recipients of an order."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from airflow_provider_ard.api.arguments import none_if_blank, parse_literal, safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError

# RFC 5321 without quoted local parts and address literals; RFC 6531 admits letters beyond ASCII.
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_LOCAL = r"(?!\.)(?!.*\.\.)[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?<!\.)"
_EMAIL = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+{_LABEL}")
_LONGEST_EMAIL = 254
_SNS_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?")


class Notification(BaseModel):
    """A recipient of the notification about a finished order: an email address or an SNS topic."""

    model_config = ConfigDict(frozen=True)

    email: str | None = None
    sns_topic: str | None = None

    def to_payload(self) -> dict[str, str]:
        """Return the notification of the request."""
        if self.email:
            return {"type": "email", "address": self.email}
        return {"type": "sns", "topic_arn": self.sns_topic or ""}


def parse_notifications(emails: object, topics: object) -> tuple[Notification, ...]:
    """Return the recipients, deduplicated: email addresses, then SNS topics. Raises `ArdRequestError`."""
    if emails is topics is None or (isinstance(emails, tuple) and isinstance(topics, tuple) and not emails + topics):
        return ()
    addresses = _strings(emails, "email_notifications")
    for address in addresses:
        if len(address) > _LONGEST_EMAIL or not _EMAIL.fullmatch(address):
            raise ArdRequestError(
                f"expected an address like me@example.com, got {safe_repr(address)}", argument="email_notifications"
            )
    arns = _strings(topics, "sns_notifications")
    for arn in arns:
        if not _SNS_TOPIC.fullmatch(arn):
            raise ArdRequestError(
                f"expected a topic like arn:aws:sns:us-east-1:123456789012:name, got {safe_repr(arn)}",
                argument="sns_notifications",
            )
    return (*(Notification(email=address) for address in addresses), *(Notification(sns_topic=arn) for arn in arns))


def _strings(value: object, argument: str) -> list[str]:
    value = parse_literal(none_if_blank(value))
    if value is None:
        return []
    strings = [value] if isinstance(value, str) else to_list(value, argument, "a string or a list of strings")
    if wrong := [string for string in strings if not isinstance(string, str)]:
        raise ArdRequestError(f"expected a list of strings, got {safe_repr(wrong[0])} in it", argument=argument)
    return list(dict.fromkeys(string.strip() for string in strings))

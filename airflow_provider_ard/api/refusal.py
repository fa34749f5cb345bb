"""`Refusal`: how long the API may refuse a request until a wait takes its word for it."""

from __future__ import annotations

import time

from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdRequestError,
    ArdUnavailableError,
)

# An order may be unknown for a moment after it was placed, and a login fail for some minutes: only a refusal that lasts
# for this long and is repeated this often, without any other response in between, ends a wait.
REFUSAL_GRACE_S = 300.0
MIN_REFUSALS = 3


class Refusal:
    """A refusal that the API has repeated.

    refusal = Refusal()
    while not refusal.is_final:
        try:
            return client.get_order("4711")
        except ArdNotFoundError:
            refusal.repeat()
    """

    __slots__ = ("_count", "_since")

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._count = 0

    @property
    def is_new(self) -> bool:
        """Whether it has not been repeated yet."""
        return self._count <= 1

    @property
    def is_final(self) -> bool:
        """Whether it has lasted for long enough to end a wait."""
        return self._count >= MIN_REFUSALS and time.monotonic() - self._since >= REFUSAL_GRACE_S

    def repeat(self) -> None:
        """Count a refusal, from the first one on."""
        self._count += 1


def is_refusal(error: ArdError) -> bool:
    """Return whether the API itself has refused a request; False for an outage and for a local check."""
    return error.status is not None and isinstance(error, ArdAuthError | ArdNotFoundError | ArdRequestError)


def is_login_refused(error: ArdError) -> bool:
    """Return whether an error concerns the login, and so all requests; a 403 concerns the requested object alone."""
    return isinstance(error, ArdAuthError) and (error.status != 403 or error.setting is not None)


def may_be_unknown(error: ArdError) -> bool:
    """Return whether a refusal may mean that the object is unknown: the API's status for that is not documented."""
    return is_refusal(error) and not is_login_refused(error)


def is_login_refusal(error: ArdError) -> bool:
    """Return whether the API itself has refused the login."""
    return is_refusal(error) and is_login_refused(error)


def as_outage(error: ArdError) -> ArdUnavailableError:
    """Return a refusal as the outage that it is until it is final."""
    return ArdUnavailableError(
        error.message,
        status=error.status,
        code=error.code,
        type=error.type,
        request_id=error.request_id,
        setting=error.setting,
    )

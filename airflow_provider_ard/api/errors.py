"""Every error of the ARD client.

    ArdError
    ├── ArdRequestError        bad input, found before sending or by the API; a retry cannot help
    ├── ArdAuthError           the login, token or right was refused
    ├── ArdNotFoundError       no such order
    ├── ArdUnavailableError    an outage: worth a retry
    │   └── ArdOrderInDoubtError    an order was sent and its answer was lost: look before sending again
    ├── ArdBudgetExceeded      the order would cost more than allowed
    ├── ArdOrderFailed         the API gave the order up; terminal
    ├── ArdSelectFailed        the API gave the Select up; another one may succeed
    └── ArdOrderConflict       this task instance has placed another order already

No message or attribute of them carries a secret: they are built from the API's own words
and from the names of arguments, never from request bodies or headers.
"""

from __future__ import annotations


class ArdError(Exception):
    """Base of every error raised by this package.

    Attributes, each None where it does not apply: `status` (HTTP status), `code` and `type` (the API's own
    classification), `request_id` (of the refused HTTP request), `order_id`, `setting` (of the client, which most likely
    is the one to mend: `host`, `login`, `client_id`, `access_token`, `refresh_token`, `verify`, `timeout`).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 -- the API's own word
        request_id: str | None = None,
        order_id: str | None = None,
        setting: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.type = type
        self.request_id = request_id
        self.order_id = order_id
        self.setting = setting

    def __str__(self) -> str:
        facts = {
            "HTTP status": self.status,
            "code": self.code,
            "type": self.type,
            "request id": self.request_id,
        }
        known = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
        return f"{self.message} ({known})" if known else self.message


class ArdRequestError(ArdError):
    """The request cannot be right: `argument` names the one to mend, where it is known."""

    def __init__(self, message: str, *, argument: str | None = None, **facts: object) -> None:
        super().__init__(f"{argument}: {message}" if argument else message, **facts)  # type: ignore[arg-type]
        self.argument = argument


class ArdAuthError(ArdError):
    """User name, password, token or right was refused."""


class ArdNotFoundError(ArdError):
    """The API knows no such thing."""


class ArdUnavailableError(ArdError):
    """The API could not be reached or did not answer properly; the same call may succeed later.

    `retry_after`: how many seconds the API asked to be left alone, None if it did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: object) -> None:
        super().__init__(message, **facts)  # type: ignore[arg-type]
        self.retry_after = retry_after


class ArdOrderInDoubtError(ArdUnavailableError):
    """An order was sent, but no answer says whether it was accepted."""


class ArdBudgetExceeded(ArdError):  # noqa: N818 -- the contract's name
    """The order would exceed `max_cost`, `max_area_sqkm` or the cells asked for; nothing was bought.

    `estimate` and `limit`: in the account's currency, or km²; the estimate is None if the API gave none. `balance`:
    what the account has left, -1 for no limit, None if unknown.
    """

    def __init__(
        self,
        message: str,
        *,
        estimate: float | None = None,
        limit: float | None = None,
        balance: float | None = None,
        **facts: object,
    ) -> None:
        super().__init__(message, **facts)  # type: ignore[arg-type]
        self.estimate = estimate
        self.limit = limit
        self.balance = balance


class ArdOrderFailed(ArdError):  # noqa: N818 -- the contract's name
    """The API gave up an order. Terminal: waiting longer does not help."""


class ArdSelectFailed(ArdError):  # noqa: N818 -- as ArdOrderFailed
    """The API gave up a Select."""


class ArdOrderConflict(ArdError):  # noqa: N818 -- the contract's name
    """This task instance has already placed an order for something else."""

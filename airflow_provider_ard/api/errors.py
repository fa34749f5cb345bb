"""The errors of this package.

    ArdError
    ├── ArdRequestError            invalid input, found locally or by the API; a retry cannot succeed
    ├── ArdAuthError               login, token or permission refused
    ├── ArdNotFoundError           unknown order, Select or credentials
    ├── ArdUnavailableError        outage; a retry may succeed
    │   └── ArdOrderInDoubtError   an order was sent and no response confirms it; search before sending again
    ├── ArdBudgetExceeded          the order would exceed a limit or budget; nothing was bought
    ├── ArdOrderFailed             the API failed to deliver the order; terminal
    ├── ArdDeliveryIncomplete      a delivery lacks ordered tiles or files, or has damaged ones
    ├── ArdSelectFailed            the API failed to complete the Select; another one may succeed
    └── ArdOrderConflict           this task instance has placed another order already

No message or attribute contains a secret: they are built from the API's messages and the names of arguments, never
from request bodies or headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


class ArdError(Exception):
    """Base of every error raised by this package.

    Attributes, each None where it does not apply: `status` (HTTP status), `code` and `type` (the API's own
    classification), `request_id` (of the refused HTTP request), `order_id`, `setting` (the client setting that is the
    most likely cause: `host`, `login`, `client_id`, `access_token`, `refresh_token`, `verify`, `timeout`).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 -- the API's own term
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
        fields = {
            "HTTP status": self.status,
            "code": self.code,
            "type": self.type,
            "request ID": self.request_id,
        }
        details = ", ".join(f"{name} {value}" for name, value in fields.items() if value is not None)
        return f"{self.message} ({details})" if details else self.message


class ArdRequestError(ArdError):
    """Invalid input. `argument`: the argument or Connection field to fix, if it is known."""

    def __init__(self, message: str, *, argument: str | None = None, **details: object) -> None:
        super().__init__(f"{argument}: {message}" if argument else message, **details)  # type: ignore[arg-type]
        self.argument = argument


class ArdAuthError(ArdError):
    """User name, password, token or permission was refused."""


class ArdNotFoundError(ArdError):
    """The API does not know the requested object."""


class ArdUnavailableError(ArdError):
    """The API could not be reached, or its response is not usable; the same request may succeed later.

    `retry_after`: the Retry-After of the response in seconds, None without one.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.retry_after = retry_after


class ArdOrderInDoubtError(ArdUnavailableError):
    """An order was sent, and no response confirms whether it was accepted."""


class ArdBudgetExceeded(ArdError):  # noqa: N818 -- the contract's name
    """The order would exceed `max_cost`, `max_area_sqkm`, a budget or the requested cells; nothing was bought.

    `estimate` and `limit`: in the account's currency or km²; the estimate is None if the API returned none. `balance`:
    of the account, -1 for no limit, None if unknown.

    Of a budget, None otherwise: `budget` (as a dictionary), `spent` (by orders that have succeeded), `reserved` (by
    running orders, and those that other tasks are placing), `requested` (by this order), and `resets_at`: when the
    budget has room for the order, None if it never has.
    """

    def __init__(
        self,
        message: str,
        *,
        estimate: float | None = None,
        limit: float | None = None,
        balance: float | None = None,
        budget: dict[str, Any] | None = None,
        spent: float | None = None,
        reserved: float | None = None,
        requested: float | None = None,
        resets_at: datetime | None = None,
        **details: object,
    ) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.estimate = estimate
        self.limit = limit
        self.balance = balance
        self.budget = budget
        self.spent = spent
        self.reserved = reserved
        self.requested = requested
        self.resets_at = resets_at


class ArdOrderFailed(ArdError):  # noqa: N818 -- the contract's name
    """The API failed to deliver an order. Terminal."""


class ArdDeliveryIncomplete(ArdError):  # noqa: N818 -- as ArdOrderFailed
    """A delivery lacks tiles or files that were ordered, or has damaged ones. A retry verifies it again.

    `counts`: the number of problems by their kind, such as `{"missing_tile": 1}`. `problems`: the first 100 of them as
    dictionaries `{"problem", "order_id", "acquisition_id", "cell_id", "asset", "uri", "detail"}`, without the keys that
    do not apply.
    """

    def __init__(
        self,
        message: str,
        *,
        counts: dict[str, int] | None = None,
        problems: list[dict[str, Any]] | None = None,
        **details: object,
    ) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.counts = counts or {}
        self.problems = problems or []


class ArdSelectFailed(ArdError):  # noqa: N818 -- as ArdOrderFailed
    """The API failed to complete a Select."""


class ArdOrderConflict(ArdError):  # noqa: N818 -- the contract's name
    """This task instance has already placed an order for another request."""

"""The most that an order may cost or cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdRequestError

if TYPE_CHECKING:
    from airflow_provider_ard.api.order import Usage


def read_limit(value: object, argument: str) -> float | None:
    """Return a limit from a number or the text of one, None for none; `ArdRequestError` for anything else."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return None
    try:
        limit = float("nan") if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        limit = float("nan")
    if not limit >= 0:
        shown = repr(value) if isinstance(value, int | float | str) else f"a {type(value).__name__}"
        raise ArdRequestError(f"wanted a number of at least 0, got {shown}", argument=argument)
    return limit


def check_budget(usage: Usage, max_cost: float | None, max_area_sqkm: float | None) -> None:
    """Raise `ArdBudgetExceeded` if an order's estimate is over a limit, or unknown where a limit is set.

    `max_cost` is in the account's currency, `max_area_sqkm` in km².
    """
    for name, limit, estimate, unit in (
        ("max_cost", max_cost, usage.total_cost, ""),
        ("max_area_sqkm", max_area_sqkm, usage.area_sqkm, " km²"),
    ):
        if limit is None:
            continue
        balance = (usage.available or {}).get("total_imagery_balance")
        account = f"; the account's balance is {balance}" if balance is not None else ""
        if estimate is None:
            raise ArdBudgetExceeded(f"{name} is {limit:g}{unit}, but the API gave no estimate to compare{account}")
        if estimate > limit:
            over = f"{estimate:g}{unit}, over {name} of {limit:g}{unit}"
            raise ArdBudgetExceeded(f"the order is estimated at {over}{account}; nothing was bought")

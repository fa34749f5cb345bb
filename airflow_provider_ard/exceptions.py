"""The client's errors as Airflow wants them: of their own type still, and of Airflow's.

`ArdUnavailableError` may be retried by Airflow; nearly every other one derives from `AirflowFailException`, which
ends the task at once: a retry cannot mend it and might buy twice.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_ard.api import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


class ArdRequestError(errors.ArdRequestError, AirflowFailException):
    """See `airflow_provider_ard.api.errors.ArdRequestError`."""


class ArdAuthError(errors.ArdAuthError, AirflowFailException):
    """See `airflow_provider_ard.api.errors.ArdAuthError`."""


class ArdNotFoundError(errors.ArdNotFoundError, AirflowFailException):
    """See `airflow_provider_ard.api.errors.ArdNotFoundError`."""


class ArdBudgetExceeded(errors.ArdBudgetExceeded, AirflowFailException):
    """See `airflow_provider_ard.api.errors.ArdBudgetExceeded`."""


class ArdOrderFailed(errors.ArdOrderFailed, AirflowFailException):
    """See `airflow_provider_ard.api.errors.ArdOrderFailed`."""


class ArdSelectFailed(errors.ArdSelectFailed, AirflowException):
    """See `airflow_provider_ard.api.errors.ArdSelectFailed`. Airflow may retry: a retry submits another one."""


class ArdOrderConflict(errors.ArdOrderConflict, AirflowFailException):
    """See `airflow_provider_ard.api.errors.ArdOrderConflict`."""


class ArdUnavailableError(errors.ArdUnavailableError, AirflowException):
    """See `airflow_provider_ard.api.errors.ArdUnavailableError`. Airflow may retry."""


class ArdUnknownFateError(errors.ArdUnknownFateError, ArdUnavailableError):
    """See `airflow_provider_ard.api.errors.ArdUnknownFateError`. Airflow may retry: a retry looks before it orders."""


class ArdTaskError(errors.ArdError, AirflowException):
    """Any other error of the client. Airflow may retry."""


_AT_THE_EDGE: dict[type[errors.ArdError], type[errors.ArdError]] = {
    errors.ArdRequestError: ArdRequestError,
    errors.ArdAuthError: ArdAuthError,
    errors.ArdNotFoundError: ArdNotFoundError,
    errors.ArdBudgetExceeded: ArdBudgetExceeded,
    errors.ArdOrderFailed: ArdOrderFailed,
    errors.ArdSelectFailed: ArdSelectFailed,
    errors.ArdOrderConflict: ArdOrderConflict,
    errors.ArdUnavailableError: ArdUnavailableError,
    errors.ArdUnknownFateError: ArdUnknownFateError,
    errors.ArdError: ArdTaskError,
}


def airflow_twin(error: errors.ArdError, ard_conn_id: str) -> errors.ArdError:
    """Return the error as its twin of this module. One that the connection may have caused names it."""
    kind = next(_AT_THE_EDGE[base] for base in type(error).__mro__ if base in _AT_THE_EDGE)
    twin = kind.__new__(kind)
    twin.__dict__.update(error.__dict__)
    if isinstance(error, errors.ArdAuthError | errors.ArdUnavailableError):
        twin.message = f"connection {ard_conn_id!r}: {error.message}"
    twin.args = (twin.message,)
    return twin


@contextmanager
def airflow_errors(ard_conn_id: str) -> Iterator[None]:
    """Raise the client's errors as their twins of this module."""
    try:
        yield
    except AirflowException:
        raise
    except errors.ArdError as error:
        raise airflow_twin(error, ard_conn_id) from None


def twin_named(name: object) -> type[errors.ArdError]:
    """Return the class of this module that `name` says, `ArdTaskError` if there is none."""
    return next((twin for twin in _AT_THE_EDGE.values() if twin.__name__ == name), ArdTaskError)

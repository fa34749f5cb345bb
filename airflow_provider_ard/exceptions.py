"""The errors that users catch, and their conversion to Airflow's exception types.

Each class is defined in `airflow_provider_ard.api.errors` and exported here. What an operator, sensor or hook raises is
an instance of the class and of Airflow's own type as well: `AirflowFailException` ends the task without retries,
`AirflowException` lets Airflow retry.

    from airflow_provider_ard.exceptions import ArdBudgetExceeded

    def notify(context):
        if isinstance(context["exception"], ArdBudgetExceeded):
            ...
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdBudgetExceeded,
    ArdDeliveryIncomplete,
    ArdError,
    ArdNotFoundError,
    ArdOrderConflict,
    ArdOrderFailed,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdSelectFailed,
    ArdUnavailableError,
)
from airflow_provider_ard.version_compat import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")

__all__ = [
    "ArdAuthError",
    "ArdBudgetExceeded",
    "ArdDeliveryIncomplete",
    "ArdError",
    "ArdNotFoundError",
    "ArdOrderConflict",
    "ArdOrderFailed",
    "ArdOrderInDoubtError",
    "ArdRequestError",
    "ArdSelectFailed",
    "ArdUnavailableError",
    "airflow_exceptions",
    "error_class",
    "raises_airflow_exceptions",
    "to_airflow_exception",
]

# A retry of these cannot succeed, or might buy twice.
_NO_RETRY = (
    ArdRequestError,
    ArdAuthError,
    ArdNotFoundError,
    ArdBudgetExceeded,
    ArdOrderFailed,
    ArdOrderConflict,
)
_RETRY = (ArdDeliveryIncomplete, ArdSelectFailed, ArdUnavailableError, ArdOrderInDoubtError, ArdError)
_BY_NAME = {error.__name__: error for error in (*_NO_RETRY, *_RETRY)}


def _as_airflow_class(error: type[ArdError]) -> type[ArdError]:
    airflow_type = AirflowFailException if issubclass(error, _NO_RETRY) else AirflowException
    return type(error.__name__, (error, airflow_type), {"__module__": __name__, "__doc__": error.__doc__})


_AIRFLOW_CLASSES: dict[type[Exception], type[ArdError]] = {
    error: _as_airflow_class(error) for error in _BY_NAME.values()
}


def to_airflow_exception(error: ArdError, ard_conn_id: str) -> ArdError:
    """Return the error as an Airflow exception: still of its own class, with the same fields.

    The message of an error that the Connection may have caused names the Connection.
    """
    if isinstance(error, AirflowException):
        return error
    airflow_class = _AIRFLOW_CLASSES[type(error)]
    converted = airflow_class.__new__(airflow_class)
    converted.__dict__.update(error.__dict__)
    if isinstance(error, ArdAuthError | ArdUnavailableError):
        converted.message = f"Connection {ard_conn_id!r}: {error.message}"
    converted.args = (converted.message,)
    return converted


@contextmanager
def airflow_exceptions(ard_conn_id: str) -> Iterator[None]:
    """Raise errors of the API client as Airflow exceptions, see `to_airflow_exception`."""
    try:
        yield
    except AirflowException:
        raise
    except ArdError as error:
        raise to_airflow_exception(error, ard_conn_id) from None


def raises_airflow_exceptions(method: Callable[P, T]) -> Callable[P, T]:
    """Decorate a method of an object with an `ard_conn_id`: errors of the API client become Airflow exceptions."""

    @wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        owner: Any = args[0]
        with airflow_exceptions(owner.ard_conn_id):
            return method(*args, **kwargs)

    return wrapper


def error_class(name: object) -> type[ArdError]:
    """Return the error class of this name, `ArdError` if there is none."""
    return _BY_NAME.get(str(name), ArdError)

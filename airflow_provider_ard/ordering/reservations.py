"""Reservations of a budget: amounts that the task instances of a DAG run are ordering or have ordered.

The list of orders may not show an order yet; these do. They are stored as XComs, since all task instances of a DAG run
can read those, in every Airflow version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import TypeAdapter

from airflow_provider_ard.api.errors import ArdRequestError, ArdUnavailableError
from airflow_provider_ard.version_compat import import_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_ard.version_compat import Context

RESERVATION_KEY = "budget_reservation"


@dataclass(frozen=True)
class Reservation:
    """The amounts of one order: `cost` in the account's currency, `area_sqkm` in km², None if unknown.

    `key`: digest of its idempotency key. `reserved_at`: Unix time in seconds. `order_id`: None until the order is
    confirmed. `tags`: of its metadata, those that budgets use.
    """

    key: str
    reserved_at: float
    cost: float | None = None
    area_sqkm: float | None = None
    order_id: str | None = None
    tags: dict[str, str | None] = field(default_factory=dict)

    def amount(self, unit: str) -> float | None:
        """Return the amount in `cost` or `area_sqkm`."""
        amount: float | None = getattr(self, unit)
        return amount


_RESERVATION = TypeAdapter(Reservation)


class ReservationStore(Protocol):
    """Stores one reservation for each task instance."""

    def save(self, reservation: Reservation) -> None:
        """Store the reservation of this task instance; the others see it from then on."""

    def release(self) -> None:
        """Remove the reservation of this task instance."""

    def load_all(self) -> list[Reservation]:
        """Return the reservations of all task instances, including this one."""


class NullReservationStore:
    """Stores nothing, for a caller without concurrent orders."""

    def save(self, reservation: Reservation) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""

    def load_all(self) -> list[Reservation]:
        """Return none."""
        return []


class XComReservationStore:
    """Stores reservations as XComs of the task instances of a DAG run.

    `task_ids`: the tasks that place orders. `ard_conn_id`: orders of other Connections are not counted.
    """

    def __init__(self, ti: Any, task_ids: Sequence[str], ard_conn_id: str) -> None:
        self._ti = ti
        self._task_ids = task_ids
        self._ard_conn_id = ard_conn_id

    def save(self, reservation: Reservation) -> None:
        """Store the reservation of this task instance; the others see it from then on."""
        content = _RESERVATION.dump_python(reservation, mode="json")
        self._ti.xcom_push(key=RESERVATION_KEY, value={"ard_conn_id": self._ard_conn_id, "reservation": content})

    def release(self) -> None:
        """Remove the reservation of this task instance."""
        self._ti.xcom_push(key=RESERVATION_KEY, value=None)

    def load_all(self) -> list[Reservation]:
        """Return the reservations of all task instances, including this one.

        Raises `ArdUnavailableError` if one cannot be read.
        """
        stored = self._ti.xcom_pull(task_ids=list(self._task_ids), key=RESERVATION_KEY) or []
        try:
            return [
                _RESERVATION.validate_python(value["reservation"])
                for value in stored
                if value is not None and value["ard_conn_id"] == self._ard_conn_id
            ]
        except (ValueError, TypeError, KeyError):
            raise ArdUnavailableError(
                f"the XCom {RESERVATION_KEY} of a task instance cannot be read, so nothing was bought; clear the task "
                "instances of this DAG run that have ordered"
            ) from None


def reservation_store(context: Context, ard_conn_id: str) -> ReservationStore:
    """Return the store that all orders of the DAG run share."""
    if not _pulls_all_map_indexes():
        raise ArdRequestError("needs Airflow 2.11, or 3.0.3 or newer", argument="budget")
    ti = context["ti"]
    # Tasks of ArdOrderOperator and its subclasses, mapped or not.
    tasks = getattr(context.get("dag"), "tasks", ())
    order_tasks = [task for task in tasks if "existing_order_id" in getattr(task, "template_fields", ())]
    return XComReservationStore(ti, sorted({ti.task_id, *(task.task_id for task in order_tasks)}), ard_conn_id)


def _pulls_all_map_indexes() -> bool:
    """Return whether `xcom_pull` of a list of tasks includes all map indexes, unlike in Airflow 3.0.0 to 3.0.2."""
    try:
        base_xcom = import_first("airflow.sdk.bases.xcom:BaseXCom")
    except ImportError:
        return True
    return hasattr(base_xcom, "get_all")

"""Access checks of the page: Airflow's login and auth manager decide, at each request."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagAccessEntity, DagDetails
from airflow.models import Connection
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import HTTPException
from sqlalchemy import select

from airflow_provider_ard.hooks.ard import ArdHook

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

_ENV_PREFIX = "AIRFLOW_CONN_"


def check_connection(user: BaseUser, conn_id: str) -> None:
    """Raise a 403 unless the user may read this Connection, whether or not it exists."""
    if not _may_read_connection(user, conn_id):
        raise HTTPException(403, f"You do not have permission to read the Connection {conn_id}.")


def check_task(user: BaseUser, dag_id: str) -> None:
    """Raise a 403 unless the user may read the task instances of this DAG."""
    details = DagDetails(id=dag_id, **_team_of(DagModel, dag_id))
    allowed = get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.TASK_INSTANCE, details=details, user=user
    )
    if not allowed:
        raise HTTPException(403, f"You do not have permission to read the DAG {dag_id}.")


def readable_dags(user: BaseUser) -> set[str]:
    """Return the IDs of the DAGs that the user may read."""
    return get_auth_manager().get_authorized_dag_ids(user=user, method="GET")


def readable_connections(user: BaseUser) -> list[str]:
    """Return the IDs of the Connections of type `ard` that the user may read, of Airflow's database and environment.

    Secrets backends cannot list their Connections; those are shown by ID only.
    """
    with create_session() as session:
        conn_ids = set(session.scalars(select(Connection.conn_id).where(Connection.conn_type == ArdHook.conn_type)))
    for name, value in os.environ.items():
        conn_id = name.removeprefix(_ENV_PREFIX).lower()
        if name.startswith(_ENV_PREFIX) and _conn_type(conn_id, value) == ArdHook.conn_type:
            conn_ids.add(conn_id)
    return sorted(conn_id for conn_id in conn_ids if _may_read_connection(user, conn_id))


def _may_read_connection(user: BaseUser, conn_id: str) -> bool:
    details = ConnectionDetails(conn_id=conn_id, **_team_of(Connection, conn_id))
    return get_auth_manager().is_authorized_connection(method="GET", details=details, user=user)


def _team_of(model: type[Connection | DagModel], name: str) -> dict[str, str | None]:
    # Teams came with Airflow 3.2, the argument with 3.1.
    get_team_name = getattr(model, "get_team_name", None)
    return {"team_name": get_team_name(name)} if get_team_name else {}


def _conn_type(conn_id: str, value: str) -> str | None:
    if not value.lstrip().startswith("{"):
        return value.partition("://")[0]
    try:
        return Connection.from_json(value, conn_id).conn_type
    except Exception:  # noqa: BLE001 -- a malformed variable is reported where it is used
        return None

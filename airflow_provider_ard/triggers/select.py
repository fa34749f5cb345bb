"""`ArdSelectTrigger` waits for a Select in the triggerer, without a worker slot."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError
from airflow_provider_ard.polling.events import failed_event, succeeded_event
from airflow_provider_ard.polling.stored_arguments import ignore_unknown_arguments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ArdSelectTrigger(BaseTrigger):
    """Wait until a Select has succeeded or failed; outages of the API do not end the wait.

        self.defer(
            trigger=ArdSelectTrigger("17", "ard_default", poke_interval=10, deadline=time.time() + 3600),
            method_name="execute_complete",
        )

    Fires one event: `{"status": "succeeded", "select_id": …}` or `{"status": "failed", "error": class name,
    "message": …, "order_id": None}`.

    :param select_id: The Select's ID.
    :param ard_conn_id: The Connection of type `ard`.
    :param poke_interval: Seconds between polls, at least 1.
    :param deadline: When to give up, in seconds since the epoch.
    :param not_before: When to poll first, in seconds since the epoch.
    :param unknown: Arguments that another version of this package stored; ignored with a warning.
    """

    def __init__(
        self,
        select_id: str,
        ard_conn_id: str,
        poke_interval: float,
        deadline: float,
        not_before: float | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # of Airflow
        ignore_unknown_arguments(type(self).__name__, unknown)
        self.select_id = select_id
        self.ard_conn_id = ard_conn_id
        self.poke_interval = poke_interval
        self.deadline = deadline
        self.not_before = not_before

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger as plain JSON without secrets."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "select_id": self.select_id,
                "ard_conn_id": self.ard_conn_id,
                "poke_interval": self.poke_interval,
                "deadline": self.deadline,
                "not_before": self.not_before,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the event that ends the wait."""
        from airflow_provider_ard.polling.client_cache import shared_client
        from airflow_provider_ard.polling.outage import MAX_RETRY_AFTER_S
        from airflow_provider_ard.polling.select_wait import SelectWait

        if self.not_before is not None:
            # Not longer, whatever the clock of the worker showed.
            longest = max(MAX_RETRY_AFTER_S, self.poke_interval)
            await asyncio.sleep(max(0.0, min(self.not_before - time.time(), longest)))
        wait = SelectWait(self.select_id, self.poke_interval, self.deadline, self._log_outage)
        try:
            async with shared_client(self.ard_conn_id) as client:
                while True:
                    with wait.poll():
                        wait.update(await client.call(lambda api: api.get_select(self.select_id)))
                    if wait.is_done:
                        break
                    await asyncio.sleep(wait.delay())
            event = succeeded_event(select_id=self.select_id)
        except ArdError as error:
            event = failed_event(error)
        yield TriggerEvent(event)

    def _log_outage(self, outage: ArdUnavailableError) -> None:
        self.log.warning("Polling failed, will retry: %s", outage)

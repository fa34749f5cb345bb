"""`ArdSelectTrigger` waits for a Select in the triggerer, without a worker slot."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_ard.api.errors import ArdError, ArdSelectFailed, ArdUnavailableError
from airflow_provider_ard.triggers.order import failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_ard.api.selects.results import SelectStatus

SHORTEST_INTERVAL_S = 1.0


class SelectWait:
    """What each look at a Select means, and how long to wait until the next; the same on a worker and in the triggerer.

    `interval`: seconds between two looks, at least 1. `until`: when to give up, in seconds since 1970.
    """

    def __init__(self, select_id: str, interval: float, until: float) -> None:
        self.select_id = select_id
        self._interval = max(SHORTEST_INTERVAL_S, interval)
        self._until = until
        self._is_out = False
        # What is worth a line in the log.
        self.news: str | None = None

    def pause_after(self, answer: SelectStatus | ArdError) -> float | None:
        """Return the seconds until the next look, None if the Select has succeeded.

        Raises `ArdSelectFailed` with the API's own words, `ArdError` for a status that is documented nowhere or a wait
        that is over, and any error that came and is no outage.
        """
        from airflow_provider_ard.api.orders.status import State

        self.news = None
        pause = self._interval
        if isinstance(answer, ArdUnavailableError):
            if not self._is_out:
                # Told once an outage, not at every look of it.
                self.news = f"{answer}. The Select goes on, and so does the wait."
            self._is_out = True
            pause = max(pause, answer.retry_after or 0.0)
        elif isinstance(answer, ArdError):
            raise answer
        else:
            self._is_out = False
            if answer.state is State.SUCCEEDED:
                return None
            if answer.state is State.FAILED:
                raise ArdSelectFailed(f"Select {self.select_id} has failed: {answer.reason}")
            if answer.state is State.UNKNOWN:
                raise ArdError(f"Select {self.select_id} has a status that is documented nowhere: {answer.status!r}")
        remaining = self._until - time.time()
        if remaining <= 0:
            raise ArdError(f"Select {self.select_id} has not ended in time; a retry waits for the same one")
        return min(pause, remaining)


class ArdSelectTrigger(BaseTrigger):
    """Wait until a Select has succeeded, or cannot.

    Its one event is `{"outcome": "succeeded", "select_id": …}` or `{"outcome": "failed", "error": class name,
    "message": …}`. An outage of the API is no event.

    :param select_id: The id of the Select.
    :param ard_conn_id: The Connection of type `ard`.
    :param poke_interval: Seconds between two looks, at least 1.
    :param until: When to give up, in seconds since 1970.
    :param not_before: When the API may be asked first, in seconds since 1970; it had asked to be left alone.
    """

    def __init__(
        self,
        select_id: str,
        ard_conn_id: str,
        poke_interval: float,
        until: float,
        not_before: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # of Airflow
        self.select_id = select_id
        self.ard_conn_id = ard_conn_id
        self.poke_interval = poke_interval
        self.until = until
        self.not_before = not_before

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger as plain JSON; nothing of it is secret."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "select_id": self.select_id,
                "ard_conn_id": self.ard_conn_id,
                "poke_interval": self.poke_interval,
                "until": self.until,
                "not_before": self.not_before,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event once the wait is over."""
        from airflow_provider_ard.polling.clients import shared_client

        if self.not_before is not None:
            await asyncio.sleep(max(0.0, self.not_before - time.time()))
        wait = SelectWait(self.select_id, self.poke_interval, self.until)
        try:
            async with shared_client(self.ard_conn_id) as client:
                while True:
                    answer = await client.ask(lambda api: api.get_select(self.select_id))
                    if (pause := wait.pause_after(answer)) is None:
                        break
                    if wait.news:
                        self.log.warning("%s", wait.news)
                    await asyncio.sleep(pause)
        except ArdError as error:
            yield TriggerEvent(failure(error))
            return
        yield TriggerEvent({"outcome": "succeeded", "select_id": self.select_id})

"""`ard orders wait`: the sensor's wait on the command line."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from airflow_provider_ard.api.refusal import is_login_refusal
from airflow_provider_ard.cli.command import FAILED, INTERRUPTED, OK, TIMED_OUT, command
from airflow_provider_ard.cli.orders import order_json, print_orders
from airflow_provider_ard.cli.output import console, print_error, print_json, print_message, text
from airflow_provider_ard.exceptions import ArdUnavailableError, airflow_exceptions
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.polling.order_updates import order_updates
from airflow_provider_ard.polling.outage import OutageTracker
from airflow_provider_ard.polling.progress import error_of_status, format_duration

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from rich.progress import TaskID

    from airflow_provider_ard.api.orders.status import OrderStatus


@command
def wait_for_orders(args: Namespace) -> int:
    """Wait until each order has succeeded or failed; outages of the API do not end the wait."""
    order_ids = list(dict.fromkeys(args.order_ids))
    finished: dict[str, OrderStatus] = {}
    try:
        in_time = _wait(args, order_ids, finished)
    except KeyboardInterrupt:
        print_message(f"Stopped waiting. The orders continue; to wait again: ard orders wait {' '.join(order_ids)}")
        return INTERRUPTED
    orders = [finished[order_id] for order_id in order_ids if order_id in finished]
    if args.json:
        print_json([order_json(order) for order in orders])
    elif orders:
        print_orders(orders)
    if not in_time:
        pending = ", ".join(sorted(set(order_ids) - finished.keys()))
        print_error(f"Timed out after {format_duration(args.timeout)}. These orders continue: {pending}")
    errors = [error for order in orders if (error := error_of_status(order))]
    for error in errors:
        print_error(str(error))
    return FAILED if errors else OK if in_time else TIMED_OUT


def _wait(args: Namespace, order_ids: list[str], finished: dict[str, OrderStatus]) -> bool:
    """Poll until all orders are in `finished`, then return True; return False when the time is up."""
    from airflow_provider_ard.api.orders.status import State
    from airflow_provider_ard.api.orders.status_reader import StatusReader

    # The next poll is the retry.
    hook = ArdHook(args.conn_id, max_attempts=1)
    reader: StatusReader | None = None
    end = time.monotonic() + args.timeout if args.timeout else None
    with _display(order_ids) as display, _interrupts() as interrupted:
        # What concerns single orders is up to the reader.
        outages = OutageTracker(display.print_outage, is_tolerated=is_login_refusal)
        while not interrupted.is_set():
            with outages.tolerate(), airflow_exceptions(args.conn_id):
                reader = reader or StatusReader(hook.get_conn())
                for update in order_updates(reader, set(order_ids) - finished.keys()):
                    if isinstance(update, ArdUnavailableError):
                        display.print_outage(update)
                        continue
                    is_finished = update.state is not State.RUNNING
                    display.update(update, is_finished=is_finished)
                    if is_finished:
                        finished[update.id] = update
            if len(finished) == len(order_ids):
                return True
            if end is not None and time.monotonic() >= end:
                return False
            delay = outages.delay(args.poke_interval)
            time.sleep(delay if end is None else max(0.0, min(delay, end - time.monotonic())))
    raise KeyboardInterrupt


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Record a Ctrl-C as well as raising it: Python drops an exception that is raised in a finalizer."""
    interrupted = threading.Event()

    def interrupt(*_: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)


class _Display:
    """A progress bar for each order on a terminal, otherwise a line for each change of a status."""

    def __init__(self, progress: Progress, bars: dict[str, TaskID]) -> None:
        self._progress = progress
        self._bars = bars
        self._statuses: dict[str, str] = {}

    def update(self, order: OrderStatus, *, is_finished: bool) -> None:
        if self._progress.disable and self._statuses.get(order.id) != order.status:
            print_message(f"Order {order.id}: {order.status}")
        self._statuses[order.id] = order.status
        bar = self._bars[order.id]
        self._progress.update(bar, status=text(order.status).plain)
        if is_finished:
            self._progress.update(bar, total=1, completed=1)
            self._progress.stop_task(bar)

    def print_outage(self, outage: ArdUnavailableError) -> None:
        self._progress.console.print(text(f"Polling failed, will retry: {outage}"), soft_wrap=True)


@contextmanager
def _display(order_ids: list[str]) -> Iterator[_Display]:
    terminal = console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        TimeElapsedColumn(),
        console=terminal,
        disable=not terminal.is_terminal,
    )
    with progress:
        bars = {order_id: progress.add_task(text(order_id).plain, total=None, status="") for order_id in order_ids}
        yield _Display(progress, bars)

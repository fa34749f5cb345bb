"""`ard orders wait`: the sensor's wait for people at a terminal."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from airflow_provider_ard.cli.command import FAILED, INTERRUPTED, OK, TIMED_OUT, command
from airflow_provider_ard.cli.orders import details, print_orders
from airflow_provider_ard.cli.output import complain, console, print_json, say, text
from airflow_provider_ard.exceptions import ArdError, ArdOrderFailed, ArdUnavailableError
from airflow_provider_ard.hooks.ard import ArdHook

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from rich.progress import TaskID

    from airflow_provider_ard.api.orders.status import OrderStatus


@command
def wait_for_orders(args: Namespace) -> int:
    """Wait until each order has succeeded or failed; an outage of the API is no end."""
    order_ids = list(dict.fromkeys(args.order_ids))
    done: dict[str, OrderStatus] = {}
    try:
        in_time = _wait(args, order_ids, done)
    except KeyboardInterrupt:
        say(f"Stopped waiting. What was ordered goes on; look again with: ard orders wait {' '.join(order_ids)}")
        return INTERRUPTED
    orders = [done[order_id] for order_id in order_ids if order_id in done]
    if args.json:
        print_json([details(order) for order in orders])
    elif orders:
        print_orders(orders)
    if not in_time:
        complain(f"{args.timeout:g} s are up. The orders go on: {', '.join(sorted(set(order_ids) - done.keys()))}")
    failures = [error for order in orders if (error := _error(order))]
    for error in failures:
        complain(str(error))
    return FAILED if failures else OK if in_time else TIMED_OUT


def _wait(args: Namespace, order_ids: list[str], done: dict[str, OrderStatus]) -> bool:
    """Look until all orders are done, and return True; False when the time is up."""
    from airflow_provider_ard.api.orders.status import State

    # One attempt a look: the next look is the retry.
    hook = ArdHook(args.conn_id, max_attempts=1)
    end = time.monotonic() + args.timeout if args.timeout else None
    is_out = False
    with _board(order_ids) as board, _interrupts() as pressed:
        while not pressed.is_set():
            pause = args.poke_interval
            try:
                for order_id in order_ids:
                    if order_id not in done:
                        order = hook.get_order(order_id)
                        board.show(order, is_done=order.state is not State.RUNNING)
                        if order.state is not State.RUNNING:
                            done[order_id] = order
                is_out = False
            except ArdUnavailableError as outage:
                if not is_out:
                    board.say(f"{outage}. The order goes on, and so does the wait.")
                is_out = True
                pause = max(pause, outage.retry_after or 0.0)
            if len(done) == len(order_ids):
                return True
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(pause if end is None else max(0.0, min(pause, end - time.monotonic())))
    raise KeyboardInterrupt


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Note a Ctrl-C as well as raise it: one that falls into a finalizer is printed and forgotten by Python."""
    pressed = threading.Event()

    def note(*_: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


class _Board:
    """Who waits is shown a bar for each order; a log or a pipe gets a line for each change instead."""

    def __init__(self, progress: Progress, bars: dict[str, TaskID]) -> None:
        self._progress = progress
        self._bars = bars
        self._status: dict[str, str] = {}

    def show(self, order: OrderStatus, *, is_done: bool) -> None:
        if self._progress.disable and self._status.get(order.id) != order.status:
            say(f"Order {order.id}: {order.status}.")
        self._status[order.id] = order.status
        bar = self._bars[order.id]
        self._progress.update(bar, status=text(order.status).plain)
        if is_done:
            self._progress.update(bar, total=1, completed=1)
            self._progress.stop_task(bar)

    def say(self, message: str) -> None:
        self._progress.console.print(text(message), soft_wrap=True)


@contextmanager
def _board(order_ids: list[str]) -> Iterator[_Board]:
    screen = console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        TimeElapsedColumn(),
        console=screen,
        disable=not screen.is_terminal,
    )
    with progress:
        bars = {one: progress.add_task(text(one).plain, total=None, status="") for one in order_ids}
        yield _Board(progress, bars)


def _error(order: OrderStatus) -> Exception | None:
    from airflow_provider_ard.api.orders.status import State

    if order.state is State.FAILED:
        return ArdOrderFailed(f"order {order.id} has failed: {order.status_message or order.status}", order_id=order.id)
    if order.state is State.UNKNOWN:
        return ArdError(f"order {order.id} has a status that is documented nowhere: {order.status!r}")
    return None

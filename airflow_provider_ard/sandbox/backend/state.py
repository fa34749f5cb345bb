"""The state of a sandbox's accounts, independent of the server, which can be stopped and restarted."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend import order_repository
from airflow_provider_ard.sandbox.backend.accounts import Account, TokenStore
from airflow_provider_ard.sandbox.backend.billing import Billing
from airflow_provider_ard.sandbox.backend.catalog import Catalog
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.credential_store import CredentialStore
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.backend.monitors import MonitorService
from airflow_provider_ard.sandbox.backend.notifications import Notification, NotificationLog
from airflow_provider_ard.sandbox.backend.orders import FAILED, RUNNING, Order, OrderService, PlannedOutcome
from airflow_provider_ard.sandbox.backend.pricing import DEFAULT_PRICES
from airflow_provider_ard.sandbox.backend.request_log import RequestLog
from airflow_provider_ard.sandbox.backend.selects import SelectService
from airflow_provider_ard.sandbox.faults.rules import Faults
from airflow_provider_ard.sandbox.rendering.defects import DeliveryDefect
from airflow_provider_ard.sandbox.rendering.delivery_writer import DeliveryWriter
from airflow_provider_ard.sandbox.rendering.storage import Storage, format_error
from airflow_provider_ard.sandbox.validation.errors import ApiError, bad_request, error_for_status
from airflow_provider_ard.sandbox.validation.orders import ValidatedOrder, ValidationContext
from airflow_provider_ard.sandbox.validation.output_config import CredentialLookup

# Orders with these statuses cost nothing.
_FREE_STATUSES = (FAILED, "ERROR")


@dataclass(frozen=True)
class Settings:
    """Settings of a sandbox, as described at `Sandbox`; durations and lifetimes are in seconds."""

    storage: Storage | None = None
    order_duration: float = 0.2
    order_status_calls: int | None = None
    select_duration: float = 0.0
    token_lifetime: float = 43_200.0
    rotate_refresh_tokens: bool = False
    prices: Mapping[str, float | None] = field(default_factory=lambda: DEFAULT_PRICES)
    limits: Mapping[str, float] = field(default_factory=dict)
    today: date | None = None
    clock_rate: float = 1.0
    state: Path | None = None
    pixels: int = 512
    seed: int = 0
    assumptions: Assumptions = field(default_factory=Assumptions)


class Shared:
    """What the accounts of a sandbox share: catalog, clock, tokens, assumptions, fault rules and request log."""

    def __init__(self, catalog: Catalog, settings: Settings, accounts: Sequence[Account]) -> None:
        self.catalog = catalog
        self.settings = settings
        self.assumptions = settings.assumptions
        self._store = DocumentStore(settings.state)
        self.clock = Clock(settings.clock_rate, self._store)
        self.request_log = RequestLog()
        self.faults = Faults(settings.seed)
        self.tokens = TokenStore(
            accounts, settings.token_lifetime, self.clock, self._store, rotate=settings.rotate_refresh_tokens
        )

    def close(self) -> None:
        """Close the state file."""
        self._store.close()


class State:
    """Orders, Selects, monitors, stored credentials and charges of one account."""

    def __init__(self, account: Account, shared: Shared) -> None:
        self.account = account
        self._shared = shared
        self.catalog = catalog = shared.catalog
        self.settings = settings = shared.settings
        self.clock = shared.clock
        self.request_log = shared.request_log
        self.faults = shared.faults
        self.tokens = shared.tokens
        self._today = settings.today or catalog.as_of
        self._store = store = DocumentStore(settings.state, scope=f"{account.account_id}/")
        self.credential_store = CredentialStore(self.clock, store)
        self.billing = Billing(settings.prices, settings.limits, self.today, self.clock)
        self._submission_lock = threading.Lock()
        self._notification_log = NotificationLog(store)
        self._delivery_writer = DeliveryWriter(settings.storage, settings.pixels) if settings.storage else None
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ard-delivery")
        self.selects = SelectService(
            duration=settings.select_duration,
            catalog=catalog,
            billing=self.billing,
            clock=self.clock,
            random=self._random("selects"),
            store=store,
        )
        self.monitors = MonitorService(
            self.billing, self._notification_log, self.clock, self._random("monitors"), store
        )
        self.orders = OrderService(
            duration=settings.order_duration,
            status_calls=settings.order_status_calls,
            deliver=self._start_delivery,
            changed=self._save,
            clock=self.clock,
            random=self._random("orders"),
        )
        for order, delivered in order_repository.load_orders(store, catalog):
            if not self._is_free(order):
                self.billing.charge(order.id, order.user_id, order.created, order.usage)
            self.orders.restore(order, delivered)

    @property
    def assumptions(self) -> Assumptions:
        """The assumptions now."""
        return self._shared.assumptions

    @property
    def notifications(self) -> list[Notification]:
        """Every notification recorded, oldest first."""
        # Orders end, and notify, when their status is computed.
        self.orders.all()
        return self._notification_log.all()

    def today(self) -> date:
        """Return the date from which the age of imagery is computed; it advances with the clock."""
        if self._today is None:
            return self.clock.now().date()
        return self._today + timedelta(days=self.clock.elapsed_days)

    def context(self) -> ValidationContext:
        """Return the context for validating an order now."""
        credentials = CredentialLookup(self.credential_store.secret, self.clock.now())
        return ValidationContext(self.catalog, self.selects.tiles_to_order, credentials, self.assumptions)

    def submit(
        self,
        validated: ValidatedOrder,
        user_id: str,
        planned_outcome: PlannedOutcome | None = None,
        defects: Sequence[DeliveryDefect] = (),
    ) -> Order:
        """Accept and charge an order; raises a 400 or 403 if it exceeds a limit of the account, as assumed."""
        assumptions = self.assumptions
        usage = self.billing.estimate(validated.tiles)
        if assumptions.unwritable_destination == "refused":
            self._check_writable(validated)
        # Concurrent orders must not both use the same remaining balance.
        with self._submission_lock:
            problem = self.billing.limit_problem(usage)
            if problem is not None and assumptions.over_limit == "order_fails":
                planned_outcome = PlannedOutcome(FAILED, problem)
            elif problem is not None:
                raise _limit_error(problem, assumptions)
            order = self.orders.submit(validated, user_id, usage, planned_outcome, defects)
            self.billing.charge(order.id, user_id, order.created, usage)
        if assumptions.notifications == "at_start_and_end":
            self._notification_log.record(validated.notifications, "order", order.id, RUNNING, order.created)
        return order

    def dry_run(self, validated: ValidatedOrder) -> dict[str, Any]:
        """Return the estimated usage of an order; raises an error if it could not be placed or delivered."""
        usage = self.billing.estimate(validated.tiles)
        problem = self.billing.limit_problem(usage)
        if problem is not None and self.assumptions.dry_run_over_limit == "refused":
            raise _limit_error(problem, self.assumptions)
        self._check_writable(validated)
        return usage

    def close(self) -> None:
        """Drop queued deliveries, wait for running ones, and close the state file."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._store.close()

    def _check_writable(self, validated: ValidatedOrder) -> None:
        """Raise a 400 if the destination of an order cannot be written to."""
        if self._delivery_writer is None:
            return
        try:
            self._delivery_writer.check_writable(validated)
        except Exception as error:
            raise bad_request(f"The output location cannot be written to: {format_error(error)}") from error

    def _is_free(self, order: Order) -> bool:
        return order.status in _FREE_STATUSES and self.assumptions.failed_order == "free"

    def _random(self, purpose: str) -> Random:
        return Random(f"{purpose} {self.account.account_id} {self.settings.seed}")  # noqa: S311 - reproducible

    def _start_delivery(self, order: Order) -> "Future[datetime]":
        delivery_writer = self._delivery_writer
        if delivery_writer is None:
            order.delivered_tiles.update(tile.acquisition_id for tile in order.tiles)
            delivered: Future[datetime] = Future()
            delivered.set_result(order.created)
            return delivered

        assumptions = self.assumptions

        def deliver() -> datetime:
            delivery_writer.deliver(order.id, order.validated, order.count_delivered, assumptions, order.defects)
            return self.clock.now()

        return self._workers.submit(deliver)

    def _save(self, order: Order) -> None:
        if order.finished is not None and self._is_free(order):
            self.billing.refund(order.id)
        if order.finished is not None and not order.notified:
            order.notified = True
            self._notification_log.record(
                order.validated.notifications,
                "order",
                order.id,
                self.assumptions.status(order.status),
                order.finished,
            )
        order_repository.save_order(order, self._store)


def _limit_error(problem: str, assumptions: Assumptions) -> ApiError:
    """Return the error of an order beyond a limit; a dry run of one that would be accepted and fail is a 400."""
    return error_for_status(403, problem) if assumptions.over_limit == "403" else bad_request(problem)

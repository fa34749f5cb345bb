"""Random sequences of orders, crashes, lost responses, clears and faults: each requested order is placed once.

`ARD_MODEL_STEPS` sets the number of steps (2,500); `make chaos` runs 100,000.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdError, ArdOrderConflict
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering import existing_orders
from airflow_provider_ard.ordering.budget import BudgetLimits
from airflow_provider_ard.ordering.fingerprint import fingerprint
from airflow_provider_ard.ordering.idempotency import FINGERPRINT_TAG, KEY_TAG, SERIES_TAG, TASK_KEY_TAG, IdempotencyKey
from airflow_provider_ard.ordering.placement import place_order
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.sandbox import Assumptions, Sandbox
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS
from tests.unit.ordering.api_faults import FAULTS
from tests.unit.ordering.crashes import Crash, CrashingClient, CrashingStore, CrashPoint, Instance

STEPS = int(os.environ.get("ARD_MODEL_STEPS", "2500"))
STEPS_PER_EXAMPLE = 50
PARTS = 4
WINDOW_S = 0.12  # more than the lag of the list
LIMITS = BudgetLimits(max_cost=1e9)
MAX_MAPPED = 5


class Ordering(RuleBasedStateMachine):
    """Two deployments with one account, each with an instance per `if_exists`, and a mapped task that is cleared."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.ard = Sandbox(order_duration="3d")
        self.ard.start()
        self.client = ArdClient(Login(self.ard.login, self.ard.password), host=self.ard.url, timeout=5)
        self.instances: list[Instance] = []
        # Airflow keeps the instances that a shorter list does not need.
        self.all_mapped: list[Instance] = []
        self.length = 0
        self.clear_number = 0
        self.is_list_replaced = False
        self.requested_mapped: set[int] = set()
        self.next_request = 0

    def teardown(self) -> None:
        try:
            self.recover_and_finish()
        finally:
            self.client.close()
            self.ard.stop()

    @initialize(has_store=st.booleans())
    def define_tasks(self, has_store: bool) -> None:
        for namespace in ("", "prod"):
            for if_exists in ("reuse", "resubmit"):
                key = IdempotencyKey("dag", if_exists, "scheduled__2026-01-01", namespace=namespace)
                self.instances.append(
                    Instance(key, self.new_request(), if_exists, has_store, has_limits=if_exists == "resubmit")
                )
        self.map_over([self.new_request() for _ in range(2)])

    @rule(index=st.integers(0, 3), crash=st.none() | st.integers(0, 6))
    def attempt(self, index: int, crash: int | None) -> None:
        """Run a first try, an automatic retry, or a try after a clear."""
        self.run(self.instances[index], CrashPoint(crash))

    @rule(index=st.integers(0, 4), crash=st.none() | st.integers(0, 6))
    def attempt_mapped(self, index: int, crash: int | None) -> None:
        instance = self.mapped[index % len(self.mapped)]
        self.requested_mapped.add(instance.request)
        self.run(instance, CrashPoint(crash))

    @rule(index=st.integers(0, 3))
    def clear(self, index: int) -> None:
        self.pass_time()
        self.instances[index].clear()

    @rule(position=st.integers(0, 4), attempted=st.integers(0, 5), is_counted=st.booleans())
    def clear_after_mapping_changed(self, position: int, attempted: int, *, is_counted: bool) -> None:
        """Attempt some instances, then map the task over one more element."""
        if self.length == MAX_MAPPED:
            return
        for index in range(min(attempted, self.length)):
            self.attempt_mapped(index, None)
        requests = [instance.request for instance in self.mapped]
        requests.insert(position % (len(requests) + 1), self.new_request())
        self.clear_mapped(requests, is_counted=is_counted)

    @rule(data=st.data(), attempted=st.integers(0, 4), is_counted=st.booleans())
    def clear_after_items_replaced(self, data: Any, attempted: int, *, is_counted: bool) -> None:
        """Attempt an instance, then map the task over some of its elements and a new one, in another order."""
        self.attempt_mapped(attempted, None)
        pool = [*(instance.request for instance in self.mapped), self.new_request()]
        length = data.draw(st.just(self.length) | st.integers(1, MAX_MAPPED), "length")
        requests = data.draw(st.permutations(pool), "requests")[:length]
        self.is_list_replaced = True
        self.clear_mapped(requests, is_counted=is_counted)

    def clear_mapped(self, requests: list[int], *, is_counted: bool) -> None:
        self.pass_time()
        # Before 3.2, Airflow counts a clear only if the DAG run had ended.
        self.clear_number += is_counted
        for instance in self.all_mapped:
            # Airflow schedules all instances of a list at once, and counts that as a try.
            instance.tries = max(1, instance.tries)
            instance.clear()
        self.map_over(requests)

    def map_over(self, requests: list[int]) -> None:
        self.length = len(requests)
        for index, request in enumerate(requests):
            if index == len(self.all_mapped):
                self.all_mapped.append(self.mapped_instance(index, request))
            self.all_mapped[index].request = request

    @property
    def mapped(self) -> list[Instance]:
        return self.all_mapped[: self.length]

    @rule(fault=st.sampled_from(FAULTS), nth=st.integers(1, 3), times=st.sampled_from([1, 3, 1000]))
    def break_api(self, fault: dict[str, Any], nth: int, times: int) -> None:
        self.ard.faults.add(**({"nth": nth, "times": times} | fault))

    @rule(
        fault=st.sampled_from(FAULTS),
        nth=st.integers(1, 2),
        times=st.sampled_from([1, 3, 1000]),
        index=st.integers(0, 8),
        crash=st.none() | st.integers(0, 6),
    )
    def attempt_and_retry(self, fault: dict[str, Any], nth: int, times: int, index: int, crash: int | None) -> None:
        """Run a try and a retry during a fault, and a retry after it."""
        rule = self.ard.faults.add(**({"nth": nth, "times": times} | fault))
        instance = (*self.instances, *self.mapped)[index % (4 + len(self.mapped))]
        if instance in self.mapped:
            self.requested_mapped.add(instance.request)
        self.run(instance, CrashPoint(crash))
        self.run(instance, CrashPoint(None))
        self.ard.faults.remove(rule)
        self.run(instance, CrashPoint(None))

    @rule(metadata=st.sampled_from(ASSUMPTIONS["metadata"][1:]))
    def change_metadata(self, metadata: Any) -> None:
        self.ard.assumptions = Assumptions(metadata=metadata)

    @rule()
    def recover_api(self) -> None:
        self.ard.faults.clear()
        self.ard.assumptions = Assumptions()

    @invariant()
    def no_excess_orders(self) -> None:
        Ordering.steps += 1
        for instance in self.instances:
            placed = Counter(self.series_of_orders(instance))
            if instance.if_exists == "reuse":
                assert placed.total() <= min(1, len(instance.started_series)), (instance, placed)
            else:
                assert set(placed) <= instance.started_series, (instance, placed)
                assert all(count == 1 for count in placed.values()), (instance, placed)
        mapped = self.mapped_orders()
        assert all(count == 1 for count in mapped.values()), mapped
        assert set(mapped) <= {self.fingerprint(request) for request in self.requested_mapped}

    def recover_and_finish(self) -> None:
        """Check that each task gets its order after the API has recovered."""
        self.recover_api()
        self.pass_time()
        for instance in (*self.instances, *self.mapped):
            self.finish(instance)
        self.no_excess_orders()
        for instance in self.instances:
            series = self.series_of_orders(instance)
            assert series if instance.if_exists == "reuse" else series.count(instance.series) == 1
        placed = set(self.mapped_orders())
        items = {self.fingerprint(instance.request) for instance in self.mapped if not self.has_other_order(instance)}
        assert items == placed or (items < placed and self.is_list_replaced)

    def finish(self, instance: Instance) -> None:
        if instance in self.mapped:
            self.requested_mapped.add(instance.request)
        error = [self.run(instance, CrashPoint(None)) for _ in range(2)][-1]
        assert error is None or (isinstance(error, ArdOrderConflict) and self.has_other_order(instance)), instance

    def has_other_order(self, instance: Instance) -> bool:
        """Return whether an index of a list whose items were replaced has, or adopted, the order of another item."""
        orders = self.orders(KEY_TAG, instance.key.digest)
        orders += [order for order in self.ard.orders if instance.record and order.id == instance.record.order_id]
        others = [o for o in orders if order_tags(o)[FINGERPRINT_TAG] != self.fingerprint(instance.request)]
        return self.is_list_replaced and instance in self.all_mapped and bool(others)

    def run(self, instance: Instance, point: CrashPoint) -> BaseException | None:
        """Run one try, and return the exception that ended it."""
        instance.started_series.add(instance.series)
        attempt = Attempt(
            instance.series,
            self.clear_number if instance.key.is_mapped else instance.series,
            is_first=instance.tries == 0,
            mapped_instances=self.length if instance.key.is_mapped else None,
        )
        instance.tries += 1
        store = (
            CrashingStore(instance, point)
            if instance.has_store
            else NullSubmissionStore(after_crash=not attempt.is_first)
        )
        client: Any = CrashingClient(self.client, point)
        try:
            place_order(
                client,
                self.request(instance.request),
                instance.key,
                if_exists=instance.if_exists,
                limits=LIMITS if instance.has_limits else None,
                store=store,
                attempt=attempt,
            )
        except ArdOrderConflict as error:
            # A dry run may be answered with an order ID, and another item may have been ordered under a map index.
            if not instance.has_limits and not self.has_other_order(instance):
                raise
            return error
        except (ArdError, Crash) as error:
            return error
        return None

    def mapped_instance(self, index: int, request: int) -> Instance:
        key = IdempotencyKey("dag", "mapped", "run", index)
        return Instance(key, request, "reuse", self.instances[0].has_store, has_limits=index % 2 == 1)

    def new_request(self) -> int:
        self.next_request += 1
        return self.next_request - 1

    def request(self, number: int) -> OrderRequest:
        folder, index = divmod(number, len(self.ard.acquisitions))
        return OrderRequest.of(acquisitions=self.ard.acquisitions[index], destination=f"s3://bkt/{folder}")

    def fingerprint(self, number: int) -> str:
        return fingerprint(self.request(number))

    def pass_time(self) -> None:
        """Advance the clock: clearing a task takes longer than the lag of the list."""
        self.ard.clock.advance("1m")

    def orders(self, tag: str, value: str) -> list[Any]:
        return [order for order in self.ard.orders if order_tags(order).get(tag) == value]

    def series_of_orders(self, instance: Instance) -> list[int]:
        return [int(order_tags(order)[SERIES_TAG]) for order in self.orders(KEY_TAG, instance.key.digest)]

    def mapped_orders(self) -> Counter[str]:
        task_digest = IdempotencyKey("dag", "mapped", "run").task_digest
        return Counter(order_tags(order)[FINGERPRINT_TAG] for order in self.orders(TASK_KEY_TAG, task_digest))


def order_tags(order: Any) -> dict[str, Any]:
    """Return the metadata of an order as the sandbox has stored it."""
    return order.request.get("metadata") or {}


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.02)))
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", WINDOW_S)
    monkeypatch.setattr(existing_orders, "LAST_SEARCH_TIMEOUT_S", 5.0)


# In parts, so that processes share them.
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.timeout(60 + STEPS)
@pytest.mark.usefixtures("short_pauses")
def test_every_requested_order_is_placed_once(part: int) -> None:
    Ordering.steps = 0
    profile = settings(
        max_examples=max(1, STEPS // PARTS // STEPS_PER_EXAMPLE),
        stateful_step_count=STEPS_PER_EXAMPLE,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    while Ordering.steps < STEPS // PARTS:
        run_state_machine_as_test(Ordering, settings=profile)

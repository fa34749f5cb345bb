"""Damaged responses of every endpoint: only `ArdError`s, no secret in a message, no second order, always recovered.

`ARD_FUZZ_RESPONSES` sets the number of damaged responses (500; 20,000 with `make chaos`), `ARD_FUZZ_SEED` the seed.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.ordering import existing_orders
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import place_order
from airflow_provider_ard.ordering.submission_store import SubmissionRecord
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.sandbox import Sandbox
from tests.chaos.conftest import FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# requests leaves a connection to the garbage collector if a response cannot be decoded.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
RESPONSES = int(os.environ.get("ARD_FUZZ_RESPONSES", "20000" if FULL else "500"))
SEED = int(os.environ.get("ARD_FUZZ_SEED", "0")) or time.time_ns() % 2**32
# A sandbox keeps every order and request; replacing it regularly keeps the list short.
RESPONSES_PER_SANDBOX = 250
AOI = [-105.10, 40.13, -105.03, 40.19]

ENDPOINTS = [
    "POST /auth/authenticate",
    "GET /auth/whoami",
    "POST /order",
    "GET /order",
    "GET /order/status/*",
    "POST /select",
    "GET /select/*",
    "GET /usage*",
    "GET /admin/*",
    "PUT /admin/*",
    "DELETE /admin/*",
    "POST /metadata/*",
    "* *",
]
WRONG_VALUES: list[Any] = [
    None, True, False, 0, -1, 1e308, 10**400, "", " ", "x" * 3000, "\x00", "é\u2028\ud83d\ude00", [], [[]], [None], {}, {"id": 1}, {"data": {}},
]  # fmt: skip
PATHS = [
    "$", "$.id", "$.data", "$.data[*]", "$.data[*].id", "$.has_more", "$.status", "$.status_message", "$.order", "$.usage",
    "$.order.metadata", "$.data[*].order", "$.data[*].status", "$.data[*].created_at", "$.access_token", "$.refresh_token",
    "$.expires_in", "$.token_type", "$.account", "$.account_id", "$.email", "$.features", "$.links", "$.usage.area", "$.usage.cost",
    "$.usage.cost.total_cost", "$.created_at", "$.finished_at", "$.progress", "$.links.results", "$.data[*].credentials_id",
]  # fmt: skip
# None has a valid order ID: a response that confirms an order which does not exist ends in an error for a person.
BODIES: list[str | bytes] = [
    b"", b"null", b"[]", b"{}", b"0", b'"text"', b"true", b"NaN", b"{", b'{"data": [', b"\xff\xfe\x00{", b"\xef\xbb\xbf{}",
    b'{"id": "\xff"}', b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"id": ' + b"9" * 5000 + b"}",
    b'{"data": [], "has_more": true}', b"<html>Bad Gateway</html>", gzip.compress(b'{"id": ["1"]}'),
]  # fmt: skip
HEADERS: list[dict[str, str]] = [
    {}, {}, {}, {"content-encoding": "gzip"}, {"content-encoding": "br"}, {"content-encoding": "deflate"},
    {"location": "http://["}, {"location": "http://127.0.0.1:1/"}, {"location": "//"}, {"location": "file:///etc/passwd"},
    {"retry-after": "-1"}, {"retry-after": "soon"}, {"retry-after": "9" * 400}, {"content-type": "text/html; charset=no-such"},
]  # fmt: skip


class MemoryStore:
    """A submission store that survives an attempt."""

    record: SubmissionRecord | None = None

    def load(self) -> SubmissionRecord | None:
        return self.record

    def save(self, record: SubmissionRecord) -> None:
        self.record = record


class Account:
    """A sandbox, a client of it, and the calls whose responses are damaged."""

    def __init__(self, ard: Sandbox) -> None:
        self.ard = ard
        self.client = ArdClient(Login(ard.login, ard.password), host=ard.url, timeout=5)
        self.request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")
        self.select = SelectRequest.of(ids=ard.acquisitions[:1], bbox=AOI)
        self.order_id = self.client.submit_order(self.request).id
        self.select_id = self.client.submit_select(self.select).id
        self.runs = 0

    def calls(self) -> list[Callable[[], object]]:
        client = self.client
        return [
            client.whoami,
            lambda: client.get_order(self.order_id),
            lambda: list(client.list_orders(limit=5)),
            lambda: list(client.status_pages("2020-01-01")),
            client.get_usage,
            lambda: list(client.list_credentials()),
            lambda: client.put_credentials("azure", "https://a.blob.core.windows.net/c?sv=1&sig=S3cretS1gnature", "x"),
            lambda: client.delete_credentials("azure"),
            lambda: client.submit_select(self.select),
            lambda: client.get_select(self.select_id),
            lambda: client.get_select_results(client.get_select(self.select_id)),
            lambda: client.get_select_tiles(client.get_select(self.select_id)),
            lambda: client.find_acquisitions(self.select),
            lambda: client.dry_run(self.request),
        ]

    def secrets(self) -> list[str]:
        return [self.ard.password, "S3cretS1gnature"]


def random_fault(chance: random.Random) -> dict[str, Any]:
    """Return a fault rule that damages responses."""
    endpoint = chance.choice(ENDPOINTS)
    times = {"nth": chance.choice([1, 1, 2, 3]), "times": chance.choice([1, 2, 1000])}
    match chance.randrange(4):
        case 0:
            options = {
                "kind": "body",
                "body": chance.choice(BODIES),
                "status": chance.choice([200, 200, 200, chance.randrange(200, 600)]),
                "headers": chance.choice(HEADERS),
                "accept": chance.random() < 0.7,
            }
        case 1:
            options = {"kind": "set_json", "path": chance.choice(PATHS), "value": chance.choice(WRONG_VALUES)}
        case 2:
            options = {"kind": "drop_json", "path": chance.choice(PATHS[1:])}
        case _:
            options = {
                "kind": chance.choice(["truncate_after_accept", "reset_after_accept", "gateway_json", "gateway_html"])
            }
    return {"endpoint": endpoint} | times | options


@pytest.fixture
def chance() -> random.Random:
    print(f"ARD_FUZZ_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Iterator[Account]]:
    """Return accounts of new sandboxes, one after the other."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.005)))
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", 0.02)

    def make() -> Iterator[Account]:
        while True:
            with Sandbox(order_duration="3d") as ard:
                account = Account(ard)
                with account.client:
                    yield account

    generator = make()
    yield generator
    generator.close()


def check_error(account: Account, fault: dict[str, Any], call: Callable[[], object]) -> None:
    """Check that a call raises nothing but `ArdError`, without a secret in it."""
    try:
        call()
    except ArdError as error:
        text = f"{error!r} {error.__dict__}"
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} of {fault}") from error
    else:
        return
    assert not [secret for secret in account.secrets() if secret in text], fault


def random_faults(chance: random.Random, accounts: Iterator[Account]) -> Iterator[tuple[Account, dict[str, Any]]]:
    """Yield faults to try, until half of all responses have been damaged."""
    total = 0
    while total < RESPONSES // 2:
        account = next(accounts)
        while len(account.ard.faults.fired) < RESPONSES_PER_SANDBOX:
            yield account, random_fault(chance)
        total += len(account.ard.faults.fired)


@pytest.mark.timeout(120 + RESPONSES // 10)
def test_calls_raise_only_errors_of_the_client(chance: random.Random, accounts: Iterator[Account]) -> None:
    for account, fault in random_faults(chance, accounts):
        rule = account.ard.faults.add(**fault)
        if chance.random() < 0.3:
            account.ard.expire_tokens()
        for call in chance.sample(account.calls(), 4):
            check_error(account, fault, call)
        account.ard.faults.remove(rule)
        account.client.whoami()
        assert account.client.get_order(account.order_id).id == account.order_id


@pytest.mark.timeout(120 + RESPONSES // 5)
def test_damaged_responses_place_one_order(chance: random.Random, accounts: Iterator[Account]) -> None:
    for account, fault in random_faults(chance, accounts):
        place_during_fault(account, fault, is_logged_in=chance.random() < 0.7)


def place_during_fault(account: Account, fault: dict[str, Any], *, is_logged_in: bool) -> None:
    """Place an order during a fault, again in a retry, and once more after the API has recovered."""
    account.runs += 1
    key = IdempotencyKey("dag", "order", f"run {account.runs}")
    store = MemoryStore()
    before = len(account.ard.orders)
    rule = account.ard.faults.add(**fault)
    if not is_logged_in:
        account.ard.expire_tokens()
    for number in range(2):
        attempt = Attempt(is_first=number == 0)
        check_error(
            account, fault, partial(place_order, account.client, account.request, key, store=store, attempt=attempt)
        )
    account.ard.faults.remove(rule)
    placed = place_order(account.client, account.request, key, store=store, attempt=Attempt(is_first=False))
    new = account.ard.orders[before:]
    assert [order.id for order in new] == [placed.order.id], json.dumps(fault, default=repr)

"""Faults of the API that a placement survives, as arguments of the sandbox's `faults.add`."""

from __future__ import annotations

from typing import Any

from airflow_provider_ard.ordering.idempotency import KEY_TAG

# The list lags less than the search window; a client cannot tolerate a longer lag.
LAG_S = 0.05

FAULTS: list[dict[str, Any]] = [
    *({"endpoint": "POST /order", "kind": kind} for kind in ("reset_before_accept", "reset_after_accept")),
    *({"endpoint": "POST /order", "kind": kind} for kind in ("truncate_after_accept", "redirect_after_accept")),
    {"endpoint": "POST /order", "kind": "status", "status": 503},
    {"endpoint": "POST /order", "kind": "error_after_accept", "status": 500},
    {"endpoint": "POST /order", "kind": "gateway_json", "accept": True},
    {"endpoint": "POST /order", "kind": "gateway_json", "status": 404, "accept": False},
    {"endpoint": "POST /order", "kind": "gateway_html", "accept": True},
    {"endpoint": "POST /order", "kind": "body", "body": "{}"},
    *({"endpoint": "POST /order", "kind": "set_json", "path": "$.id", "value": value} for value in (True, [], "", "9" * 3000)),
    {"endpoint": "GET /order", "kind": "status", "status": 503},
    {"endpoint": "GET /order", "kind": "gateway_json", "status": 403},
    {"endpoint": "GET /order", "kind": "truncate_after_accept"},
    {"endpoint": "GET /order", "kind": "empty_page"},
    *({"endpoint": "GET /order", "kind": "body", "body": body} for body in ("{}", "null", '{"data": null, "has_more": false}')),
    {"endpoint": "GET /order", "kind": "set_json", "path": "data[*].id", "value": None},
    {"endpoint": "GET /order", "kind": "drop_json", "path": "$.has_more"},
    {"kind": "ignore_filter"},
    {"kind": "list_lag", "seconds": LAG_S},
    {"endpoint": "GET /order/status/*", "kind": "status", "status": 502},
    {"endpoint": "GET /order/status/*", "kind": "gateway_json", "status": 404},
    {"endpoint": "POST /auth/authenticate", "kind": "status", "status": 503},
    {"kind": "expire_token", "times": 1},
    {"endpoint": "POST /order", "kind": "error_after_accept", "status": 401},
    {"endpoint": "POST /order", "kind": "body", "body": '{"type": "about:blank", "status": 404}', "status": 404, "accept": True},
    {"kind": "filter_lag", "seconds": "30s"},
    {"kind": "ignore_dry_run"},
    {"endpoint": "GET /order", "kind": "status", "status": 403},
    {"endpoint": "GET /order", "kind": "body", "body": '{"data": [], "has_more": false}', "status": 206},
    {"endpoint": "GET /order", "kind": "body", "body": '{"data": [], "has_more": false}', "headers": {"age": "9"}},
    {"endpoint": "GET /order", "kind": "set_json", "path": "$.data[*].status", "value": "ERROR"},
    {"endpoint": "GET /order", "kind": "set_json", "path": f"$.data[*].order.metadata.{KEY_TAG}", "value": "***"},
]  # fmt: skip

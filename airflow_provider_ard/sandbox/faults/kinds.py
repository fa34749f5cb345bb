"""The table of all kinds of fault.

To add a kind, subclass `FaultKind`, document it by `summary` and `options`, and add an instance to `KINDS`.
"""

from collections.abc import Mapping

from airflow_provider_ard.sandbox.faults import behavior, connections, delivery, edits, responses
from airflow_provider_ard.sandbox.faults.base import FaultKind

KINDS: Mapping[str, FaultKind] = {
    "status": responses.ErrorStatus(),
    "echo_request": responses.EchoRequest(),
    "gateway_html": responses.GatewayHtml(),
    "gateway_json": responses.GatewayJson(),
    "latency": connections.Latency(),
    "reset_before_accept": connections.ResetBeforeAccept(),
    "reset_after_accept": connections.ResetAfterAccept(),
    "close_reused": connections.CloseReused(),
    "truncate_after_accept": connections.TruncatedResponse(),
    "trickle": connections.Trickle(),
    "tls_break_after_accept": connections.TlsBreakAfterAccept(),
    "error_after_accept": responses.ErrorAfterAccept(),
    "redirect_after_accept": responses.RedirectAfterAccept(),
    "body": responses.Body(),
    "set_json": edits.SetJson(),
    "drop_json": edits.DropJson(),
    "rename_json": edits.RenameJson(),
    "empty_page": responses.EmptyPage(),
    "ignore_filter": behavior.IgnoreFilter(),
    "list_lag": behavior.ListLag(),
    "filter_lag": behavior.FilterLag(),
    "ignore_dry_run": behavior.IgnoreDryRun(),
    "expire_token": behavior.ExpireToken(),
    "revoke_refresh_token": behavior.RevokeRefreshToken(),
    "fail_order": behavior.FailOrder(),
    "fail_select": behavior.FailSelect(),
    "stuck_order": behavior.StuckOrder(),
    "missing_tile": delivery.MissingTile(),
    "missing_asset": delivery.MissingAsset(),
    "missing_object": delivery.MissingObject(),
    "empty_object": delivery.EmptyObject(),
    "truncated_object": delivery.TruncatedObject(),
}


# Fields of every rule, which select the requests that it affects.
SELECTORS: Mapping[str, str] = {
    "endpoint": "METHOD /path below /api/v1, * is a wildcard, default every request",
    "nth": "first matching request to fire on, counted from 1",
    "times": "number of requests to fire on, default 1 with nth, else no limit",
    "probability": "of firing, 0 to 1",
    "dry_run": "true for dry runs only, false for real orders only",
}


def describe_kinds() -> str:
    """Return the fields of rules and the kinds as text: name, summary, default endpoint and options."""
    lines = ["Every rule:", *(f"    {name}: {meaning}" for name, meaning in SELECTORS.items())]
    for name, kind in KINDS.items():
        lines.append(f"{name}: {kind.summary}" + (f" [{kind.endpoint}]" if kind.endpoint else ""))
        lines += [f"    {option}: {meaning}" for option, meaning in kind.options.items()]
    return "\n".join(lines)

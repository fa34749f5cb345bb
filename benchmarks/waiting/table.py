"""The measurements in few figures: as JSON, as a table, and compared with the goals."""

from __future__ import annotations

import platform
import statistics
from typing import Any

from benchmarks.waiting.contenders import CONTENDERS

HEAD = (
    "trigger",
    "orders",
    "requests per round",
    "connections per round",
    "sessions, logins, Connection lookups in total",
    "CPU ms per order and round",
    "longest stall ms: waiting, finishing",
    "without full collections",
    "MB per 1,000",
    "finish to event s: p50, p99",
)
# The goals of this provider.
SHARE_OF_BEST_PEER, STALL_S, MB_PER_1000, LATE_S, REQUESTS_PER_ROUND = 1 / 20, 0.05, 4.0, 1.0, 11


def digest(measurement: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement with the compared figures, in their units, instead of each order's latency."""
    orders, rounds, quiet = measurement["task"]["orders"], measurement["rounds"], measurement["quiet"]
    # A round is complete when the status of each order was returned once, however long it took.
    done = rounds["statuses"] / orders
    latencies = sorted(measurement.pop("latencies"))
    figures = {
        "rounds": done,
        "requests_per_round": rounds["requests"] / done if done else None,
        "connections_per_round": rounds["connections"] / done if done else None,
        "cpu_ms": quiet["cpu"] * 1e3 / quiet["statuses"] if quiet["statuses"] else None,
        "mb_per_1000": measurement["memory"] / 2**20 / orders * 1000,
        "events": len(latencies),
        "p50": statistics.median(latencies) if latencies else None,
        "p99": latencies[int(len(latencies) * 0.99)] if latencies else None,
    }
    return measurement | {"figures": figures}


def table(runs: list[dict[str, Any]]) -> str:
    """Return a Markdown table of all runs, with versions and the goals."""
    rows = [_row(run) for run in runs]
    lines = [f"| {' | '.join(cells)} |" for cells in (HEAD, ["---"] * len(HEAD), *rows)]
    versions = {CONTENDERS[run["task"]["contender"]].package: run.get("version") for run in runs}
    packages = ", ".join(f"{package} {version}" for package, version in versions.items() if version)
    interval = runs[0]["task"]["interval"]
    notes = [
        f"Python {platform.python_version()}; {packages}.",
        f"A poll every {interval:g} s, 20 ms per response, plain HTTP. A round returns the status of each order once.",
        "Half of the orders finish one by one within an interval, the others all at once at its end.",
    ]
    collections = [
        f"{_name(run)}: a full garbage collection takes {took['idle'] * 1e3:.0f} ms with no wait, "
        f"{took['waiting'] * 1e3:.0f} ms with all of them."
        for run in runs
        if not _is_peer(run) and (took := run.get("full_collection"))
    ]
    failed = [f"{_name(run)}: {run['failed']} failed, {run['failure']}" for run in runs if run.get("failed")]
    return "\n".join([*lines, "", *notes, *collections, *failed, *goals(runs)])


def goals(runs: list[dict[str, Any]]) -> list[str]:
    """Return a line for each goal that the runs cover."""
    return [line for run in runs if _is_ours(run) and "figures" in run for line in _goals_at(run, runs)]


def _goals_at(run: dict[str, Any], runs: list[dict[str, Any]]) -> list[str]:
    orders, figures, whole = run["task"]["orders"], run["figures"], run["whole"]
    stall = max(stalls["largest"] for stalls in run["stalls"].values())
    own = max(stalls["largest_without_collection"] for stalls in run["stalls"].values())
    late = figures["p99"] - run["task"]["interval"]
    peers = [
        other["figures"]["cpu_ms"]
        for other in runs
        if _is_peer(other) and "figures" in other and other["task"]["orders"] == orders
    ]
    lines = []
    if orders == 1_000:
        once = (whole["sessions"], whole["logins"], whole["lookups"])
        lines.append(("1 session, 1 login, 1 Connection lookup", once == (1, 1, 1), f"{once}"))
        lines.append(
            (
                f"≤ {REQUESTS_PER_ROUND} requests per round",
                figures["requests_per_round"] <= REQUESTS_PER_ROUND,
                f"{figures['requests_per_round']:.1f}",
            )
        )
    if peers:
        share = figures["cpu_ms"] / min(peers)
        lines.append(("CPU ≤ 1/20 of the best peer's", share <= SHARE_OF_BEST_PEER, f"{share:.3f} of it"))
    if orders >= 1_000:
        figure = f"{stall * 1e3:.0f} ms, {own * 1e3:.0f} ms without the interpreter's full garbage collections"
        lines.append(("longest stall ≤ 50 ms", stall <= STALL_S, figure))
        lines.append(("≤ 4 MB per 1,000", figures["mb_per_1000"] <= MB_PER_1000, f"{figures['mb_per_1000']:.1f} MB"))
    lines.append(("p99 ≤ interval + 1 s", late <= LATE_S, f"interval {late:+.1f} s"))
    return [f"{_name(run)}: {goal}: {'met' if met else 'NOT MET'}, {figure}" for goal, met, figure in lines]


def _row(run: dict[str, Any]) -> list[str]:
    if "figures" not in run:
        return [_label(run), f"{run['task']['orders']:,}", run["missing"], *[""] * (len(HEAD) - 3)]
    figures, whole = run["figures"], run["whole"]
    polls = CONTENDERS[run["task"]["contender"]].polls
    lost = run["task"]["orders"] - figures["events"] if polls else 0
    return [
        _label(run),
        f"{run['task']['orders']:,}",
        _number(figures["requests_per_round"], 0),
        _number(figures["connections_per_round"], 0),
        f"{whole['sessions']:,}, {whole['logins']:,}, {whole['lookups']:,}",
        _number(figures["cpu_ms"], 3),
        _stalls(run, "largest"),
        _stalls(run, "largest_without_collection"),
        _number(figures["mb_per_1000"], 1),
        f"{_number(figures['p50'], 1)}, {_number(figures['p99'], 1)}" + (f" ({lost} never)" if lost else ""),
    ]


def _stalls(run: dict[str, Any], which: str) -> str:
    start, rounds, finish = (run["stalls"][phase][which] * 1e3 for phase in ("start", "rounds", "finish"))
    return f"{max(start, rounds):.0f}, {finish:.0f}"


def _number(value: float | None, digits: int) -> str:
    return "—" if value is None else f"{value:,.{digits}f}"


def _label(run: dict[str, Any]) -> str:
    return f"`{CONTENDERS[run['task']['contender']].name}`"


def _name(run: dict[str, Any]) -> str:
    return f"{CONTENDERS[run['task']['contender']].name} at {run['task']['orders']:,}"


def _is_peer(run: dict[str, Any]) -> bool:
    return CONTENDERS[run["task"]["contender"]].is_peer


def _is_ours(run: dict[str, Any]) -> bool:
    return CONTENDERS[run["task"]["contender"]].is_ours

"""The measurements in few figures: as JSON, as a table, and compared with the goals."""

from __future__ import annotations

import platform
import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.report import markdown_table
from benchmarks.waiting.contenders import CONTENDERS

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = (
    "Trigger",
    "Waits",
    "Requests per round",
    "Connections per round",
    "Sessions, logins, Connection lookups in total",
    "CPU ms per wait and round",
    "Longest block, ms: start, polls, end",
    "without full garbage collections",
    "MB per 1,000",
    "Finished to event, s: p50, p99",
)
PHASES = ("start", "rounds", "finish")
# The goals of this provider: a block may be long if the control has one as long in the same phase.
SHARE_OF_BEST_PEER, STALL_S, SHARE_OF_CONTROL, MB_PER_1000, LATE_S, REQUESTS_PER_ROUND = 1 / 20, 0.05, 1.3, 3.0, 1.0, 11


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
    interval = runs[0]["task"]["interval"]
    notes = [
        f"Python {platform.python_version()}; {versions(runs)}.",
        f"A poll every {interval:g} s, 20 ms per response, plain HTTP. A round returns the status of each order once.",
        "Half of the orders finish one by one within an interval, the others all at once at its end.",
    ]
    collections = [
        f"{_name(run)}: {collection_line(run)}" for run in runs if not _is_peer(run) and "full_collection" in run
    ]
    failed = [f"{_name(run)}: {run['failed']} failed, {run['failure']}" for run in runs if run.get("failed")]
    lines = markdown_table(HEAD, map(row, runs))
    return "\n".join([*lines, "", *notes, *collections, *failed, *goals(runs)])


def versions(runs: Iterable[dict[str, Any]]) -> str:
    """Return the packages of the runs with their versions."""
    packages = {CONTENDERS[run["task"]["contender"]].package: run.get("version") for run in runs}
    return ", ".join(f"{package} {version}" for package, version in packages.items() if version)


def collection_line(run: dict[str, Any]) -> str:
    """Return how long a full garbage collection takes, as a sentence."""
    took = run["full_collection"]
    return (
        f"A full garbage collection takes {took['idle'] * 1e3:.0f} ms before the first wait, "
        f"{took['waiting'] * 1e3:.0f} ms with all {run['task']['orders']:,} of them."
    )


def goals(runs: list[dict[str, Any]]) -> list[str]:
    """Return a line for each goal that the runs cover."""
    return [line for run in runs if _is_ours(run) and "figures" in run for line in _goals_at(run, runs)]


def _goals_at(run: dict[str, Any], runs: list[dict[str, Any]]) -> list[str]:
    orders, figures, whole = run["task"]["orders"], run["figures"], run["whole"]
    late = figures["p99"] - run["task"]["interval"]
    peers = [
        other["figures"]["cpu_ms"]
        for other in runs
        if _is_peer(other) and "figures" in other and other["task"]["orders"] == orders
    ]
    controls = [other for other in runs if _is_control(other) and other["task"]["orders"] == orders]
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
        lines.append(
            (
                f"≤ {MB_PER_1000:g} MB per 1,000",
                figures["mb_per_1000"] <= MB_PER_1000,
                f"{figures['mb_per_1000']:.1f} MB",
            )
        )
        lines += [_goal_of_phase(phase, run, control) for control in controls for phase in PHASES]
    lines.append(("p99 ≤ interval + 1 s", late <= LATE_S, f"interval {late:+.1f} s"))
    return [f"{_name(run)}: {goal}: {'met' if met else 'NOT MET'}, {figure}" for goal, met, figure in lines]


def row(run: dict[str, Any]) -> list[str]:
    """Return the cells of a run, in the order of `HEAD`."""
    if "figures" not in run:
        return [_label(run), f"{run['task']['orders']:,}", run["missing"], *[""] * (len(HEAD) - 3)]
    figures, whole = run["figures"], run["whole"]
    polls = CONTENDERS[run["task"]["contender"]].polls
    lost = run["task"]["orders"] - figures["events"]
    latencies = f"{_number(figures['p50'], 1)}, {_number(figures['p99'], 1)}" + (f" ({lost} never)" if lost else "")
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
        # The benchmark itself decides when the waits of the control end.
        latencies if polls else "—",
    ]


def _goal_of_phase(phase: str, run: dict[str, Any], control: dict[str, Any]) -> tuple[str, bool, str]:
    """Return goal, whether it is met, and the figure; counts the time in which the process used a processor."""
    stall, usual = (each["stalls"][phase]["largest_busy"] for each in (run, control))
    goal = f"longest block, {phase}: ≤ {STALL_S * 1e3:g} ms or ≤ {SHARE_OF_CONTROL:g} times the control's"
    return goal, stall <= max(STALL_S, SHARE_OF_CONTROL * usual), f"{stall * 1e3:.0f} ms, control {usual * 1e3:.0f} ms"


def _stalls(run: dict[str, Any], which: str) -> str:
    return ", ".join(f"{run['stalls'][phase][which] * 1e3:.0f}" for phase in PHASES)


def _number(value: float | None, digits: int) -> str:
    return "—" if value is None else f"{value:,.{digits}f}"


def _label(run: dict[str, Any]) -> str:
    return CONTENDERS[run["task"]["contender"]].name


def _name(run: dict[str, Any]) -> str:
    return f"{CONTENDERS[run['task']['contender']].name} at {run['task']['orders']:,}"


def _is_peer(run: dict[str, Any]) -> bool:
    return CONTENDERS[run["task"]["contender"]].is_peer


def _is_control(run: dict[str, Any]) -> bool:
    return not CONTENDERS[run["task"]["contender"]].polls


def _is_ours(run: dict[str, Any]) -> bool:
    return CONTENDERS[run["task"]["contender"]].is_ours

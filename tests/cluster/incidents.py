"""What may happen to a cluster: each class is a kind of incident, with its start and its end."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import psutil
import requests

from demo.standalone import UUID
from tests.chaos.processes import kill
from tests.cluster.airflow_components import (
    CELERY,
    FAKETIME,
    SKEWED_WORKER,
    TASK_HOSTS,
    connections,
    hosts,
    set_skew,
)
from tests.cluster.services import ARD_URL

if TYPE_CHECKING:
    from random import Random

    from tests.cluster.cluster import Cluster

# How long cuts, outages and a wrong clock last.
DURATION_S = (3.0, 25.0)
SKEWS_S = (-600, -90, 90, 3600)
OUTAGES: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 503},
    {"kind": "gateway_html"},
    {"kind": "reset_after_accept"},
    {"kind": "status", "status": 429, "retry_after": 5},
)


@dataclass
class Incident:
    """Something that happens to a cluster; subclasses draw their details from a seed."""

    kind: ClassVar[str]
    # Relative frequency.
    weight: ClassVar[float]
    cluster: Cluster
    random: Random
    # Draws among processes, whose number depends on the time; separate, so that the other draws do not.
    victims: Random
    detail: str = ""
    duration: float = 0.0

    def __post_init__(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Draw the details; always the same number of draws."""

    def start(self) -> bool:
        """Let it happen; returns False if it cannot happen now."""
        raise NotImplementedError

    def end(self) -> None:
        """End it, after `duration` seconds."""


@dataclass
class TaskKill(Incident):
    """SIGKILL of a process that runs a task's `execute`."""

    kind = "kill of a task"
    weight = 5

    def start(self) -> bool:
        running = _task_processes(self.cluster)
        return bool(running and kill([self.victims.choice(running)]))


@dataclass
class TaskSupervisorKill(Incident):
    """SIGKILL of the executor's process that supervises a task; the task continues without it."""

    kind = "kill of a task's supervisor"
    weight = 3

    def start(self) -> bool:
        parents = []
        for process in _task_processes(self.cluster):
            with contextlib.suppress(psutil.Error):
                parent = process.parent()
                if parent is not None and parent.pid > 1:
                    parents.append(parent)
        return bool(parents and kill([self.victims.choice(parents)]))


@dataclass
class ComponentKill(Incident):
    """SIGKILL of a component of Airflow: its first process, or all processes as if the host had lost power."""

    kind = "kill of a component"
    weight = 8
    with_children: bool = False

    def draw(self) -> None:
        self.detail = self.random.choice(hosts(self.cluster.executor))
        self.with_children = self.random.random() < 0.5

    def start(self) -> bool:
        processes = self.cluster.supervisor.processes(self.detail)
        return bool(kill(processes if self.with_children else processes[:1]))


@dataclass
class ServiceKill(Incident):
    """SIGKILL of the sandbox or of Redis, or SIGQUIT of PostgreSQL, which restarts it immediately."""

    program: ClassVar[str]
    signum: ClassVar[signal.Signals] = signal.SIGKILL

    def start(self) -> bool:
        return self.cluster.supervisor.signal(self.program, self.signum)


@dataclass
class SandboxKill(ServiceKill):
    """SIGKILL of the sandbox."""

    kind = "kill of the ARD API"
    weight = 2
    program = "ard"


@dataclass
class RedisKill(ServiceKill):
    """SIGKILL of Redis, which loses the queue."""

    kind = "restart of Redis"
    weight = 1
    program = "redis"

    def start(self) -> bool:
        return self.cluster.executor == CELERY and super().start()


@dataclass
class PostgresqlRestart(ServiceKill):
    """Immediate shutdown and restart of PostgreSQL: connections are closed, and it recovers from its log."""

    kind = "immediate restart of PostgreSQL"
    weight = 1
    program = "postgresql"
    signum = signal.SIGQUIT


@dataclass
class Cut(Incident):
    """A component of Airflow cannot reach another host."""

    kind = "cut between two hosts"
    weight = 7
    host: str = ""
    target: str = ""
    is_reset: bool = False
    name: str = ""

    def draw(self) -> None:
        self.duration = self.random.uniform(*DURATION_S)
        self.host = self.random.choice(hosts(self.cluster.executor))
        self.target = self.random.choice(connections(self.cluster.executor, self.host))
        self.is_reset = self.random.random() < 0.3
        self.detail = f"{self.host} - {self.target}, {'reset' if self.is_reset else 'drop'}"

    def start(self) -> bool:
        self.name = self.cluster.network.next_cut()
        self.cluster.network.cut(self.name, self.host, self.target, reset=self.is_reset)
        return True

    def end(self) -> None:
        self.cluster.network.heal(self.name, self.host)


@dataclass
class Isolation(Incident):
    """A host cannot reach any other."""

    kind = "isolation of a host"
    weight = 3

    def draw(self) -> None:
        self.duration = self.random.uniform(*DURATION_S)
        self.detail = self.random.choice([*hosts(self.cluster.executor), "postgresql", "storage"])

    def start(self) -> bool:
        if self.cluster.network.is_isolated(self.detail):
            return False
        self.cluster.network.isolate(self.detail)
        return True

    def end(self) -> None:
        self.cluster.network.reconnect(self.detail)


@dataclass
class ClockSkew(Incident):
    """The clock of a worker jumps, and back at the end."""

    kind = "clock skew of a worker"
    weight = 1.5
    seconds: int = 0

    def draw(self) -> None:
        self.duration = self.random.uniform(*DURATION_S)
        self.seconds = self.random.choice(SKEWS_S)
        self.detail = f"{SKEWED_WORKER} {self.seconds:+d} s"

    def start(self) -> bool:
        if self.cluster.executor != CELERY or FAKETIME is None:
            return False
        set_skew(self.cluster.folder, self.seconds)
        return True

    def end(self) -> None:
        set_skew(self.cluster.folder, 0)


@dataclass
class ArdOutage(Incident):
    """All responses of the ARD API are errors."""

    kind = "outage of the ARD API"
    weight = 2
    rule: dict[str, Any] = field(default_factory=dict)
    rule_id: int = 0

    def draw(self) -> None:
        self.duration = self.random.uniform(*DURATION_S)
        self.rule = self.random.choice(OUTAGES)
        self.detail = str(self.rule.get("status", self.rule["kind"]))

    def start(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            response = requests.post(f"{ARD_URL}/sandbox/faults", json=self.rule, timeout=5)
            response.raise_for_status()
            self.rule_id = int(response.json()["id"])
            return True
        return False

    def end(self) -> None:
        # A restarted sandbox has forgotten the rule, and may number another one the same only after a new outage.
        with contextlib.suppress(requests.RequestException):
            requests.delete(f"{ARD_URL}/sandbox/faults/{self.rule_id}", timeout=5)


KINDS: tuple[type[Incident], ...] = (
    TaskKill,
    TaskSupervisorKill,
    ComponentKill,
    SandboxKill,
    RedisKill,
    PostgresqlRestart,
    Cut,
    Isolation,
    ClockSkew,
    ArdOutage,
)


def _task_processes(cluster: Cluster) -> list[psutil.Process]:
    """Return the processes that run tasks, without those that supervise them."""
    tasks = []
    for host in TASK_HOSTS[cluster.executor]:
        for process in cluster.supervisor.processes(host):
            with contextlib.suppress(psutil.Error):
                title = " ".join(process.cmdline())
                if title.startswith("airflow worker -- ") and UUID.search(title) and "Executor" not in title:
                    tasks.append(process)
    return tasks

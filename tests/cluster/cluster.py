"""All hosts with their programs: the object that incidents act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.cluster import airflow_components, services
from tests.cluster.network import Network
from tests.cluster.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Cluster:
    """Context manager of a running cluster; its programs are killed on exit.

    `folder` holds all data, logs and the sandbox's state.
    """

    folder: Path
    executor: str
    network: Network
    supervisor: Supervisor

    @classmethod
    def create(cls, folder: Path, executor: str) -> Cluster:
        """Create the hosts, in a network and mount namespace of this process's own."""
        network = Network([*services.HOSTS, *airflow_components.hosts(executor)], folder)
        network.create()
        (folder / "logs").mkdir()
        return cls(folder, executor, network, Supervisor(network, folder / "logs"))

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop()

    def start(self, seed: int) -> None:
        """Start all programs; `seed` is that of the sandbox's random faults."""
        env = airflow_components.environment(self.folder, self.executor)
        services.start_services(self.supervisor, self.folder, airflow_components.clean_environment(), seed=seed)
        airflow_components.start_airflow(self.supervisor, self.folder, env, self.executor)

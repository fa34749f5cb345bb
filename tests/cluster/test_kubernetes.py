"""KubernetesExecutor: the pods of all tasks and the manifests match the schemas of Kubernetes. No cluster is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

kubernetes_validate = pytest.importorskip("kubernetes_validate")

FOLDER = Path(__file__).parent
MANIFESTS = FOLDER / "kubernetes"
VERSIONS = ("1.32", "1.37")
IMAGE = "registry.example.com/airflow-ard"


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Return the pods that KubernetesExecutor would create for the tasks of the cluster test's DAG."""
    folder = tmp_path_factory.mktemp("kubernetes")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(FOLDER / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(MANIFESTS / "pod_template.yaml"),
        "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_REPOSITORY": IMAGE,
        "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG": "3.3.2",
    }
    airflow = [sys.executable, "-m", "airflow"]
    generate = [*airflow, "kubernetes", "generate-dag-yaml", "--logical-date", "2026-01-01", "-o", str(folder)]
    for command in ([*airflow, "db", "migrate"], [*airflow, "dags", "reserialize"], [*generate, "cluster_deferred"]):
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stdout + process.stderr
    return [yaml.safe_load(file.read_text()) for file in sorted((folder / "airflow_yaml_output").glob("*.yml"))]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", sorted(MANIFESTS.glob("*.yaml")), ids=lambda file: file.name)
def test_manifest_matches_the_schema(file: Path, version: str) -> None:
    kubernetes_validate.validate(yaml.safe_load(file.read_text()), version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_pod_of_each_task_matches_the_schema(pods: list[dict], version: str) -> None:
    tasks = {pod["metadata"]["annotations"]["task_id"] for pod in pods}
    assert tasks == {"plan", "deliver.order", "deliver.wait", "deliver.list_tiles"}
    for pod in pods:
        kubernetes_validate.validate(pod, version, strict=True)


def test_pod_of_each_task_has_image_and_connections(pods: list[dict]) -> None:
    for pod in pods:
        (container,) = pod["spec"]["containers"]
        assert container["name"] == "base"
        assert container["image"] == f"{IMAGE}:3.3.2"
        assert container["envFrom"] == [{"secretRef": {"name": "airflow-connections"}}]


def test_misspelled_field_does_not_match_the_schema() -> None:
    pod = yaml.safe_load((MANIFESTS / "pod_template.yaml").read_text())
    pod["spec"]["serviceAccount_name"] = pod["spec"].pop("serviceAccountName")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)

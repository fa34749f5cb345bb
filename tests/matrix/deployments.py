"""Environments with the constraints of a deployment, such as Amazon MWAA; the files are not part of this repository.

The folder `ARD_CONSTRAINTS` has `NAME-airflow.txt` and, if the deployment has more constraints, `NAME-essential.txt`,
where NAME ends with the version of Airflow, such as `mwaa-2.11.0`. Airflow's own constraints can be saved there too, as
`official-3.1.8-airflow.txt`.
"""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.environments import EXTRAS, REPOSITORY

# All of them on the Python of MWAA.
MWAA = ("mwaa-2.11.0", "mwaa-2.11.2", "mwaa-3.0.6", "mwaa-3.2.1", "mwaa-3.3.1")
PYTHON = "3.12"
_AIRFLOW_FILE = "-airflow.txt"


@dataclass(frozen=True)
class Deployment:
    """One environment: `name` such as "mwaa-2.11.0", with its constraints files."""

    name: str
    files: tuple[Path, ...]
    python: str = PYTHON

    @property
    def airflow(self) -> str:
        """Return the requirement of Airflow itself, which Airflow's own constraints do not pin."""
        return f"apache-airflow=={self.name.rpartition('-')[2]}"

    def installs(self, wheel: Path) -> list[list[str]]:
        """Return the arguments of `pip install`: the wheel under the constraints, then the test tools."""
        files = [argument for file in self.files for argument in ("--constraints", str(file))]
        return [
            [*files, self.airflow, f"{wheel}[{','.join(EXTRAS)}]"],
            ["--constraints", write_without_test_tools(self.files), "--group", f"{REPOSITORY / 'pyproject.toml'}:test"],
        ]


def find_deployments(folder: str | None = os.environ.get("ARD_CONSTRAINTS")) -> list[Deployment]:
    """Return the deployments whose constraints are in a folder."""
    return [
        Deployment(name, tuple(path for path in (file, file.with_name(f"{name}-essential.txt")) if path.exists()))
        for file in sorted(Path(folder).glob(f"*{_AIRFLOW_FILE}") if folder else ())
        for name in [file.name.removesuffix(_AIRFLOW_FILE)]
    ]


def missing_deployments(deployments: list[Deployment]) -> list[str]:
    """Return the names of known deployments without constraints files."""
    return [name for name in MWAA if name not in {deployment.name for deployment in deployments}]


def write_without_test_tools(files: tuple[Path, ...]) -> str:
    """Return a constraints file without the test tools, which a deployment does not run: it pins older ones."""
    group = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["test"]
    names = [re.split(r"[\[<>=!~]", line)[0] for line in group if not line.startswith("apache-airflow")]
    tools = re.compile(rf"({'|'.join(name.replace('-', '[-_.]') for name in names)})\s*==", re.IGNORECASE)
    lines = [line for file in files for line in file.read_text().splitlines() if not tools.match(line)]
    path = Path(tempfile.mkdtemp()) / "constraints.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)

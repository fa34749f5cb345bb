"""The environments of the matrix: each Airflow version with the lowest or the newest allowed dependencies.

On Python 3.11, and the oldest and the newest Airflow also on the newest Python that they support.
`make matrix-constraints` pins all versions in `constraints/`, so that runs are reproducible.

`deployments.py` adds those with the constraints of a managed service.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parents[1]
AIRFLOWS = ("2.11", "3.0", "3.1", "3.2", "3.3")
RESOLUTIONS = ("floor", "newest")
PYTHON = "3.11"
UV = str(Path(sys.executable).with_name("uv"))
# Extras that the tests need.
CLOUDS = ("s3", "gcs", "azure")
EXTRAS = (*CLOUDS, "ogr", "sandbox", "examples")
# Packages in the summary table. A floor environment has the lowest version in pyproject.toml that Airflow allows.
TABLE_PACKAGES = ("apache-airflow", "pydantic", "shapely", "requests", "apache-airflow-providers-common-compat")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Environment:
    """One environment of the matrix: `airflow` such as "2.11", `resolution` "floor" or "newest", `python` "3.11"."""

    airflow: str
    resolution: str
    python: str = PYTHON

    @property
    def name(self) -> str:
        """Return the name, such as "2.11-floor" or "3.3-newest-py3.13"."""
        return f"{self.airflow}-{self.resolution}" + ("" if self.python == PYTHON else f"-py{self.python}")

    @property
    def requirements(self) -> Path:
        """Return the file with Airflow's exact version and exclusions of incompatible packages."""
        return FOLDER / "requirements" / f"{self.airflow}.in"

    @property
    def constraints(self) -> Path:
        """Return the file with the exact versions of all packages."""
        return FOLDER / "constraints" / f"{self.name}.txt"

    def installs(self, wheel: Path) -> list[list[str]]:
        """Return the arguments of `pip install`."""
        requirements = [f"{wheel}[{','.join(EXTRAS)}]", "--group", f"{REPOSITORY / 'pyproject.toml'}:test"]
        return [["--constraints", str(self.constraints), *requirements]]

    def pins(self) -> dict[str, str]:
        """Return name -> version of all installed packages."""
        return parse_pins(self.constraints.read_text())


ENVIRONMENTS = (
    *(Environment(airflow, resolution) for airflow in AIRFLOWS for resolution in RESOLUTIONS),
    # Airflow supports Python 3.13 since 3.1.
    Environment("2.11", "newest", "3.12"),
    Environment("3.3", "newest", "3.12"),
    Environment("3.3", "newest", "3.13"),
)


def find_python(version: str) -> str | None:
    """Return the path of a Python interpreter such as "3.13": this one, one on the PATH or of pyenv; None if missing."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    # pyenv's shims fail for versions that are not selected, which ends uv's search.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    paths = [path for path in os.environ.get("PATH", "").split(os.pathsep) if Path(path) != pyenv / "shims"]
    paths += map(str, sorted(pyenv.glob(f"versions/{version}.*/bin")))
    process = subprocess.run(
        [UV, "python", "find", "--system", "--no-project", "--no-python-downloads", version],
        env=os.environ | {"PATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout.strip() or None


def parse_pins(text: str) -> dict[str, str]:
    """Return name -> version of the exact pins in a requirements file."""
    return dict(_PIN.findall(text))


def base_dependencies() -> dict[str, str]:
    """Return name -> lowest version of the dependencies without extras in pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return dict(re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)", line).groups() for line in project["dependencies"])  # type: ignore[union-attr]

"""The environments of the matrix: an Airflow version each, with the lowest or the newest versions that we allow.

What is in one is written down in `constraints/`, by `make matrix-constraints`, so that the matrix of today is that of tomorrow.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
AIRFLOWS = ("2.11", "3.0", "3.1", "3.2", "3.3")
RESOLUTIONS = ("floor", "newest")
# The extras that the tests need.
CLOUDS = ("s3", "gcs", "azure")
EXTRAS = (*CLOUDS, "ogr", "sandbox", "examples")
# Of these, the lowest version that pyproject.toml allows is what the floor has, unless Airflow itself wants more.
SHOWN = ("pydantic", "shapely", "requests", "apache-airflow-providers-common-compat")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Environment:
    """One column of the matrix: `airflow` as in 2.11, `resolution` floor or newest."""

    airflow: str
    resolution: str

    @property
    def name(self) -> str:
        """Return how it is called, such as 2.11-floor."""
        return f"{self.airflow}-{self.resolution}"

    @property
    def requirements(self) -> Path:
        """Return the file with Airflow's exact version and what breaks it."""
        return HERE / "requirements" / f"{self.airflow}.in"

    @property
    def constraints(self) -> Path:
        """Return the file with the exact version of everything."""
        return HERE / "constraints" / f"{self.name}.txt"

    def pins(self) -> dict[str, str]:
        """Return name -> version of all that is installed."""
        return pins(self.constraints.read_text())


ENVIRONMENTS = tuple(Environment(airflow, resolution) for airflow in AIRFLOWS for resolution in RESOLUTIONS)


def pins(text: str) -> dict[str, str]:
    """Return name -> version of the exact pins in a requirements file."""
    return dict(_PIN.findall(text))


def base_dependencies() -> dict[str, str]:
    """Return name -> lowest version, as pyproject.toml states them for a plain install."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return dict(re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)", line).groups() for line in project["dependencies"])  # type: ignore[union-attr]

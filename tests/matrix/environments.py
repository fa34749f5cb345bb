"""The environments of the matrix: each Airflow version with the lowest or the newest allowed dependencies.

`make matrix-constraints` pins all versions in `constraints/`, so that runs are reproducible.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parents[1]
AIRFLOWS = ("2.11", "3.0", "3.1", "3.2", "3.3")
RESOLUTIONS = ("floor", "newest")
# Extras that the tests need.
CLOUDS = ("s3", "gcs", "azure")
EXTRAS = (*CLOUDS, "ogr", "sandbox", "examples")
# Packages in the summary table. A floor environment has the lowest version in pyproject.toml that Airflow allows.
TABLE_PACKAGES = ("pydantic", "shapely", "requests", "apache-airflow-providers-common-compat")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Environment:
    """One environment of the matrix: `airflow` such as "2.11", `resolution` "floor" or "newest"."""

    airflow: str
    resolution: str

    @property
    def name(self) -> str:
        """Return the name, such as "2.11-floor"."""
        return f"{self.airflow}-{self.resolution}"

    @property
    def requirements(self) -> Path:
        """Return the file with Airflow's exact version and exclusions of incompatible packages."""
        return FOLDER / "requirements" / f"{self.airflow}.in"

    @property
    def constraints(self) -> Path:
        """Return the file with the exact versions of all packages."""
        return FOLDER / "constraints" / f"{self.name}.txt"

    def pins(self) -> dict[str, str]:
        """Return name -> version of all installed packages."""
        return parse_pins(self.constraints.read_text())


ENVIRONMENTS = tuple(Environment(airflow, resolution) for airflow in AIRFLOWS for resolution in RESOLUTIONS)


def parse_pins(text: str) -> dict[str, str]:
    """Return name -> version of the exact pins in a requirements file."""
    return dict(_PIN.findall(text))


def base_dependencies() -> dict[str, str]:
    """Return name -> lowest version of the dependencies without extras in pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return dict(re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)", line).groups() for line in project["dependencies"])  # type: ignore[union-attr]

"""Write `constraints/` anew: ``python -m tests.matrix.resolve [NAME…]``, by uv, from pyproject.toml and `requirements/`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.matrix.environments import CLOUDS, ENVIRONMENTS, EXTRAS, REPOSITORY, Environment, base_dependencies, pins

PYTHON = "3.11"
COMPAT = "apache-airflow-providers-common-compat"


def compiled(*options: str, constraints: str) -> str:
    """Return what `uv pip compile` makes of pyproject.toml under constraints, given as text."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(constraints)
        file.flush()
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--python-version", PYTHON]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "-c", file.name]
        done = subprocess.run(
            [*command, *options, "pyproject.toml"], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
        )
    return done.stdout


def resolve(environment: Environment) -> str:
    """Return the pins of an environment."""
    airflow = environment.requirements.read_text()
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    if environment.resolution == "floor":
        # Other providers' newest versions would lift common-compat from its floor.
        wanted = airflow + f"{COMPAT}=={base_dependencies()[COMPAT]}.0\n"
        if environment.airflow.startswith("2."):
            # Airflow 3 wants a newer pydantic; what lifts it here is only the newest of others.
            wanted += f"pydantic=={base_dependencies()['pydantic']}.*\n"
            lowered = EXTRAS
        else:
            # The oldest providers of the clouds run on Airflow 2 alone.
            lowered = tuple(extra for extra in EXTRAS if extra not in CLOUDS)
        options = [word for extra in lowered for word in ("--extra", extra)]
        lowest = pins(compiled("--resolution", "lowest-direct", *options, constraints=wanted))
        direct = {name: version for name, version in lowest.items() if name in direct_dependencies(lowered)}
        airflow += "".join(f"{name}=={version}\n" for name, version in direct.items() if name != "apache-airflow")
    return compiled(*extras, "--group", "test", constraints=airflow)


def direct_dependencies(extras: tuple[str, ...]) -> set[str]:
    """Return the names of all that pyproject.toml asks for by itself, with these extras."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {re.split(r"[\[<>=!~]", line)[0] for line in lines}


if __name__ == "__main__":
    for one in ENVIRONMENTS:
        if not sys.argv[1:] or one.name in sys.argv[1:]:
            one.constraints.write_text(resolve(one))
            print(
                one.name, *(f"{name}=={version}" for name, version in one.pins().items() if name in base_dependencies())
            )

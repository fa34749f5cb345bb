"""Regenerate `constraints/` with uv from pyproject.toml and `requirements/`: `python -m tests.matrix.resolve [NAME…]`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib

from tests.matrix.environments import (
    CLOUDS,
    ENVIRONMENTS,
    EXTRAS,
    REPOSITORY,
    UV,
    Environment,
    base_dependencies,
    parse_pins,
)

# The oldest common compat provider that each version of Airflow allows, and managed services pin.
COMPAT = "apache-airflow-providers-common-compat"
OLDEST_COMPAT = {"2.11": "1.7.0", "3.0": "1.7.0"}
OLDEST_COMPAT_SINCE_3_1 = "1.7.4"


def compile_pins(*options: str, constraints: str, python: str) -> str:
    """Return the output of `uv pip compile` for pyproject.toml; `constraints` is the content of a constraints file."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(constraints)
        file.flush()
        command = [UV, "pip", "compile", "--quiet", "--python-version", python]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "-c", file.name]
        process = subprocess.run(
            [*command, *options, "pyproject.toml"], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
        )
    return process.stdout


def resolve(environment: Environment) -> str:
    """Return the content of an environment's constraints file."""
    airflow = environment.requirements.read_text()
    extras = [option for extra in EXTRAS for option in ("--extra", extra)]
    if environment.resolution == "floor":
        # The newest versions of other providers would raise it.
        airflow += f"{COMPAT}=={OLDEST_COMPAT.get(environment.airflow, OLDEST_COMPAT_SINCE_3_1)}\n"
        floor = airflow
        if environment.airflow.startswith("2."):
            # Airflow 3 requires a newer pydantic; here only the newest versions of other packages would raise it.
            floor += f"pydantic=={base_dependencies()['pydantic']}.*\n"
            floor_extras = EXTRAS
        else:
            # The oldest cloud providers run on Airflow 2 only.
            floor_extras = tuple(extra for extra in EXTRAS if extra not in CLOUDS)
        options = [option for extra in floor_extras for option in ("--extra", extra)]
        lowest = parse_pins(
            compile_pins("--resolution", "lowest-direct", *options, constraints=floor, python=environment.python)
        )
        direct = {name: version for name, version in lowest.items() if name in direct_dependencies(floor_extras)}
        airflow += "".join(f"{name}=={version}\n" for name, version in direct.items() if name != "apache-airflow")
    return compile_pins(*extras, "--group", "test", constraints=airflow, python=environment.python)


def direct_dependencies(extras: tuple[str, ...]) -> set[str]:
    """Return the names of the direct dependencies in pyproject.toml with these extras."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {re.split(r"[\[<>=!~]", line)[0] for line in lines}


if __name__ == "__main__":
    for environment in ENVIRONMENTS:
        if not sys.argv[1:] or environment.name in sys.argv[1:]:
            environment.constraints.write_text(resolve(environment))
            pins = environment.pins()
            print(environment.name, *(f"{name}=={pins[name]}" for name in base_dependencies() if name in pins))

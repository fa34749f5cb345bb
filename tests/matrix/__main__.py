"""Test the built wheel in each environment: `python -m tests.matrix [--short] [--jobs N] [NAME…]`.

The exit code is 0 if all tests pass. `--short` tests only the oldest and the newest environment, and the parts of each
suite that depend on the Airflow version. With `ARD_CONSTRAINTS`, a folder, also under the constraints of managed
services.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.matrix.deployments import MWAA, Deployment, find_deployments, missing_deployments
from tests.matrix.environments import (
    ENVIRONMENTS,
    REPOSITORY,
    TABLE_PACKAGES,
    UV,
    Environment,
    find_python,
    parse_pins,
)

FOLDER = REPOSITORY / ".matrix"
WORK = FOLDER / "work"
# Python 3.11 at one end, the newest at the other.
SHORT = ("2.11-floor", "3.3-newest-py3.13")
OLDEST_AND_NEWEST = (*SHORT, "3.3-newest")
# Warnings from this package are errors; old Airflow versions warn about newer libraries.
WARNINGS = "filterwarnings=default\nerror:::airflow_provider_ard"
TIMEOUT_S = 3600
# Unit tests wait most of their time.
PROCESSES = ("-n", "2", "--maxschedchunk", "2")


@dataclass(frozen=True)
class Suite:
    """Arguments of one pytest run. `short`: those of a short run; `between`: added for all but the oldest and newest."""

    name: str
    arguments: tuple[str, ...]
    short: tuple[str, ...]
    between: tuple[str, ...] = ()

    def arguments_for(self, environment: Environment | Deployment, *, short: bool) -> tuple[str, ...]:
        """Return the pytest arguments for an environment."""
        if short:
            return self.short
        return self.arguments if environment.name in OLDEST_AND_NEWEST else self.arguments + self.between


SUITES = (
    Suite(
        "unit",
        ("tests/unit", *PROCESSES),
        (
            *PROCESSES,
            *("tests/unit/test_provider_info.py", "tests/unit/hooks", "tests/unit/operators", "tests/unit/sensors"),
            *("tests/unit/triggers", "tests/unit/ordering/test_attempt.py", "tests/unit/ordering/test_placement.py"),
            # They take long, and depend on the API more than on Airflow.
            *("--ignore-glob", "*refusals.py", "--ignore-glob", "*verification.py"),
        ),
        # The sandbox does not depend on Airflow.
        between=("--ignore", "tests/unit/sandbox"),
    ),
    Suite(
        "examples",
        ("tests/integration/test_dag_test.py", "tests/integration/test_examples.py"),
        ("tests/integration/test_dag_test.py", "-k", "default"),
    ),
    Suite(
        "standalone",
        ("tests/integration/test_standalone.py",),
        # Each task takes Airflow 2.11 seven seconds, so not the example with its many tasks.
        ("tests/integration/test_standalone.py", "-k", "outage or one_task"),
    ),
)


@dataclass
class Outcome:
    """Test results of one environment."""

    environment: Environment | Deployment
    pins: dict[str, str] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> int:
    """Run the matrix, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.matrix", description="Test the built wheel with each supported Airflow version."
    )
    deployments = find_deployments()
    environments = [*ENVIRONMENTS, *deployments]
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="environment, such as 2.11-floor or mwaa-2.11.0; all by default",
        choices=[[], *sorted({*MWAA, *(environment.name for environment in environments)})],
    )
    parser.add_argument(
        "--short", action="store_true", help="only the oldest and newest environment, with shortened suites"
    )
    parser.add_argument("--jobs", type=int, default=2, help="number of environments to test concurrently")
    options = parser.parse_args()
    names = options.names or (SHORT if options.short else [environment.name for environment in environments])
    for name in missing_deployments(deployments):
        if name in names or not (options.names or options.short):
            print(f"{name}: skipped, its constraints are not in ARD_CONSTRAINTS", flush=True)
    wheel = prepare()
    with ThreadPoolExecutor(options.jobs) as pool:
        selected = installable([environment for environment in environments if environment.name in names])
        outcomes = list(pool.map(lambda environment: test(environment, wheel, short=options.short), selected))
    print("\n" + format_table(outcomes), flush=True)
    failures = [failure for outcome in outcomes for failure in outcome.failed]
    print("\n".join(failures), file=sys.stderr)
    return 1 if failures else 0


def installable(environments: list[Environment | Deployment]) -> list[Environment | Deployment]:
    """Return the environments whose Python is installed; print the names of the others."""
    pythons = {version: find_python(version) for version in {environment.python for environment in environments}}
    for environment in environments:
        if pythons[environment.python] is None:
            print(f"{environment.name}: skipped, Python {environment.python} is not installed", flush=True)
    return [environment for environment in environments if pythons[environment.python] is not None]


def prepare() -> Path:
    """Build the wheel and copy the tests to a folder without the package's source; return the wheel."""
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.rmtree(FOLDER / "dist", ignore_errors=True)
    WORK.mkdir(parents=True)
    for folder in ("tests", "demo", "dags_examples"):
        shutil.copytree(REPOSITORY / folder, WORK / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", WORK)
    # Azurite is installed from npm once and shared.
    (REPOSITORY / ".node").mkdir(exist_ok=True)
    (WORK / ".node").symlink_to(REPOSITORY / ".node")
    # The catalog of real tiles, where it is available.
    if (real := REPOSITORY.parent / "shared").exists() and not (FOLDER / "shared").exists():
        (FOLDER / "shared").symlink_to(real.resolve())
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", FOLDER / "dist", REPOSITORY], check=True)
    (wheel,) = (FOLDER / "dist").glob("*.whl")
    return wheel


def test(environment: Environment | Deployment, wheel: Path, *, short: bool) -> Outcome:
    """Create one environment and run all suites in it."""
    outcome, start = Outcome(environment), time.monotonic()
    folder = FOLDER / environment.name
    folder.mkdir(exist_ok=True)
    try:
        install(environment, wheel, folder)
    except subprocess.CalledProcessError as error:
        outcome.failed.append(f"{environment.name}: installation failed, see {folder / 'install.log'}: {error}")
        return outcome
    outcome.pins = installed_versions(folder)
    for suite in SUITES:
        code = run(suite.name, suite.arguments_for(environment, short=short), folder)
        outcome.counts[suite.name], passed = count_results(folder / f"{suite.name}.xml")
        if code or not passed:
            outcome.failed.append(f"{environment.name}: {suite.name} exited with {code}, see {folder / suite.name}.log")
    outcome.seconds = time.monotonic() - start
    print(environment.name, outcome.counts, f"{outcome.seconds:.0f} s", flush=True)
    return outcome


def install(environment: Environment | Deployment, wheel: Path, folder: Path) -> None:
    """Install the wheel and the test dependencies under the environment's constraints, and check the result."""
    python = folder / "venv" / "bin" / "python"
    interpreter = find_python(environment.python) or environment.python
    pip = [UV, "pip", "install", "--quiet", "--python", python, "--reinstall-package", "airflow-provider-ard"]
    commands = [
        [UV, "venv", "--quiet", "--clear", "--python", interpreter, folder / "venv"],
        *([*pip, *arguments] for arguments in environment.installs(wheel)),
        [UV, "pip", "check", "--quiet", "--python", python],
        [
            python,
            "-c",
            "import airflow_provider_ard as package; assert 'site-packages' in package.__file__, package.__file__",
        ],
    ]
    with (folder / "install.log").open("wb") as log:
        for command in commands:
            subprocess.run(
                command, cwd=WORK, env=environ(), stdout=log, stderr=subprocess.STDOUT, check=True, timeout=TIMEOUT_S
            )


def environ() -> dict[str, str]:
    """Return the environment variables without those that configure Airflow, pytest or Python's path."""
    ours = ("AIRFLOW", "PYTEST", "PYTHONPATH", "VIRTUAL_ENV")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


def installed_versions(folder: Path) -> dict[str, str]:
    """Return name -> version of the packages in an environment."""
    command = [UV, "pip", "freeze", "--quiet", "--python", folder / "venv" / "bin" / "python"]
    return parse_pins(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def run(suite: str, arguments: tuple[str, ...], folder: Path) -> int:
    """Run a suite and return pytest's exit code."""
    report = folder / f"{suite}.xml"
    report.unlink(missing_ok=True)
    command = [folder / "venv" / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", WARNINGS]
    # Keep the files that tests write, such as Airflow logs, for inspection.
    command += ["--junit-xml", report, "--basetemp", folder / f"{suite}.tmp", *arguments]
    with (folder / f"{suite}.log").open("wb") as log:
        process = subprocess.run(
            command, cwd=WORK, env=environ(), stdout=log, stderr=subprocess.STDOUT, check=False, timeout=TIMEOUT_S
        )
    return process.returncode


def count_results(report: Path) -> tuple[str, int]:
    """Return "passed/failed/skipped" of a JUnit report, and the number of passed tests."""
    if not report.exists():
        return "-", 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failed, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites for key in keys)
        for keys in (("tests",), ("failures", "errors"), ("skipped",))
    )
    return f"{total - failed - skipped}/{failed}/{skipped}", total - failed - skipped


def format_table(outcomes: list[Outcome]) -> str:
    """Return the summary table: package versions, and passed/failed/skipped tests of each suite."""
    packages = [name.removeprefix("apache-").removeprefix("airflow-providers-") for name in TABLE_PACKAGES]
    rows = [["environment", "python", *packages, *(suite.name for suite in SUITES), "seconds"]]
    for outcome in outcomes:
        row = [outcome.environment.name, outcome.environment.python]
        row += [outcome.pins.get(name, "-") for name in TABLE_PACKAGES]
        rows.append([*row, *(outcome.counts.get(suite.name, "-") for suite in SUITES), f"{outcome.seconds:.0f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())

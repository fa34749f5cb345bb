"""Test the built wheel in every environment: ``python -m tests.matrix [--short] [--jobs N] [NAME…]``.

Exit code 0 if nothing has failed anywhere. `--short`: the two ends, and of each suite what differs between versions.
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

from tests.matrix.environments import ENVIRONMENTS, EXTRAS, REPOSITORY, SHOWN, Environment

FOLDER = REPOSITORY / ".matrix"
WORK = FOLDER / "work"
UV = str(Path(sys.executable).with_name("uv"))
ENDS = ("2.11-floor", "3.3-newest")
# Warnings are errors where they are ours; an old Airflow's own ones about its newer libraries are not.
WARNINGS = "filterwarnings=default\nerror:::airflow_provider_ard"
WITHIN_S = 3600


@dataclass(frozen=True)
class Suite:
    """What one call of pytest runs; `short` are its arguments in the short form, `between` those between the ends."""

    name: str
    arguments: tuple[str, ...]
    short: tuple[str, ...]
    between: tuple[str, ...] = ()

    def chosen(self, environment: Environment, *, short: bool) -> tuple[str, ...]:
        """Return the arguments for an environment."""
        if short:
            return self.short
        return self.arguments if environment.name in ENDS else self.arguments + self.between


SUITES = (
    Suite(
        "unit",
        ("tests/unit",),
        (
            *("tests/unit/test_provider_info.py", "tests/unit/hooks", "tests/unit/operators", "tests/unit/sensors"),
            "tests/unit/triggers",
        ),
        # The sandbox knows nothing of Airflow.
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
        ("tests/integration/test_standalone.py", "-k", "deferred or first_try or in_xcom"),
    ),
)


@dataclass
class Outcome:
    """What came of one environment."""

    environment: Environment
    counts: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> int:
    """Run, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="Test the wheel on every Airflow.")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *(one.name for one in ENVIRONMENTS)])
    parser.add_argument("--short", action="store_true", help="the two ends in short form")
    parser.add_argument("--jobs", type=int, default=2, help="environments at a time")
    options = parser.parse_args()
    names = options.names or (ENDS if options.short else [one.name for one in ENVIRONMENTS])
    wheel = prepare()
    with ThreadPoolExecutor(options.jobs) as pool:
        chosen = [one for one in ENVIRONMENTS if one.name in names]
        outcomes = list(pool.map(lambda one: test(one, wheel, short=options.short), chosen))
    print("\n" + table(outcomes), flush=True)
    broken = [failure for outcome in outcomes for failure in outcome.failed]
    print("\n".join(broken), file=sys.stderr)
    return 1 if broken else 0


def prepare() -> Path:
    """Build the wheel, and lay the tests where the checkout's package is not beside them. Return the wheel."""
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.rmtree(FOLDER / "dist", ignore_errors=True)
    WORK.mkdir(parents=True)
    for folder in ("tests", "demo", "dags_examples"):
        shutil.copytree(REPOSITORY / folder, WORK / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", WORK)
    # Azurite, fetched from npm once for all.
    (REPOSITORY / ".node").mkdir(exist_ok=True)
    (WORK / ".node").symlink_to(REPOSITORY / ".node")
    # The metadata of real tiles, where they are beside the repository.
    if (real := REPOSITORY.parent / "shared").exists() and not (FOLDER / "shared").exists():
        (FOLDER / "shared").symlink_to(real.resolve())
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", FOLDER / "dist", REPOSITORY], check=True)
    (wheel,) = (FOLDER / "dist").glob("*.whl")
    return wheel


def test(environment: Environment, wheel: Path, *, short: bool) -> Outcome:
    """Make one environment and run all suites in it."""
    outcome, began = Outcome(environment), time.monotonic()
    folder = FOLDER / environment.name
    folder.mkdir(exist_ok=True)
    try:
        install(environment, wheel, folder)
    except subprocess.CalledProcessError as error:
        outcome.failed.append(f"{environment.name}: not installed, see {folder / 'install.log'}: {error}")
        return outcome
    for suite in SUITES:
        code = run(suite.name, suite.chosen(environment, short=short), folder)
        outcome.counts[suite.name], ran = count_results(folder / f"{suite.name}.xml")
        if code or not ran:
            outcome.failed.append(f"{environment.name}: {suite.name} ended with {code}, see {folder / suite.name}.log")
    outcome.seconds = time.monotonic() - began
    print(environment.name, outcome.counts, f"{outcome.seconds:.0f} s", flush=True)
    return outcome


def install(environment: Environment, wheel: Path, folder: Path) -> None:
    """Install the wheel and what tests need at the environment's exact versions; it must be complete and not mixed."""
    python = folder / "venv" / "bin" / "python"
    commands = [
        [UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder / "venv"],
        [
            *(UV, "pip", "install", "--quiet", "--python", python, "--constraints", environment.constraints),
            *("--reinstall-package", "airflow-provider-ard", f"{wheel}[{','.join(EXTRAS)}]"),
            *("--group", f"{REPOSITORY / 'pyproject.toml'}:test"),
        ],
        [UV, "pip", "check", "--quiet", "--python", python],
        [python, "-c", "import airflow_provider_ard as ours; assert 'site-packages' in ours.__file__, ours.__file__"],
    ]
    with (folder / "install.log").open("wb") as log:
        for command in commands:
            subprocess.run(command, cwd=WORK, stdout=log, stderr=subprocess.STDOUT, check=True, timeout=WITHIN_S)


def run(suite: str, arguments: tuple[str, ...], folder: Path) -> int:
    """Run a suite, and return pytest's exit code."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTEST", "VIRTUAL_ENV"))}
    report = folder / f"{suite}.xml"
    report.unlink(missing_ok=True)
    command = [folder / "venv" / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", WARNINGS]
    # What the tests write, such as the logs of an Airflow, is there to be looked at afterwards.
    command += ["--junit-xml", report, "--basetemp", folder / f"{suite}.tmp", *arguments]
    with (folder / f"{suite}.log").open("wb") as log:
        ended = subprocess.run(
            command, cwd=WORK, env=env, stdout=log, stderr=subprocess.STDOUT, check=False, timeout=WITHIN_S
        )
    return ended.returncode


def count_results(report: Path) -> tuple[str, int]:
    """Return "passed/failed/skipped" of a JUnit report, and how many tests passed."""
    if not report.exists():
        return "none", 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failed, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites for key in keys)
        for keys in (("tests",), ("failures", "errors"), ("skipped",))
    )
    return f"{total - failed - skipped}/{failed}/{skipped}", total - failed - skipped


def table(outcomes: list[Outcome]) -> str:
    """Return the summary: versions, and passed/failed/skipped of each suite."""
    rows = [["environment", "airflow", *(name.removeprefix("apache-airflow-providers-") for name in SHOWN)]]
    rows[0] += [*(suite.name for suite in SUITES), "s"]
    for outcome in outcomes:
        pins = outcome.environment.pins()
        row = [outcome.environment.name, *(pins[name] for name in ("apache-airflow", *SHOWN))]
        rows.append([*row, *(outcome.counts.get(suite.name, "none") for suite in SUITES), f"{outcome.seconds:.0f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())

"""Run the demo: start all servers, run the example DAG, check the results, stop all servers."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import time
from typing import TYPE_CHECKING

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.backend.durations import parse_duration
from demo.interrupt import InterruptedBySignalError
from demo.report import Ingested
from demo.run_reporter import DAG_ID, RunReporter
from demo.standalone import REPOSITORY, USER, AirflowFailedError, StandaloneAirflow, free_port
from demo.storage import S3Server

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from demo.interrupt import Interrupts

BUCKET = "ard-demo"
DELIVERED = f"s3://{BUCKET}/delivered"
INGESTED = f"s3://{BUCKET}/ingested"
# Timeout of the DAG run in addition to the order's duration, in seconds.
RUN_TIMEOUT_S = 600.0
MARKER_FILE = ".ard-demo"
# The STAC item of a tile, as delivered: zone/quadkey/date/acquisition.json.
ITEM = re.compile(r"/\d{2}/[0-3]{12}/\d{4}-\d{2}-\d{2}/[^/]+\.json$")


class DemoFailedError(Exception):
    """The demo failed; the message contains the reason."""


class Output:
    """Prints lines with the time since the start, in seconds."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        """Print a line."""
        self.plain(f"[{time.monotonic() - self._start:6.1f} s] {text}")

    def plain(self, text: str) -> None:
        """Print text unchanged. A closed terminal must not prevent the cleanup."""
        with contextlib.suppress(OSError):
            print(text, flush=True)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Run the demo and return its exit code."""
    output = Output()
    try:
        _run(options, interrupts, output)
    except InterruptedBySignalError as interrupt:
        output(f"stopped by {interrupt}; all servers are stopped")
        return 128 + interrupt.signum
    except (DemoFailedError, AirflowFailedError, OSError, ValueError) as error:
        output(f"FAILED: {error}")
        return 1
    output("all servers are stopped")
    return 0


def _run(options: argparse.Namespace, interrupts: Interrupts, output: Output) -> None:
    duration = parse_duration(options.order_duration)
    folder = fresh_folder(options.folder)
    with contextlib.ExitStack() as services:
        s3 = services.enter_context(S3Server(BUCKET, port=free_port(options.s3_port)))
        output(f"S3 server    {s3.url}")
        ard = services.enter_context(
            Sandbox(order_duration=duration, storage="s3", s3_endpoint=s3.url, port=free_port(options.sandbox_port))
        )
        output(f"ARD sandbox  {ard.url}, an order takes {duration:g} s")
        connections = {
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
        }
        output("starting Airflow (half a minute; two on a slow or busy machine)")
        airflow = services.enter_context(
            StandaloneAirflow(
                folder / "airflow",
                REPOSITORY / "dags_examples",
                env=connections,
                port=free_port(options.airflow_port),
                pause=interrupts.pause,
                print_line=output,
            )
        )
        services.callback(lambda: output("stopping"))
        output(f"Airflow      {airflow.url}, scheduler, DAG processor, API server and triggerer are healthy")
        try:
            airflow.wait_for_dag(DAG_ID)
            reporter = RunReporter(airflow, output, {"destination": DELIVERED, "ingested": INGESTED})
            airflow.wait_until(reporter.poll, within=duration + RUN_TIMEOUT_S, what="the DAG run to finish", every=1.0)
            check(reporter, s3, folder, output)
        except (DemoFailedError, AirflowFailedError) as error:
            if not options.keep:
                raise
            output(f"FAILED: {error}")
            keep_running(airflow, interrupts, output)
            raise DemoFailedError("see above") from None
        if options.keep:
            keep_running(airflow, interrupts, output)


def check(reporter: RunReporter, s3: S3Server, folder: Path, output: Output) -> None:
    """Print the ingested tiles. Raises `DemoFailedError` unless they are all delivered tiles."""
    if reporter.failures:
        raise DemoFailedError("\n\n".join(reporter.failures))
    ingested = Ingested.fetch(s3, INGESTED, folder)
    delivered = {uri for uri in s3.uris(DELIVERED) if ITEM.search(uri)}
    output.plain("\n" + ingested.table() + "\n")
    if missing := delivered - ingested.item_uris():
        raise DemoFailedError("delivered, but missing in the catalog:\n" + "\n".join(sorted(missing)))
    if not delivered:
        raise DemoFailedError("nothing was delivered")
    output(f"all {len(delivered)} delivered tiles were ingested")
    output(f"catalog      {ingested.catalog}")
    output(f"mosaic       {ingested.mosaic}")


def keep_running(airflow: StandaloneAirflow, interrupts: Interrupts, output: Output) -> None:
    """Keep all servers running until a signal is received. Raises `AirflowFailedError` if Airflow dies."""
    output(f"Airflow's UI is at {airflow.url}, user {USER}, password {airflow.password}; Ctrl-C stops everything")
    output.plain("\nFor `ard` and `airflow` in a second terminal, after `. .venv/bin/activate`:\n")
    output.plain(exports(airflow.environment) + "\n")
    with contextlib.suppress(InterruptedBySignalError):
        while True:
            airflow.check_alive()
            interrupts.pause(1.0)


def exports(environment: Mapping[str, str]) -> str:
    """Return the shell commands that set the environment variables for this Airflow and the sandbox."""
    names = ("AIRFLOW_HOME", "AIRFLOW_CONN_ARD_DEFAULT", "AIRFLOW_CONN_AWS_DEFAULT", "AIRFLOW__CORE__DAGS_FOLDER")
    return "\n".join(f"export {name}={shlex.quote(environment[name])}" for name in names)


def fresh_folder(folder: Path) -> Path:
    """Empty the demo's folder, and return it.

    Raises ValueError for a non-empty folder that is not of the demo, or whose demo is still running.
    """
    mark = folder / MARKER_FILE
    if mark.exists():
        owner = mark.read_text()
        if owner.isdigit() and _runs(int(owner)):
            raise ValueError(f"--folder: a demo is already running in {folder} (process {owner}); use another folder")
        shutil.rmtree(folder)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"--folder: {folder} is not empty and was not created by the demo; use another folder")
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(str(os.getpid()))
    return folder.resolve()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()

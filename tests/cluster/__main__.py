"""Airflow on several hosts under random kills, cuts and restarts: `python -m tests.cluster [--short]`.

Runs once with CeleryExecutor and, with fewer orders, once with LocalExecutor; `--short` only the first, with few orders.
`ARD_CLUSTER_SEED` sets the seed. The hosts are network namespaces inside a network, process and mount namespace of each
run: however it ends, the kernel ends all its processes and removes its network.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.cluster.airflow_components import CELERY, LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

# The process ID namespace ends with its first process, and all others with it. That ends with `unshare`, and `unshare`
# with this process, even if it is killed.
UNSHARE = (
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--net",
    "--ipc",
    "--uts",
    "--mount",
    "--mount-proc",
    "--pid",
    "--fork",
    "--kill-child",
)
COMMANDS = ("unshare", "ip", "nft", "setpriv", "hostname", "redis-server")
# Executor, orders, incidents.
FULL = ((CELERY, 100, 60), (LOCAL, 20, 12))
# The short chaos tests run LocalExecutor.
SHORT = ((CELERY, 8, 8),)


def main() -> None:
    """Run with one executor after the other; the exit code is that of the first run that fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="only CeleryExecutor, with fewer orders and incidents")
    parser.add_argument("--keep", action="store_true", help="keep the logs also of runs without problems")
    options = parser.parse_args()
    if reason := missing():
        sys.exit(f"cluster: {reason}")
    # A terminal interrupts the run as well, which then keeps its logs and ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    seed = int(os.environ.get("ARD_CLUSTER_SEED") or time.time_ns() % 2**32)
    print(f"ARD_CLUSTER_SEED={seed}", flush=True)
    for executor, orders, events in SHORT if options.short else FULL:
        arguments = ["--seed", str(seed), "--executor", executor, "--orders", str(orders), "--events", str(events)]
        if code := run([*arguments, "--keep"] if options.keep else arguments):
            sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run it in namespaces and a folder of its own, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="ard-cluster-") as folder:
        # PostgreSQL does not run as root.
        Path(folder).chmod(0o711)
        command = [*UNSHARE, sys.executable, "-m", "tests.cluster.run", "--folder", folder, *arguments]
        with subprocess.Popen(command) as process:
            try:
                return process.wait()
            except SystemExit:
                # `unshare` does not pass the signal on.
                for child in psutil.Process(process.pid).children():
                    child.terminate()
                process.wait()
                raise


def stop(signum: int, frame: FrameType | None) -> None:
    """End the program, and with it the run."""
    sys.exit(128 + signum)


def missing() -> str:
    """Return why no hosts can be made on this machine, empty if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if absent := [command for command in COMMANDS if shutil.which(command) is None]:
        return f"not installed: {', '.join(absent)}"
    probe = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        return f"namespaces cannot be created here, as in most containers: {probe.stderr.strip()}"
    return ""


if __name__ == "__main__":
    main()

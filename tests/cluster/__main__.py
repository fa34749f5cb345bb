"""Airflow on several hosts under random kills, cuts and restarts: `python -m tests.cluster [--short]`.

Runs once with CeleryExecutor and, with fewer orders, once with LocalExecutor. `ARD_CLUSTER_SEED` sets the seed. The
hosts are network namespaces inside a network, process and mount namespace of each run: when it ends, in whatever way,
the kernel ends all its processes and removes its network.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time

from tests.cluster.airflow_components import CELERY, LOCAL

# The process ID namespace ends with its first process, and kills all others.
UNSHARE = ("unshare", "--net", "--ipc", "--uts", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child")
COMMANDS = ("unshare", "ip", "nft", "setpriv", "hostname", "redis-server")
# Executor, orders, incidents.
FULL = ((CELERY, 100, 60), (LOCAL, 20, 12))
SHORT = ((CELERY, 12, 8), (LOCAL, 6, 4))


def main() -> None:
    """Run all, and exit with 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="fewer orders and incidents")
    options = parser.parse_args()
    if reason := missing():
        sys.exit(f"cluster: {reason}")
    seed = int(os.environ.get("ARD_CLUSTER_SEED") or time.time_ns() % 2**32)
    print(f"ARD_CLUSTER_SEED={seed}", flush=True)
    codes = []
    for executor, orders, events in SHORT if options.short else FULL:
        arguments = ["--seed", str(seed), "--executor", executor, "--orders", str(orders), "--events", str(events)]
        command = [*UNSHARE, sys.executable, "-m", "tests.cluster.run", *arguments]
        codes.append(subprocess.run(command, check=False).returncode)
    sys.exit(1 if any(codes) else 0)


def missing() -> str:
    """Return why no hosts can be made on this machine, empty if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root: run `make cluster` as root"
    if absent := [command for command in COMMANDS if shutil.which(command) is None]:
        return f"not installed: {', '.join(absent)}"
    probe = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        return f"namespaces cannot be created here, as in most containers: {probe.stderr.strip()}"
    return ""


if __name__ == "__main__":
    main()

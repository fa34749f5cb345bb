"""Run programs, and start each again that ends: ``python -m tests.chaos.components PLAN``, until it is interrupted.

PLAN is a JSON file: ``{"first": [COMMAND, …], "always": {NAME: COMMAND, …}}``. The commands under "first" run once, one
after the other. Beside PLAN, NAME.log holds what a program prints and NAME.pid which process it is now.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

LOOK_EVERY = 0.2


def start(name: str, command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    # A reader must never see half a number.
    fresh = folder / f"{name}.pid.new"
    fresh.write_text(str(process.pid))
    fresh.rename(folder / f"{name}.pid")
    return process


def main() -> None:
    file = Path(sys.argv[1])
    plan = json.loads(file.read_text())
    for command in plan["first"]:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    running: dict[str, subprocess.Popen[bytes]] = {}
    # Interrupted by the guard, which ends whatever is left of the session.
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for name, command in plan["always"].items():
                if name not in running or running[name].poll() is not None:
                    running[name] = start(name, command, file.parent)
            time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main()

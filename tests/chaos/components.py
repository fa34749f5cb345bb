"""Process supervisor: `python -m tests.chaos.components PLAN` runs programs and restarts each one that exits.

PLAN is a JSON file: `{"first": [COMMAND, …], "always": {NAME: COMMAND, …}}`. The commands under "first" run once and in
order. Each program writes its output to NAME.log next to PLAN; NAME.pid holds its current process ID.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

CHECK_INTERVAL_S = 0.2


def start(name: str, command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    # Renamed into place, because a reader must never see a partly written number.
    new_file = folder / f"{name}.pid.new"
    new_file.write_text(str(process.pid))
    new_file.rename(folder / f"{name}.pid")
    return process


def main() -> None:
    file = Path(sys.argv[1])
    plan = json.loads(file.read_text())
    for command in plan["first"]:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    running: dict[str, subprocess.Popen[bytes]] = {}
    # The guard process interrupts this process and kills the rest of its session.
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for name, command in plan["always"].items():
                if name not in running or running[name].poll() is not None:
                    running[name] = start(name, command, file.parent)
            time.sleep(CHECK_INTERVAL_S)


if __name__ == "__main__":
    main()

"""Check the pins of constraints.txt for known vulnerabilities: `python -m tests.release.audit pip-audit@VERSION`.

Exit code 0: none known. 1: some, listed. 2: unknown, no advisory service was reached.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONNECTION_ERRORS = (
    "ServiceError",
    "ConnectionError",
    "ConnectTimeout",
    "Max retries",
    "Connection refused",
    "NameResolution",
)
SERVICES = ("pypi", "osv")


def verdict(code: int, output: str) -> int:
    """Return the exit code for the exit code and output of pip-audit."""
    if code == 0:
        return 0
    if "known vulnerabilit" in output and not any(text in output for text in CONNECTION_ERRORS):
        return 1
    return 2


def main() -> int:
    """Query the advisory services in turn until one responds. Return the exit code."""
    uv = Path(sys.executable).with_name("uv")
    for service in SERVICES:
        command = [
            uv,
            "tool",
            "run",
            "--quiet",
            sys.argv[1],
            "--vulnerability-service",
            service,
            "--progress-spinner=off",
        ]
        command += ["--disable-pip", "--no-deps", "--requirement", "constraints.txt", "--timeout", "10"]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        output = process.stdout + process.stderr
        code = verdict(process.returncode, output)
        if code != 2:
            sys.stdout.write(output)
            return code
        reason = (output.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        sys.stderr.write(f"The advisory service {service} was not reached: {reason}\n")
    sys.stderr.write("NOT AUDITED: no advisory service could be reached.\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())

"""List the licenses of the wheel and its dependencies, and fail if one is available under the GPL only.

`python -m tests.release.licenses PYTHON VERSION`: the Python of an environment with the wheel, and the version of pip-licenses.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

# The LGPL allows use as a library; one suitable license among several is enough.
GPL = re.compile(r"(?<!L)(?<!Lesser )\b(A?GPL|GNU (Affero )?General Public License)", re.IGNORECASE)


def gpl_only(license_text: str) -> bool:
    """Whether every alternative of a license text, as pip-licenses prints it, is a GPL."""
    alternatives = re.split(r"\s+OR\s+|;", license_text)
    return all(GPL.search(alternative) for alternative in alternatives)


def main() -> int:
    """Print the table, and return 1 if one is GPL only."""
    tool = Path(sys.executable).with_name("uv")
    command = [tool, "tool", "run", f"pip-licenses@{sys.argv[2]}", f"--python={sys.argv[1]}", "--format=json"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for package in packages:
        sys.stdout.write(f"{package['Name']:55}{package['Version']:15}{package['License']}\n")
    rejected = [package["Name"] for package in packages if gpl_only(package["License"])]
    sys.stdout.write(f"{len(packages)} packages; under the GPL only: {', '.join(rejected) or 'none'}\n")
    return 1 if rejected else 0


if __name__ == "__main__":
    sys.exit(main())

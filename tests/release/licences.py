"""List the licences of what the wheel brings along, and refuse what may be had under the GPL alone.

``python -m tests.release.licences PYTHON``, the Python of an environment with the wheel and what it needs, by pip-licenses.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

# The LGPL allows use as a library; of several licences one that allows it is enough.
GPL = re.compile(r"(?<!L)(?<!Lesser )\b(A?GPL|GNU (Affero )?General Public License)", re.IGNORECASE)


def gpl_only(licence: str) -> bool:
    """Tell whether every alternative of a licence text, as pip-licenses prints it, is a GPL."""
    alternatives = re.split(r"\s+OR\s+|;", licence)
    return all(GPL.search(alternative) for alternative in alternatives)


def main() -> int:
    """Print the table, and return 1 if one of them is a GPL alone."""
    tool = Path(sys.executable).with_name("uv")
    command = [tool, "tool", "run", f"pip-licenses@{sys.argv[2]}", f"--python={sys.argv[1]}", "--format=json"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for one in listed:
        sys.stdout.write(f"{one['Name']:55}{one['Version']:15}{one['License']}\n")
    refused = [one["Name"] for one in listed if gpl_only(one["License"])]
    sys.stdout.write(f"{len(listed)} packages; under the GPL alone: {', '.join(refused) or 'none'}\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())

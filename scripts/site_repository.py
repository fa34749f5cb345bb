"""Link each page of the documentation to the repository; a hook of MkDocs.

The address is `Source` in pyproject.toml's `[project.urls]`, as for the description on PyPI. The theme's own link, of
`repo_url`, would load figures of the repository from another host.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Add the link to the footer, if the project has an address. MkDocs calls this once."""
    project = Path(config["config_file_path"]).with_name("pyproject.toml")
    source = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("urls", {}).get("Source")
    if source:
        config["extra"]["social"] = [{"icon": "fontawesome/brands/git-alt", "link": source, "name": "Repository"}]
    return config

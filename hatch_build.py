"""What the build adds: the README as the description on PyPI, with absolute links, and the example DAGs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

# An inline link or image to a file of the repository, with an optional title.
_RELATIVE = re.compile(r'(?P<image>!?)\[(?P<text>[^]]*)\]\((?!https?://|#)(?P<path>[^)\s]+)(?:\s+"[^"]*")?\)')
_CODE_BLOCK = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


_VERSION = re.compile(r'^__version__ = "(.+)"', re.MULTILINE)


class ReadmeHook(MetadataHookInterface):
    """Set `readme`, which is dynamic in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README with absolute links."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        (version,) = _VERSION.findall((Path(self.root) / "airflow_provider_ard" / "__init__.py").read_text())
        source = metadata.get("urls", {}).get("Source", "").rstrip("/")
        # The tag of a release is its version.
        base = f"{source}/{{view}}/{version}/" if source else ""
        metadata["readme"] = {"content-type": "text/markdown", "text": with_absolute_links(text, base)}


class ExamplesHook(BuildHookInterface[Any]):
    """Ship the example DAGs: Airflow 3.3 shows those of each provider with `[core] load_examples`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add `dags_examples/` to a wheel, except to an editable one, which would contain a copy."""
        if version == "standard":
            build_data["force_include"]["dags_examples"] = "airflow_provider_ard/example_dags"


def with_absolute_links(text: str, base: str) -> str:
    """Return Markdown with absolute links; without a `base`, links become text and images disappear.

    `base` contains `{view}` for the view of a file at GitHub: blob for a page, raw for an image.
    """

    def replace(match: re.Match[str]) -> str:
        if not base:
            return "" if match["image"] else match["text"]
        url = base.format(view="raw" if match["image"] else "blob") + match["path"]
        return f"{match['image']}[{match['text']}]({url})"

    blocks = _CODE_BLOCK.split(text)
    # Odd blocks are code.
    return "".join(block if index % 2 else _RELATIVE.sub(replace, block) for index, block in enumerate(blocks))

"""Badges of the README: what the code and the version matrix support. Files, since no service knows the project yet."""

from __future__ import annotations

import re
import tomllib
from html import escape
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
CHARACTER = 6.6
PADDING = 10


def airflow_badge() -> str:
    """Return the badge of the first and the last version of Airflow in the version matrix."""
    source = (REPOSITORY / "tests" / "matrix" / "environments.py").read_text(encoding="utf-8")
    versions = re.findall(r'"([\d.]+)"', source[source.index("AIRFLOWS = ") :].partition("\n")[0])
    return _badge("Airflow", f"{versions[0]} to {versions[-1]}")


def python_badge() -> str:
    """Return the badge of the first and the last version of Python among the classifiers."""
    versions = [
        text.rpartition(" ")[2] for text in _project()["classifiers"] if re.search(r":: Python :: 3\.\d+$", text)
    ]
    return _badge("Python", f"{versions[0]} to {versions[-1]}")


def license_badge() -> str:
    """Return the badge of the license."""
    return _badge("license", _project()["license"])


def _project() -> dict[str, Any]:
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(document["project"])


def _badge(label: str, value: str) -> str:
    left, right = (len(text) * CHARACTER + PADDING for text in (label, value))
    label_text, value_text = (
        f'<text x="{x:g}" y="14" text-anchor="middle">{escape(text)}</text>'
        for x, text in ((left / 2, label), (left + right / 2, value))
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right:g}" height="20" role="img" aria-label="{label}: {value}">
<clipPath id="corners"><rect width="{left + right:g}" height="20" rx="3"/></clipPath>
<g clip-path="url(#corners)">
<rect width="{left:g}" height="20" fill="#555"/>
<rect x="{left:g}" width="{right:g}" height="20" fill="#2c6fb5"/>
</g>
<g fill="#fff" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11">
{label_text}
{value_text}
</g>
</svg>
"""

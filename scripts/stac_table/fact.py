"""A fact about the form of real deliveries, and how the same is read from a delivery of the sandbox.

Facts are from public documents, restated in words; `docs/sandbox-stac.md` lists the sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from delivery import Delivery

NOT_PUBLIC = "not public"


@dataclass(frozen=True)
class Fact:
    """A row of the table.

    `real`: the form of real deliveries. `sandbox`: a function that returns that of a delivery, in the same words.
    `assumed`: why the real form is not certain. `differs`: why the form of the sandbox is another one.
    """

    name: str
    real: str
    sandbox: Callable[[Delivery], str]
    assumed: str = ""
    differs: str = ""

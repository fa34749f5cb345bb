"""Arguments of triggers as Airflow's database stores them, possibly by another version of this package."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)


def ignore_unknown_arguments(trigger: str, arguments: Mapping[str, object]) -> None:
    """Log a warning for arguments that this version does not know: a newer one stored them and was rolled back.

    A wait that fails because of them could not end with its order.
    """
    if arguments:
        log.warning(
            "%s: unknown arguments ignored, stored by another version: %s", trigger, ", ".join(sorted(arguments))
        )

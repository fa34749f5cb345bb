"""Lets random incidents happen, one after the other, drawn from a seed."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.cluster.incidents import KINDS

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster
    from tests.cluster.incidents import Incident

PAUSES_S = (4.0, 12.0)


class Events:
    """Call `tick` often, and `end` to end all incidents.

    The same seed draws the same incidents in the same order. Which process a kill hits depends on what runs then.
    """

    def __init__(self, cluster: Cluster, seed: int, limit: int) -> None:
        self.counts: Counter[str] = Counter()
        self._cluster = cluster
        self._random = random.Random(seed)
        self._victims = random.Random(seed)
        self._limit = limit
        self._lasting: list[tuple[float, Incident]] = []
        self._next_at = time.monotonic()

    def tick(self) -> None:
        """End incidents that have lasted long enough, and start the next one if it is time."""
        now = time.monotonic()
        self._end_before(now)
        if now >= self._next_at and self.counts.total() < self._limit:
            self._start_one(now)

    def end(self) -> None:
        """End all incidents."""
        self._end_before(float("inf"))

    def _start_one(self, now: float) -> None:
        self._next_at = now + self._random.uniform(*PAUSES_S)
        kind = self._random.choices(KINDS, [kind.weight for kind in KINDS])[0]
        incident = kind(self._cluster, self._random, self._victims)
        if not incident.start():
            return
        self.counts[incident.kind] += 1
        if incident.duration:
            self._lasting.append((now + incident.duration, incident))
        length = f"{incident.duration:.0f} s" if incident.duration else ""
        print(time.strftime("%X"), ", ".join(filter(None, [incident.kind, incident.detail, length])), flush=True)

    def _end_before(self, moment: float) -> None:
        for _, incident in [entry for entry in self._lasting if entry[0] <= moment]:
            incident.end()
        self._lasting = [entry for entry in self._lasting if entry[0] > moment]

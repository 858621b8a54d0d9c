"""Deliver findings: each once to each sink, as the ledger in the lake knows it.

A finding is sent, then its delivery is written. After a crash in between, or a failure that may have been none, a sink
that can tell what it has (Kafka) is asked: exactly once. Any other is sent it again under the same finding_id, by which
a receiver can drop it: at least once, and exactly once for a receiver that does so. UDP tells nobody what arrived.
A sink begins with what is found after it was first seen; it does not get the history. A finding that the other side
will not take stands in no other's way: two failures in a row are taken for a sink that is down.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from analytics.detecting.catalog import SEVERITIES
from console.alerts.settings import Alert
from console.alerts.sinks import Sender
from console.exits import say
from console.terminal import visible
from store.errors import TooltrailError
from store.lake import Lake
from store.settings import Settings
from store.tables import TABLES

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
_DUE = """
WITH first AS (SELECT finding_id, min(found_time) AS found FROM finding_states GROUP BY finding_id)
SELECT f.*, found AS found_time FROM findings f JOIN first USING (finding_id)
WHERE f.state = 'open' AND list_contains($severities, f.severity)
  AND found >= (SELECT min(delivery_time) FROM deliveries WHERE sink = $sink AND state = 'began')
  AND finding_id NOT IN (SELECT finding_id FROM deliveries WHERE sink = $sink AND state = 'sent')
ORDER BY list_position($severities, f.severity), f.event_time, finding_id"""
_SENT_TODAY = """
SELECT count(DISTINCT finding_id) FROM deliveries
WHERE sink = $sink AND state = 'sent' AND delivery_date = $today"""


FAILURES = (OSError, http.client.HTTPException, ValueError, TooltrailError)
"""What sending raises where the other side, its name or its answer is wrong."""


@dataclass
class _Pause:
    """How long to wait after a failure, and until when."""

    seconds: float = 0.0
    until: float = 0.0

    def longer(self, now: float) -> None:
        self.seconds = min(max(FIRST_PAUSE, self.seconds * 2), LONGEST_PAUSE)
        self.until = now + self.seconds


@dataclass
class Courier:
    """Delivers to one sink; after a failure it waits, ever longer, before it tries again."""

    lake: Lake
    alert: Alert
    deliver: Callable[[Alert, Mapping[str, Any]], None] = field(default_factory=lambda: Sender(Settings()))
    arrived: Callable[[Alert, datetime], frozenset[str]] = lambda *_: frozenset()
    clock: Callable[[], float] = time.monotonic
    _unsure: bool = field(default=True, init=False)
    _down: _Pause = field(default_factory=_Pause, init=False)
    _refused: dict[str, _Pause] = field(default_factory=dict, init=False)

    def begin(self) -> None:
        """Write down when alerts of this sink began, the first time."""
        asked = "SELECT count(*) AS n FROM deliveries WHERE sink = $sink AND state = 'began'"
        if not self.lake.sql(asked, {"sink": self.alert.name}).arrow()["n"][0].as_py():
            self._write(None, "began")

    def run(self) -> int:
        """Send what is due within today's budget; returns how many were sent. A failure is said and kept."""
        if self.clock() < self._down.until:
            return 0
        count = in_a_row = 0
        due = self._due()
        there = self._there(due)
        for finding in due:
            if finding["finding_id"] in there:
                self._write(finding["finding_id"], "sent")
            elif self._try(finding):
                self._down = _Pause()
                count, in_a_row = count + 1, 0
            elif (in_a_row := in_a_row + 1) > 1:
                self._down.longer(self.clock())
                break
        return count

    def _there(self, due: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Return what of the due has arrived already, asked where it is not sure: at the start, and after a failure."""
        if not due or not self._unsure:
            return frozenset()
        try:
            there = self.arrived(self.alert, min(row["found_time"] for row in due))
        except FAILURES as error:
            say(
                f"alerts.{self.alert.name}: cannot be asked what arrived: {_reason(error)}; it may get some twice"
            )
            return frozenset()
        self._unsure = False
        return there

    def _try(self, finding: Mapping[str, Any]) -> bool:
        try:
            self.deliver(self.alert, finding)
        except FAILURES as error:
            self._failed(finding, error)
            return False
        self._write(finding["finding_id"], "sent")
        self._refused.pop(finding["finding_id"], None)
        return True

    def _due(self) -> Sequence[Mapping[str, Any]]:
        """Return what is to be sent, the gravest first, what was refused before last."""
        graver = list(SEVERITIES[SEVERITIES.index(self.alert.severity) :])[::-1]
        rows: list[Mapping[str, Any]] = (
            self.lake.sql(_DUE, {"sink": self.alert.name, "severities": graver}).arrow().to_pylist()
        )
        rows = [row for row in rows if self.clock() >= self._refused.get(row["finding_id"], _Pause()).until]
        return sorted(self._within_budget(rows), key=lambda row: row["finding_id"] in self._refused)

    def _within_budget(self, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        if not self.alert.budget:
            return rows
        today = {"sink": self.alert.name, "today": datetime.now(UTC).date()}
        sent = self.lake.sql(_SENT_TODAY, today).arrow().column(0)[0].as_py()
        return rows[: max(0, self.alert.budget - sent)]

    def _failed(self, finding: Mapping[str, Any], error: Exception) -> None:
        pause = self._refused.setdefault(finding["finding_id"], _Pause())
        pause.longer(self.clock())
        self._unsure = True
        reason = _reason(error)
        say(f"alerts.{self.alert.name}: not sent, {reason}; trying again in {pause.seconds:.0f} s")
        self._write(finding["finding_id"], "failed", reason)

    def _write(self, finding: str | None, state: str, error: str | None = None) -> None:
        now = datetime.now(UTC)
        row = {"finding_id": finding, "sink": self.alert.name, "state": state, "error": error,
               "delivery_time": now, "delivery_date": now.date()}  # fmt: skip
        self.lake.append("deliveries", pa.Table.from_pylist([row], TABLES["deliveries"].schema))


def _reason(error: Exception) -> str:
    return visible(str(error) or type(error).__name__)[:200]

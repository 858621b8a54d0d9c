"""What is written down of each run. A run is claimed by a commit that only one process can make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from console.schedule.settings import Schedule
from store.commit import Advance
from store.errors import FencedError
from store.lake import Lake
from store.tables import TABLES

LAST = ("sent", "gave_up")
"""States after which nothing more is done for a target."""
_RUN = """
SELECT run_id, due_time, state, target, title, page, page_sha256, error, run_time FROM report_runs
WHERE run_id = (SELECT arg_max(run_id, run_time) FROM report_runs WHERE schedule = $schedule AND state = 'began')
ORDER BY run_time"""
_STATUS = """
SELECT schedule, max(due_time) FILTER (state = 'began') AS last_due, arg_max(state, run_time) AS last_state,
       count(DISTINCT run_id) FILTER (state = 'began') AS runs, count(*) FILTER (state = 'failed') AS failures,
       arg_max(error, run_time) FILTER (state IN ('failed', 'gave_up')) AS last_error,
       max(run_time) FILTER (state = 'sent') AS last_sent
FROM report_runs GROUP BY schedule"""


@dataclass(frozen=True)
class Run:
    """One run that was claimed, as far as it got: what was made, what each target got, how often it failed."""

    run_id: str
    due: datetime
    page: str | None
    title: str | None
    made: bool
    gave_up: bool
    sent: frozenset[str]
    failures: int
    last: datetime

    def finished(self, schedule: Schedule) -> bool:
        """Tell whether nothing is left to do."""
        return self.gave_up or (self.made and self.sent >= set(schedule.targets))


@dataclass(frozen=True)
class Ledger:
    """The runs of a lake's schedules."""

    lake: Lake

    def claimed(self, schedule: Schedule) -> datetime | None:
        """Return the last time that was claimed, or at which the schedule was first seen; None: never seen."""
        position, _ = self.lake.position("report_runs", f"schedule:{schedule.name}")
        return None if position is None else datetime.fromtimestamp(position, UTC)

    def register(self, schedule: Schedule, now: datetime) -> None:
        """Write down that a schedule was first seen; what was due before is not made up for."""
        self._claim(schedule, "registered", None, now, None)

    def claim(self, schedule: Schedule, due: datetime, missed: int) -> str | None:
        """Claim a run; returns its id, or None when another process was first."""
        before = self.claimed(schedule)
        if before is not None and before >= due:
            return None
        return self._claim(schedule, "began", before, due, missed)

    def again(self, schedule: Schedule, due: datetime) -> str:
        """Begin a run anew that was claimed before."""
        run_id = f"{run_of(schedule, due)}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        self.write(schedule, run_id, due, "began")
        return run_id

    def _claim(
        self, schedule: Schedule, state: str, before: datetime | None, due: datetime, missed: int | None
    ) -> str | None:
        run_id = run_of(schedule, due)
        expected = None if before is None else int(before.timestamp())
        step = Advance(f"schedule:{schedule.name}", expected, int(due.timestamp()))
        try:
            self.write(schedule, run_id, due, state, {"missed": missed}, [step])
        except FencedError:
            return None
        return run_id

    def write(
        self,
        schedule: Schedule,
        run_id: str,
        due: datetime,
        state: str,
        more: Mapping[str, Any] | None = None,
        steps: list[Advance] | None = None,
    ) -> None:
        """Write one fact of a run."""
        now = datetime.now(UTC)
        row = {"run_id": run_id, "schedule": schedule.name, "report": schedule.report, "due_time": due, "state": state,
               "run_time": now, "run_date": now.date(), **(more or {})}  # fmt: skip
        self.lake.append(
            "report_runs", pa.Table.from_pylist([row], TABLES["report_runs"].schema), steps or ()
        )

    def last(self, schedule: Schedule) -> Run | None:
        """Return the run that was begun last."""
        rows = self.lake.sql(_RUN, {"schedule": schedule.name}).arrow().to_pylist()
        if not rows:
            return None
        made = next((row for row in rows if row["state"] == "made"), None)
        return Run(
            rows[0]["run_id"], rows[0]["due_time"], made and made["page"], made and made["title"], made is not None,
            any(row["state"] == "gave_up" for row in rows),
            frozenset(row["target"] for row in rows if row["state"] == "sent"),
            sum(row["state"] == "failed" for row in rows), rows[-1]["run_time"],
        )  # fmt: skip

    def status(self) -> dict[str, dict[str, Any]]:
        """Return what became of each schedule's runs, by its name."""
        return {row["schedule"]: row for row in self.lake.sql(_STATUS).arrow().to_pylist()}


def run_of(schedule: Schedule, due: datetime) -> str:
    """Return the id of a run: equal for equal times, so that receivers know a repeat."""
    return f"{schedule.name}-{due:%Y%m%dT%H%M}"

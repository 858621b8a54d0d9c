"""Make what is due, once, and hand it on until it has arrived.

A run is claimed in the lake before it is made. A crash leaves it claimed and unfinished, and the next look goes on
with it: what was made is not made again, what was sent is not sent again. Of runs missed while nothing was running the
last one is made. A failure is written down and tried again, ever later, until it is given up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from console.exits import say
from console.reporting import contents, means
from console.schedule.delivering import Parcel, deliver
from console.schedule.ledger import Ledger, Run
from console.schedule.settings import Schedule
from console.terminal import visible
from reports.catalog import Request, load
from store.durable import write_file
from store.errors import BusyError, TooltrailError
from store.lake import Lake
from store.locks import alone
from store.settings import Settings

OUTBOX = "outbox"
FIRST_PAUSE, LONGEST_PAUSE, MOST_FAILURES = timedelta(seconds=5), timedelta(hours=1), 24


@dataclass(frozen=True)
class Runner:
    """Runs the schedules of a lake; `now` is the clock."""

    lake: Lake
    settings: Settings
    ledger: Ledger = field(init=False)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ledger", Ledger(self.lake))

    def look(self, schedule: Schedule) -> str:
        """Do what is to be done for a schedule now; returns idle, done or failed. What another process runs is its."""
        try:
            with alone(self.lake, f"schedule-{schedule.name}"):
                return self._look(schedule)
        except BusyError:
            return "idle"

    def _look(self, schedule: Schedule) -> str:
        run = self.ledger.last(schedule)
        if run is not None and not run.finished(schedule):
            return self._go_on(schedule, run) if self.now() >= run.last + pause(run.failures) else "idle"
        before = self.ledger.claimed(schedule)
        if before is None:
            self.ledger.register(schedule, self.now())
            return "idle"
        due = schedule.due(self.now())
        if due <= before:
            return "idle"
        return self._begin(schedule, due, schedule.missed(before, due))

    def once(self, schedule: Schedule, *, again: bool) -> str:
        """Make the run that is due, or go on with an unfinished one; returns idle, done or failed."""
        with alone(self.lake, f"schedule-{schedule.name}"):
            run = self.ledger.last(schedule)
            due = schedule.due(self.now())
            if again:
                return self._go_on(schedule, _fresh(self.ledger.again(schedule, due), due))
            if run is not None and not run.finished(schedule):
                return self._go_on(schedule, run)
            return self._begin(schedule, due, 0)

    def _begin(self, schedule: Schedule, due: datetime, missed: int) -> str:
        run_id = self.ledger.claim(schedule, due, missed)
        if run_id is None:
            return "idle"
        if missed:
            say(f"{schedule.label}: {missed:,} earlier runs were missed; only the last is made")
        return self._go_on(schedule, _fresh(run_id, due))

    def _go_on(self, schedule: Schedule, run: Run) -> str:
        """Make what is not made, send what is not sent; what fails is written down."""
        try:
            parcel = self._made(schedule, run)
        except Exception as error:  # noqa: BLE001 - one report that cannot be made stops no other, and is written down
            return self._failed(schedule, run, None, error)
        outcome = "done"
        for target in schedule.targets:
            if target in run.sent:
                continue
            try:
                deliver(target, schedule, parcel, self.settings, self.lake)
            except Exception as error:  # noqa: BLE001 - as above, of one target
                outcome = self._failed(schedule, run, target, error)
            else:
                self.ledger.write(
                    schedule, run.run_id, run.due, "sent", {"target": target, "title": parcel.title}
                )
                say(f"{schedule.label}: {parcel.title} sent to {target}")
        if outcome == "done":
            shutil.rmtree(self._outbox(run), ignore_errors=True)
        return outcome

    def _made(self, schedule: Schedule, run: Run) -> Parcel:
        folder = self._outbox(run)
        if run.made and run.page and (folder / run.page).is_file():
            return Parcel.of(folder, run)
        since = run.due - timedelta(days=schedule.days) if schedule.days else None
        asked = Request(
            schedule.subject or None, since, run.due, None, schedule.servers, schedule.principals, means(self.settings)
        )  # fmt: skip
        page = load(schedule.report).build(self.lake, asked)
        folder.mkdir(parents=True, exist_ok=True)
        files = dict(contents(page, pdf=schedule.pdf))
        for name, content in files.items():
            write_file(folder / name, content)
        write_file(folder / "summary.txt", "\n".join(page.summary).encode())
        first = f"{page.stem}.html"
        told = {"title": page.about.title, "page": first, "page_sha256": sha256(files[first]).hexdigest(),
                "events_version": page.about.version}  # fmt: skip
        self.ledger.write(schedule, run.run_id, run.due, "made", told)
        return Parcel(folder, run.run_id, run.due, first, page.about.title)

    def _failed(self, schedule: Schedule, run: Run, target: str | None, error: Exception) -> str:
        reason = visible(_reason(error))[:300]
        gave_up = run.failures + 1 >= MOST_FAILURES
        state = "gave_up" if gave_up else "failed"
        self.ledger.write(schedule, run.run_id, run.due, state, {"target": target, "error": reason})
        then = "given up" if gave_up else f"trying again in {pause(run.failures + 1).total_seconds():,.0f} s"
        say(f"{schedule.label}: {f'not sent to {target}' if target else 'not made'}, {reason}; {then}")
        return "failed"

    def _outbox(self, run: Run) -> Path:
        return self.lake.path / OUTBOX / run.run_id


def _reason(error: Exception) -> str:
    """Return what went wrong; the text of a bug may quote what was logged, so only its kind is told."""
    if isinstance(error, TooltrailError | OSError):
        return str(error) or type(error).__name__
    return f"this is a bug in tooltrail: {type(error).__name__}; the same report made by hand says where"


def pause(failures: int) -> timedelta:
    """Return how long is waited after so many failures: none, then five seconds, doubled each time up to an hour."""
    return min(FIRST_PAUSE * 2 ** min(failures - 1, 20), LONGEST_PAUSE) if failures else timedelta(0)


def _fresh(run_id: str, due: datetime) -> Run:
    return Run(run_id, due, None, None, made=False, gave_up=False, sent=frozenset(), failures=0, last=due)

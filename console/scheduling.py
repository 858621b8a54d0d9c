"""`tooltrail schedule` at the console: the daemon, one run, and how things stand."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from console.exits import Exit, say
from console.ingesting import stop_on_signal
from console.options import Place
from console.output import Output, rows_of
from console.schedule.ledger import Ledger
from console.schedule.runner import Runner
from console.schedule.settings import Schedule, read
from console.stamping import authority_of, keep_stamped
from store.errors import TooltrailError, UsageError
from store.settings import find_file

if TYPE_CHECKING:
    from threading import Event

POLL_SECONDS = 5.0
TRIES, BETWEEN = 3, (2.0, 10.0)
_COLUMNS = (
    "schedule", "report", "cron", "timezone", "next", "last_due", "last_state", "runs", "failures", "last_sent",
    "targets", "last_error",
)  # fmt: skip
_SHORT = ("schedule", "report", "next", "last_due", "last_state", "failures", "last_error")


def schedules(place: Place) -> list[Schedule]:
    """Return the schedules of the configuration; UsageError when there is none."""
    found = read(find_file(place.path, place.config))
    if not found:
        raise UsageError(
            "no report is on a schedule", hint="[schedule.NAME] in tooltrail.toml: docs/schedule.md"
        )
    return found


def run(place: Place) -> None:
    """Stay, and make reports as they become due, until a signal."""
    known = schedules(place)
    runner = Runner(place.open_to_ask(), place.settings())
    authority_of(runner.settings.integrity)
    for schedule in known:
        say(
            f"{schedule.label}: {schedule.report}, next at {schedule.next(datetime.now(UTC)):%Y-%m-%d %H:%M} UTC"
        )
    with stop_on_signal(say) as stop:
        while not stop.is_set():
            _look(runner, known)
            stop.wait(POLL_SECONDS)


def _look(runner: Runner, known: list[Schedule]) -> None:
    """Look at each schedule, then at the time stamps; what goes wrong with one stops no other."""
    for schedule in known:
        try:
            runner.look(schedule)
        except (TooltrailError, OSError) as error:
            say(f"{schedule.label}: {error}")
    try:
        keep_stamped(runner.lake, runner.settings.integrity)
    except (TooltrailError, OSError) as error:
        say(f"time stamp: {error}")


def once(place: Place, name: str, *, again: bool) -> int:
    """Make what is due of one schedule, and try a few times to hand it on; returns the exit code."""
    schedule = _named(schedules(place), name)
    runner = Runner(place.open_to_ask(), place.settings())
    with stop_on_signal(say) as stop:
        return _once(runner, schedule, stop, again=again)


def _once(runner: Runner, schedule: Schedule, stop: Event, *, again: bool) -> int:
    for attempt in range(TRIES):
        outcome = runner.once(schedule, again=again and attempt == 0)
        if outcome == "idle":
            due = schedule.due(datetime.now(UTC))
            say(
                f"{schedule.label}: the run due at {due:%Y-%m-%d %H:%M} UTC was made before; --again makes it anew"
            )
        if outcome != "failed":
            return Exit.DONE
        if attempt + 1 < TRIES and stop.wait(BETWEEN[attempt]):
            return Exit.STOPPED
    return Exit.FAILED


def status(place: Place, output: Output) -> None:
    """Print each schedule: when it is due next, what became of its last run, and what failed."""
    known = schedules(place)
    told = Ledger(place.open_to_ask()).status()
    now = datetime.now(UTC)
    rows = [_row(schedule, told.get(schedule.name, {}), now) for schedule in known]
    output.write(rows_of(rows, _SHORT if output.chosen == "table" else _COLUMNS))


def _row(schedule: Schedule, told: dict[str, Any], now: datetime) -> dict[str, Any]:
    seen = {name: told.get(name) for name in ("last_due", "last_state", "last_error", "last_sent")}
    counts = {name: told.get(name) or 0 for name in ("runs", "failures")}
    return {
        "schedule": schedule.name, "report": schedule.report, "cron": schedule.cron, "timezone": schedule.timezone,
        "next": schedule.next(now), "targets": schedule.targets, **seen, **counts,
    }  # fmt: skip


def _named(known: list[Schedule], name: str) -> Schedule:
    for schedule in known:
        if schedule.name == name:
            return schedule
    names = [schedule.name for schedule in known]
    near = get_close_matches(name, names, n=1)
    raise UsageError(
        f"there is no schedule {name!r}",
        hint=f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}",
    )

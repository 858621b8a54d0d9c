"""`tooltrail lake`: the library's answers as rows, and what was done as talk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.exits import Exit, say
from console.options import Place
from console.output import Output, rows_of
from console.stamping import keep_stamped
from console.terminal import visible
from store.errors import UsageError

if TYPE_CHECKING:
    from store.keeping.compacting import Target
    from store.keeping.expiring import Periods
    from store.keeping.records import Done
    from store.keeping.vacuuming import Ages

_DONE = ("operation", "table_name", "version", "rows_before", "rows_after", "files_before", "files_after")


def ages_of(place: Place) -> Ages:
    """Return how long files stay that nothing needs."""
    from store.keeping.vacuuming import Ages

    keeping = place.settings().keeping
    return Ages(keeping.grace, keeping.orphans_after)


def target_of(place: Place) -> Target:
    """Return how large files are to become."""
    from store.keeping.compacting import Target

    keeping = place.settings().keeping
    return Target(keeping.target_bytes, keeping.target_rows)


def periods_of(place: Place) -> Periods:
    """Return how long rows are kept; UsageError for a class or table there is none of."""
    from store.events import EVENT_CLASSES
    from store.keeping.expiring import Periods
    from store.tables import TABLES

    said = place.settings().retention
    classes, tenants, tables = (
        {n.name: n.seconds for n in named} for named in (said.classes, said.tenants, said.tables)
    )
    known = {
        "retention.classes": (classes, EVENT_CLASSES),
        "retention.tables": (tables, [n for n in TABLES if n != "events"]),
    }
    for setting, (chosen, names) in known.items():
        if strange := [name for name in chosen if name not in names]:
            raise UsageError(
                f"there is no {strange[0]!r}", where=setting, hint=f"known are {', '.join(names)}"
            )
    return Periods(said.events, classes, tenants, tables)


def show_status(place: Place, output: Output) -> None:
    """Print a row for each table, and in talk what is held, erased and waiting, and who vouches for the log."""
    from console.standing import of_log, of_pin
    from store.keeping.status import TableStatus, status

    known = status(place.open(), target_of(place), ages_of(place))
    output.write(rows_of([asdict(t) for t in known.tables], list(TableStatus.__dataclass_fields__)))
    for line in of_log(known.log, datetime.now(UTC)):
        say(line)
    for pin in known.pins:
        say(of_pin(pin))
    for (state, reason), count in sorted(known.erasures.items()):
        say(f"erasures   {count:,} {state}: {reason}")
    say(f"holds      {known.holds:,} in force")
    if known.waiting:
        say(f"requests   {known.waiting:,} wait for a second person: tooltrail lake requests")


def compact_tables(place: Place, output: Output, tables: Sequence[str]) -> None:
    """Compact tables and print what was done."""
    from store.keeping.compacting import Group, compact
    from store.tables import TABLES

    if strange := [name for name in tables if name not in TABLES]:
        raise UsageError(f"there is no table {strange[0]!r}", hint=f"tables: {', '.join(TABLES)}")

    def told(group: Group) -> None:
        say(f"compacted  {group.table} {group.day}: {len(group.files):,} files, {group.rows:,} rows")

    _print_done(output, compact(place.open(), tables, target_of(place), told))


def expire_rows(place: Place, output: Output, *, dry_run: bool) -> None:
    """Remove what is over and print it by table, or print the files that hold such rows."""
    from store.keeping import expiring, records
    from store.keeping.compacting import HINT
    from store.locks import alone

    lake, periods = place.open(), periods_of(place)
    if dry_run:
        rows = [{"table": o.table, "day": str(o.file.day), "file": o.file.path, "rows": o.file.rows, "over": o.over,
                 "held": o.held, "drop_whole": not o.leaves} for o in expiring.find_over(lake, periods)]  # fmt: skip
        output.write(rows_of(rows, ("table", "day", "file", "rows", "over", "held", "drop_whole")))
        return
    with alone(lake, "keeping", HINT):
        done = expiring.expire_held(lake, periods)
        records.record(lake, done)
    _print_done(output, done)


def maintain_lake(place: Place, output: Output, seconds: float | None) -> None:
    """Do a round of upkeep and print what was done."""
    from store.keeping.maintaining import Upkeep, maintain

    upkeep = Upkeep(periods_of(place), target_of(place), ages_of(place), place.settings().keeping.ledger,
                    float("inf") if seconds is None else seconds)  # fmt: skip
    lake = place.open()
    _print_done(output, maintain(lake, upkeep))
    keep_stamped(lake, place.settings().integrity)


def _print_done(output: Output, done: Sequence[Done]) -> None:
    output.write(rows_of([asdict(one) for one in done], _DONE))


def set_hold(
    place: Place, reason: str, by: str, *, since: datetime | None, until: datetime | None, **covered: Any
) -> None:
    """Set a hold and print its id; say what it covers, for a name with a slip in it would hold nothing."""
    from store.keeping import holding
    from store.keeping.subjects import known_as

    lake = place.open()
    ledger = place.settings().keeping.ledger
    hold_id = holding.put(
        lake, reason, by, since=_utc(since), until=_utc(until), second_copy=ledger, **covered
    )
    click.echo(hold_id)
    hold = holding.find(lake, hold_id)
    rows = holding.count(lake, hold)
    say(f"held       {rows:,} rows that are there now, and what comes later")
    if not rows:
        say("check      is that what the lake calls it? `tooltrail who` and `tooltrail sessions` list names")
    subject = hold.selector.subject
    if others := known_as(lake, [subject])[0][1:] if subject else []:
        say(f"not held   rows under other names of the same person alone: {', '.join(map(visible, others))}")
    say(f"release    takes two people: tooltrail lake hold release {hold_id} --reason WHY --by NAME")


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def list_holds(place: Place, output: Output) -> None:
    """Print the holds in force."""
    from store.keeping import holding

    columns = ("hold_id", "case_id", "covers", "reason", "by")
    rows: list[Mapping[str, Any]] = [
        {**asdict(hold), "covers": _covers(asdict(hold.selector))} for hold in holding.in_force(place.open())
    ]
    output.write(rows_of(rows, columns))


def _covers(selector: Mapping[str, Any]) -> str:
    said = {name: value for name, value in selector.items() if value}
    sessions = said.pop("sessions", None)
    events = said.pop("events", None)
    parts = [f"session {sessions[0]}"] if sessions else []
    parts += [f"{len(events):,} events"] if events else []
    conditions = said.pop("conditions", ())
    parts += [f"{name} {value}" for name, value in said.items()]
    return ", ".join([*parts, *(f"{column}={value}" for column, value in conditions)])


def propose_release(place: Place, hold_id: str, reason: str, by: str) -> None:
    """Propose to release a hold and print the request's id."""
    from store.keeping import approving, holding

    lake = place.open()
    hold = holding.find(lake, hold_id)
    request = approving.propose(lake, "release", hold.hold_id, reason, by)
    click.echo(request.request_id)
    say(f"proposed   another person releases it: tooltrail lake approve {request.request_id} --by NAME")


def back_up(place: Place, folder: Path, *, with_keys: bool, check: bool) -> int:
    """Make a backup, or check the newest one; returns the exit code."""
    from store.keeping import backing_up

    if check:
        held = backing_up.read_backup(folder)
        damaged = backing_up.check(folder, held)
        for path in damaged:
            click.echo(path)
        say(f"backup     {held.taken}: {len(held.files):,} files, {len(damaged):,} damaged")
        return Exit.FAULT_FOUND if damaged else Exit.DONE
    made = backing_up.back_up(place.open(), folder, with_keys=with_keys)
    say(f"backup     {made.taken}: events version {made.versions['events']}, {len(made.files):,} files, "
        f"{made.fresh_bytes:,} bytes were new")  # fmt: skip
    if not with_keys:
        say("keys       are not in it: keep site.key and log.key in a place of their own")
    return Exit.DONE


def restore_lake(
    place: Place, folder: Path, taken: str | None, keys: Path | None, ledgers: Sequence[Path]
) -> int:
    """Make a lake of a backup and say what was erased again; returns the exit code."""
    from console.forgetting import fingerprints_of
    from store.keeping.restoring import restore

    done = restore(folder, place.path.absolute(), fingerprints_of, taken=taken, keys=keys, ledgers=ledgers)
    backup = done.backup
    say(f"restored   {done.lake.path} as of {backup.taken}, events version {backup.versions['events']}")
    if not ledgers:
        say(
            "ledger     none was given: who was erased, and what was held, after the backup is not known here"
        )
    if done.holds:
        say(f"holds      {done.holds:,} set or released again, as the ledgers say")
    for erased in done.erased:
        say(f"erased     {erased.erasure_id} again: {erased.state}, {erased.rows:,} rows")
    say(f"check      tooltrail verify --lake {done.lake.path}, with a checkpoint that was kept elsewhere")
    return Exit.FAULT_FOUND if any(erased.residue for erased in done.erased) else Exit.DONE

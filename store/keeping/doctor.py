"""The doctor: says what is wrong with a lake on disk, and mends what can be mended, on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from store.commit import LOG
from store.datafile import key_index
from store.drafts import remove
from store.durable import write_file
from store.errors import TooltrailError
from store.keeping import erasing, file_faults, log_faults, notes
from store.keeping.compacting import HINT
from store.keeping.faults import Fault, set_aside
from store.keeping.records import Done, record
from store.keeping.replacing import Change, replace_files
from store.keeping.rereading import JOBS, Lost, jobs_ahead, lost, step_back
from store.keeping.rows import plain, read_rows
from store.keeping.vacuuming import Ages
from store.keys import derive
from store.lake import Lake
from store.locks import alone
from store.snapshot import StoredFile
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.letters import DEAD_LETTERS, GAPS
from store.upgrading import make_tables, template_of, upgrade

RESTORE = "cannot be made again: restore it from a backup"


def examine(path: Path, ages: Ages | None = None, *, quick: bool = False) -> list[Fault]:
    """Return what is wrong with a lake. Nothing is changed; UnreachableError when there is no lake to look at."""
    lake = Lake.open(path, upgraded=False)
    found = [fault for table in TABLES.values() for fault in log_faults.find(lake.path, table)]
    shut = {fault.table for fault in found if fault.kind != "damaged_hint"}
    for table in TABLES.values():
        if table.name in shut:
            continue
        try:
            found += file_faults.find(lake, table, quick=quick)
        except (TooltrailError, OSError) as error:
            found.append(Fault("unreadable", table.name, lake.path / table.name, str(error), "restore from a backup",
                               mends=False))  # fmt: skip
    if not shut and not any(fault.kind == "unreadable" for fault in found):
        found += _of_keeping(lake, ages or Ages())
    return found


def _of_keeping(lake: Lake, ages: Ages) -> Iterator[Fault]:
    yield from file_faults.unneeded(lake, ages)
    for note in notes.unfinished(lake):
        if not erasing.is_held(lake, note):
            yield Fault(
                "unfinished_erasure", "", lake.path / notes.FOLDER / f"{note.erasure_id}.json",
                "an approved erasure was interrupted", "gone on with",
            )  # fmt: skip


def repair(
    path: Path, ages: Ages | None = None, *, step_back_over: bool = False, ledger: Path | None = None
) -> tuple[list[Done], list[Fault]]:
    """Mend what can be mended; returns what was done and what is still wrong. `ledger` is its second copy.

    `step_back_over` also gives up the commits after one that is gone: their rows are read again where they can be.
    """
    lake = Lake.open(path, upgraded=False)
    with alone(lake, "keeping", HINT):
        logs = [fault for table in TABLES.values() for fault in log_faults.find(lake.path, table)]
        done = [one for fault in logs for one in _mend_log(lake, fault, step_back_over)]
        if not any(fault.kind == "no_log" for fault in logs):
            lake = Lake.open(path)
        if any(fault.table == EVENTS.name for fault in logs) and done:
            _hold_jobs_back(lake)
        found = examine(path, ages)
        done += [one for fault in found for one in _mend(lake, fault, ledger)]
        record(lake, done)
    return done, examine(path, ages) if done else found


def _hold_jobs_back(lake: Lake) -> None:
    """Let no job stand on a version of events that was set aside: it would pass over what takes its place."""
    with suppress(TooltrailError):  # a table that cannot be opened is among the faults that remain
        for holder, position in jobs_ahead(lake):
            replace_files(lake, TABLES[holder], Change("repair", [], positions=position))


def _mend_log(lake: Lake, fault: Fault, step_back_over: bool) -> Iterator[Done]:
    """Set aside what keeps a table from being opened."""
    root = lake.path / fault.table
    if fault.kind in ("torn_commit", "damaged_hint"):
        yield _aside(lake, fault, [fault.path])
    elif fault.kind == "damaged_checkpoint" and fault.mends:
        version = fault.path.name.split(".")[0]
        yield _aside(
            lake, fault, [*(root / LOG).glob(f"{version}.checkpoint*"), root / LOG / log_faults.HINT]
        )
    elif (
        fault.kind in ("missing_commit", "damaged_commit")
        and step_back_over
        and "nothing after" in fault.meaning
    ):
        later = [p for p in sorted((root / LOG).glob("*.json")) if p.name >= fault.path.name]
        yield _aside(lake, fault, later[::-1])


def _aside(lake: Lake, fault: Fault, paths: Sequence[Path]) -> Done:
    _tell_log(lake, fault, paths)
    moved = [set_aside(lake.path, path) for path in paths if path.exists()]
    return Done("repair", fault.table, None, 0, 0, len(moved), 0, reason=fault.kind,
                detail=f"{fault.meaning}; set aside {', '.join(p.name for p in moved)}")  # fmt: skip


def _tell_log(lake: Lake, fault: Fault, paths: Sequence[Path]) -> None:
    """Tell the transparency log of the commits that are about to be set aside: their numbers come again."""
    versions = [int(path.stem) for path in paths if path.suffix == ".json" and path.stem.isdecimal()]
    if versions and lake.log is not None:
        lake.log.undo(fault.table, min(versions), {"reason": fault.kind})


def _mend(lake: Lake, fault: Fault, ledger: Path | None) -> Iterator[Done]:
    if fault.kind == "unfinished_erasure":
        yield _go_on(lake, fault, ledger)
    elif (mend := _MENDS.get(fault.kind)) is not None:
        yield mend(lake, fault)


def _give_up(lake: Lake, fault: Fault) -> Done:
    """Take a lost file out of its table, step back what can be read or made again, and record what cannot."""
    table, name = TABLES[fault.table], str(fault.path.relative_to(lake.path / fault.table))
    [file] = [f for f in lake.snapshot(table.name).files if f.path == name]
    told, detail = _again(lake, file, table.name)
    own = told if table is EVENTS else {}
    change = Change("repair", [file], positions=own, note={"lost": file.rows})
    version = replace_files(lake, table, change)
    if fault.path.exists():
        set_aside(lake.path, fault.path)
    return Done("repair", table.name, version, file.rows, 0, 1, 0, reason=fault.kind, detail=detail)


def _again(lake: Lake, file: StoredFile, table: str) -> tuple[dict[str, int], str]:
    """Make everything ready for a lost file's rows to come again; returns positions of its own table, and the tale."""
    if table in JOBS:
        holder, stream = JOBS[table]
        replace_files(lake, TABLES[holder], Change("repair", [], positions={stream: 0}))
        return {}, f"{file.rows:,} rows are made again by the next run"
    if table not in (EVENTS.name, DEAD_LETTERS.name):
        return {}, f"{file.rows:,} rows {RESTORE}"
    stretches = lost(lake.path / table, [file.path])
    _record_gaps(lake, [one for one in stretches if not one.again])
    told = step_back(lake, stretches)
    if table == DEAD_LETTERS.name:
        own = {one.stream: one.before for one in stretches if one.again}
        replace_files(lake, EVENTS, Change("repair", [], positions=told))
        replace_files(lake, DEAD_LETTERS, Change("repair", [], positions=own))
    streams = ", ".join(one.stream for one in stretches if one.again) or "no stream"
    return told, f"{file.rows:,} rows; {streams} will be read again"


def _record_gaps(lake: Lake, stretches: Sequence[Lost]) -> None:
    now = datetime.now(UTC)
    rows = [{"detected_time": now, "gap_date": now.date(), "source_topic": one.stream.rpartition("-")[0],
             "source_partition": int(one.stream.rpartition("-")[2]), "first_offset": one.before + 1,
             "last_offset": one.until, "cause": "a data file was lost"} for one in stretches]  # fmt: skip
    if rows:
        lake.append(GAPS.name, pa.Table.from_pylist(rows, GAPS.schema))


def _index_again(lake: Lake, fault: Fault) -> Done:
    stem, column = fault.path.name.rsplit(".", 1)
    table = TABLES[fault.table]
    [file] = [f for f in lake.snapshot(table.name).files if Path(f.path).stem == stem]
    rows = plain(read_rows(lake.path / table.name, table, file))
    write_file(fault.path, key_index(table, rows, derive(lake.site_key, "key-index"))[column])
    return Done("repair", table.name, None, 0, 0, 1, 1, reason=fault.kind, detail=fault.path.name)


def _template_again(lake: Lake, fault: Fault) -> Done:
    template_of(lake.path, TABLES[fault.table]).unlink(missing_ok=True)
    make_tables(lake.path)
    return Done("repair", fault.table, None, 0, 0, 0, 1, reason=fault.kind)


def _columns_again(lake: Lake, fault: Fault) -> Done:
    upgrade(lake.path)
    return Done("repair", fault.table, None, 0, 0, 0, 0, reason=fault.kind, detail=fault.meaning)


def _remove(lake: Lake, fault: Fault) -> Done:
    remove(lake.path / fault.table, TABLES[fault.table], fault.path)
    return Done("repair", fault.table, None, 0, 0, 1, 0, reason=fault.kind, detail=fault.path.name)


def _go_on(lake: Lake, fault: Fault, ledger: Path | None) -> Done:
    results = erasing.resume_held(lake, ledger)
    rows = sum(result.rows for result in results)
    return Done("repair", "", None, rows, rows, 0, 0, reason=fault.kind, detail=fault.path.stem)


_MENDS: dict[str, Callable[[Lake, Fault], Done]] = {
    "missing_file": _give_up, "damaged_file": _give_up, "missing_index": _index_again,
    "missing_template": _template_again, "missing_columns": _columns_again, "unneeded": _remove,
}  # fmt: skip

"""Erasure: a person's data leaves every file of the lake, is proven gone, and stays gone after a restore.

In this order: approved by a second person; the ledger says so, durably; files are rewritten and committed; the old ones
leave the disk; every byte is searched; the ledger says how it ended; the note with the names is destroyed. Each step
may be done again: an erasure that was interrupted is begun afresh and finds less to do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir

import polars as pl
import pyarrow as pa

from store import spilling
from store.entries import digests
from store.errors import IntegrityError, UsageError
from store.keeping import approving, holding
from store.keeping.approving import Request
from store.keeping.compacting import written
from store.keeping.notes import FOLDER, Note, forget, fresh_id, is_as_proposed, keep, read, unfinished
from store.keeping.records import Done, record
from store.keeping.redacting import redacted, touched
from store.keeping.replacing import MOST, Change, replace_files
from store.keeping.residue import Residue, scan
from store.keeping.rows import check_digest, plain, read_rows
from store.keeping.second_copy import enter, replace_in_holds
from store.keeping.subjects import Subject, digests_of, known_as, names_like
from store.keeping.vacuuming import Ages, vacuum_held
from store.lake import Lake
from store.snapshot import StoredFile
from store.tables import TABLES
from store.tables.keeping import ERASURES
from store.tables.table import Table

LEARNED = ("trained", "quarantine")
"""Folders that go with an erasure: what was learned is learned again, what was set aside was damaged."""
SPILL_AGE = 86_400.0
_SIGN = 2**63
ENDED = ("erased", "residue")
"""States of the ledger after which an erasure is over: what comes in later is another one's."""
PASSES = 5
"""How often files are looked for while ingest brings more; what comes later is another erasure's."""
LeavesOf = Callable[[Lake, Sequence[str]], list[int]]
"""Gives the fingerprints that names have in a lake's arguments and results; ingest knows how."""


@dataclass(frozen=True)
class Trace:
    """Where a person is: a table, how many rows, and how many of them a hold keeps."""

    table: str
    rows: int
    held: int


@dataclass(frozen=True)
class Erased:
    """How an erasure ended: erased, residue (some is left), or restricted (a hold keeps it)."""

    erasure_id: str
    state: str
    rows: int
    files: int
    residue: list[Residue]


def whom(lake: Lake, names: Sequence[str], leaves_of: LeavesOf) -> tuple[Subject, list[str]]:
    """Return a person by all names they go by, and the names left out because others go by them too."""
    found, shared = known_as(lake, [n.strip() for n in names if n.strip()])
    if not found:
        raise UsageError("whom to erase must be said", hint="--subject ID")
    return Subject(tuple(found), tuple(leaves_of(lake, found))), shared


def traces(lake: Lake, subject: Subject) -> Iterator[Trace]:
    """Yield the tables that hold something of a person."""
    holds = holding.in_force(lake)
    for table in TABLES.values():
        here, held = touched(table, subject), holding.covered(table, holds)
        sums = (here.sum().alias("rows"), (here & held).sum().alias("held"))
        counts = whole(lake, table).select(sums).collect().row(0)
        if counts[0]:
            yield Trace(table.name, int(counts[0]), int(counts[1]))


def whole(lake: Lake, table: Table, files: Sequence[StoredFile] | None = None) -> pl.LazyFrame:
    """Return all rows of a table, or of some files, of which only the columns that are asked about are read."""
    chosen = lake.snapshot(table.name).files if files is None else files
    paths = [lake.template(table.name), *(str(lake.path / table.name / file.path) for file in chosen)]
    frame = pl.scan_parquet(paths, hive_partitioning=False, missing_columns="insert")
    return frame.with_columns(pl.lit(None, pl.Date).alias(table.partition))


def propose(lake: Lake, subject: Subject, reason: str, by: str) -> Request:
    """Ask for an erasure; nothing is erased until another person approves it."""
    erasure_id = fresh_id(lake, subject.names, subject.leaves)
    said = subject.without(reason, token_of(erasure_id))
    request = approving.propose(lake, "erase", erasure_id, said, by, erasure_id)
    keep(lake, Note(erasure_id, list(subject.names), list(subject.leaves), said, request.by))
    return request


def token_of(erasure_id: str) -> str:
    """Return what stands where a name stood."""
    return f"erased-{erasure_id}"


def withdraw(lake: Lake, request: Request) -> None:
    """Destroy the note of a request that was refused."""
    forget(lake, request.target)


def carry_out(lake: Lake, request: Request, second_copy: Path | None = None) -> Erased:
    """Erase what was approved, for a caller that holds the lock."""
    note = replace(read(lake, request.target), approved_by=request.approved_by or "")
    if not note.approved_by:
        raise UsageError(f"request {request.request_id} is not approved")
    _check(lake, note)
    keep(lake, note)
    return _erase(lake, note, second_copy)


def is_held(lake: Lake, note: Note) -> bool:
    """Say whether a hold keeps an erasure from being done; none does once it was."""
    return note.erasure_id not in ended(lake) and any(trace.held for trace in traces(lake, note.subject))


def resume_held(lake: Lake, second_copy: Path | None = None) -> list[Erased]:
    """Do what is not done yet, for a caller that holds the lock."""
    over = ended(lake)
    for note in unfinished(lake):
        if note.erasure_id in over:
            _close(lake, note)
    waiting = unfinished(lake)
    for note in waiting:
        _check(lake, note)
    return [_erase(lake, note, second_copy) for note in waiting if not is_held(lake, note)]


def _check(lake: Lake, note: Note) -> None:
    """Raise IntegrityError for a note that is of others than when it was proposed, or than the ledger says."""
    begun = next((row for row in ledger(lake) if row["erasure_id"] == note.erasure_id), None)
    if begun is None:
        good = is_as_proposed(lake, note)
    else:
        told = {*_texts(begun["subjects"]), *_texts(begun["fingerprints"])}
        good = told.issuperset([*digests_of(lake, note.names), *_fingerprints(note)])
    if not good:
        raise IntegrityError(
            f"whom erasure {note.erasure_id} is of was changed since it was proposed",
            where=str(lake.path / FOLDER), hint="remove the note there, and propose it again",
        )  # fmt: skip


def replay_held(lake: Lake, ledger: Sequence[dict[str, object]], leaves_of: LeavesOf) -> list[Erased]:
    """Erase again whom ledgers say were erased, as after a restore; for a caller that holds the lock."""
    done = []
    for row in ledger:
        names = names_like(lake, _texts(row["subjects"]))
        found = known_as(lake, names)[0] if names else []
        known = {
            *leaves_of(lake, found),
            *(int(leaf, 16) - _SIGN for leaf in _texts(row.get("fingerprints"))),
        }
        said = (str(row[name]) for name in ("reason", "proposed_by", "approved_by"))
        note = Note(str(row["erasure_id"]), found, sorted(known), *said)
        if row["state"] == "restricted" and not is_held(lake, note):
            continue  # it never began; of the hold that kept it nothing is known here
        if any(traces(lake, note.subject)):
            keep(lake, note)
            done.append(_erase(lake, note, None))
    return done


def _fingerprints(note: Note) -> list[str]:
    return [f"{leaf + _SIGN:016x}" for leaf in note.leaves]


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def ledger(lake: Lake) -> list[dict[str, object]]:
    """Return the newest state of each erasure, the oldest first."""
    rows = lake.scan(ERASURES.name, ERASURES.stored.names).collect().sort("state_time")
    newest = rows.unique("erasure_id", keep="last", maintain_order=True)
    return newest.with_columns(pl.col("state_time").dt.to_string("iso:strict")).to_dicts()


def ended(lake: Lake) -> set[object]:
    """Return the ids of the erasures that are over."""
    return {row["erasure_id"] for row in ledger(lake) if row["state"] in ENDED}


# --- doing it ---------------------------------------------------------------------------------------------------


def _erase(lake: Lake, note: Note, second_copy: Path | None) -> Erased:
    known = holding.in_force(lake)
    if is_held(lake, note):
        return _restrict(lake, note, [], second_copy)
    _enter(lake, note, Erased(note.erasure_id, "begun", 0, 0, []), second_copy)
    done: list[Done] = []
    for table in TABLES.values():
        for one in _rewrite(lake, table, note):
            done.append(one)
            if holding.in_force(lake) != known and is_held(lake, note):
                return _restrict(lake, note, done, second_copy)
    if second_copy is not None:
        replace_in_holds(
            lake, second_copy, lambda text: note.subject.without(text, token_of(note.erasure_id))
        )
    vacuum_held(lake, Ages(grace=-1.0), reviews=False)
    for folder in [*(lake.path / name for name in LEARNED), *_left_spill()]:
        rmtree(folder, ignore_errors=True)
    found = scan(lake, note.subject, leave_out=lake.path / FOLDER)
    rows, files = sum(one.rows_before for one in done), sum(one.files_before for one in done)
    result = Erased(note.erasure_id, "residue" if found else "erased", rows, files, found)
    _enter(lake, note, result, second_copy)
    record(lake, done)
    _close(lake, note)
    return result


def _restrict(lake: Lake, note: Note, done: Sequence[Done], second_copy: Path | None) -> Erased:
    """Leave what is not erased yet to a hold; what was rewritten before it was set is so, and old files stay."""
    rows, files = sum(one.rows_before for one in done), sum(one.files_before for one in done)
    result = Erased(note.erasure_id, "restricted", rows, files, [])
    _enter(lake, note, result, second_copy)
    record(lake, done)
    return result


def _close(lake: Lake, note: Note) -> None:
    """Say that what was asked for is done, and destroy the note."""
    for request in approving.requests(lake):
        if request.target == note.erasure_id and request.state == "approved":
            approving.finish(lake, request)
    forget(lake, note.erasure_id)


def _left_spill() -> list[Path]:
    """Return what queries that were killed left in the temporary folder: this user's, and too old to be in use."""
    before = time.time() - SPILL_AGE
    found = []
    for path in Path(gettempdir()).glob(f"{spilling.PREFIX}*"):
        with suppress(FileNotFoundError):  # a query that ends takes its own away
            known = path.stat()
            if known.st_uid == os.getuid() and known.st_mtime < before:
                found.append(path)
    return found


def _rewrite(lake: Lake, table: Table, note: Note) -> Iterator[Done]:
    """Rewrite the files of a table that hold something, again while ingest brings more."""
    condition = touched(table, note.subject)
    for _ in range(PASSES):
        files = [f for f in lake.snapshot(table.name).files if _count(lake, table, f, condition)]
        if not files:
            return
        for start in range(0, len(files), MOST):
            yield _rewrite_some(lake, table, files[start : start + MOST], note, condition)


def _count(lake: Lake, table: Table, file: StoredFile, condition: pl.Expr) -> int:
    return int(whole(lake, table, [file]).select(condition.sum()).collect().item())


def _rewrite_some(
    lake: Lake, table: Table, files: Sequence[StoredFile], note: Note, condition: pl.Expr
) -> Done:
    root = lake.path / table.name
    noted = digests(root)
    new, rows_changed = [], 0
    for file in files:
        check_digest(root, file, noted.get(file.path))
        rows = plain(read_rows(root, table, file))
        rows_changed += _count(lake, table, file, condition)
        made = redacted(table, rows, note.subject, token_of(note.erasure_id))
        new += written(lake, table, made, [file]) if made.num_rows else []
    change = Change("erase", files, new, note={"erasure": note.erasure_id, "rows": rows_changed})
    version = replace_files(lake, table, change)
    return Done("erase", table.name, version, rows_changed, rows_changed, len(files), len(new))


# --- the ledger and the notes -----------------------------------------------------------------------------------


def _enter(lake: Lake, note: Note, result: Erased, second_copy: Path | None) -> None:
    """Make a state of the ledger durable, first where a restore of this lake cannot undo it."""
    now = datetime.now(UTC)
    said = {n: note.subject.without(getattr(note, n), token_of(note.erasure_id))
            for n in ("reason", "proposed_by", "approved_by")}  # fmt: skip
    row = {"erasure_id": note.erasure_id, "state": result.state, "subjects": digests_of(lake, note.names), **said,
           "fingerprints": _fingerprints(note),
           "rows": result.rows, "files": result.files, "residue": len(result.residue)}  # fmt: skip
    if second_copy is not None:
        enter(second_copy, {**row, "state_time": now.isoformat()})
    held = pa.Table.from_pylist([{**row, "state_time": now, "state_date": now.date()}], ERASURES.schema)
    lake.append(
        ERASURES.name, held, note={"operation": "erasure", "erasure": note.erasure_id, "state": result.state}
    )

"""Data files against their digests, and the rows of events against their leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from store.datafile import FRESH
from store.events import COLUMNS, TEXT
from store.integrity import leaves, streams
from store.integrity.checks.commits import Claim

READ_ROWS = 65_536
SHARED_FROM = 64 << 20
"""Bytes from which more processes are worth the second they take to start."""
_CODED = [c.name for c in COLUMNS if c.type == TEXT and c.name not in FRESH]
_ALTERED = "damaged, or altered by whom is not known"

Wrong = tuple[str, str]
"""A check and what it found."""


@dataclass
class FileResult:
    """What one file held: what was wrong with it, of its sealed rows what roots are made of, and its rows' formats."""

    path: str
    claim: Claim
    wrong: list[Wrong] = field(default_factory=list)
    rows: pa.Table | None = None
    unsealed: int = 0
    erased: int = 0
    bytes: int = 0
    formats: set[str] = field(default_factory=set)


def check_file(root: Path, path: str, claim: Claim, *, events: bool) -> FileResult:
    """Check one data file: that it is there, has the bytes that were logged, and of events that leaves are true."""
    found = FileResult(path, claim)
    try:
        content = (root / path).read_bytes()
    except OSError as error:
        found.wrong.append(("file", f"the file cannot be read: {error.strerror}"))
        return found
    found.bytes = len(content)
    if claim.sha256 is None:
        found.wrong.append(("file", "no digest of it was ever recorded: it was not written by us"))
    elif sha256(content).hexdigest() != claim.sha256:
        found.wrong.append(("file", f"its bytes are not those that were committed: {_ALTERED}"))
    try:
        _read(found, content, events=events)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        found.wrong.append(("file", f"its rows cannot be read: {str(error)[:200]}"))
    return found


def _read(found: FileResult, content: bytes, *, events: bool) -> None:
    file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=_CODED if events else None)
    if found.claim.rows is not None and file.metadata.num_rows != found.claim.rows:
        found.wrong.append(
            ("row", f"it holds {file.metadata.num_rows} rows, {found.claim.rows} were committed")
        )
    if not events:
        return
    day = date.fromisoformat(Path(found.path).parent.name.partition("=")[2])
    parts = [_check_rows(found, rows, day) for rows in _groups(file)]
    found.rows = pa.concat_tables(parts, promote_options="permissive") if parts else None


def _groups(file: pq.ParquetFile) -> Iterator[pa.Table]:
    """Yield the row groups of a file, small ones together."""
    waiting, rows = [], 0
    for index in range(file.num_row_groups):
        waiting.append(index)
        rows += file.metadata.row_group(index).num_rows
        if rows >= READ_ROWS or index == file.num_row_groups - 1:
            yield file.read_row_groups(waiting)
            waiting, rows = [], 0


def _check_rows(found: FileResult, rows: pa.Table, day: date) -> pa.Table:
    """Check rows against their own leaves; returns those columns of the sealed ones that roots are made of."""
    found.formats.update(pc.unique(rows["source_format"]).to_pylist())
    if "leaf_hash" not in rows.column_names:
        found.unsealed += rows.num_rows
        return pa.table(
            {
                name: pa.array([], rows.schema.field(name).type if name in rows.column_names else None)
                for name in streams.COLUMNS
            }
        )
    sealed = rows.filter(rows["leaf_hash"].is_valid()) if rows["leaf_hash"].null_count else rows
    found.unsealed += rows.num_rows - sealed.num_rows
    _tell(
        found, sealed, pc.not_equal(leaves.leaves(sealed), sealed["leaf_hash"]), "is not what its leaf says"
    )
    for name in leaves.CLASSES:
        if sealed[f"{name}_commitment"].null_count < sealed.num_rows:
            found.erased += sealed.num_rows - sealed[f"{name}_commitment"].null_count
            _tell(found, sealed, leaves.spoken_for(sealed, name), f"has values of {name} that were erased")
    days = [pc.equal(rows[name].cast(pa.date32()), day) for name in ("event_time", "ingest_time")]
    _tell(found, rows, pc.invert(pc.or_(*days)), "lies under a day that is not its own")
    return sealed.select(streams.COLUMNS)


def _tell(found: FileResult, rows: pa.Table, wrong: pa.ChunkedArray, what: str) -> None:
    count = pc.sum(wrong).as_py() or 0
    if count:
        first = rows.filter(wrong)["event_id"][0].as_py()
        more = f" (and {count - 1} more)" if count > 1 else ""
        found.wrong.append(("row", f"event {first}{more} {what}"))


Progress = Callable[[int, int], None]


def check_files(
    lake: Path, live: Mapping[str, Mapping[str, Claim]], since: int, jobs: int, progress: Progress
) -> Iterator[tuple[str, FileResult]]:
    """Yield what was found in each file that entries from `since` on added, by table, in order of their entries."""
    work = [(table, path, claim) for table, files in live.items() for path, claim in files.items()]
    work = sorted(
        (w for w in work if w[2].entry >= since), key=lambda w: (w[0] != "events", w[2].entry, w[1])
    )
    total, done = sum(_size(lake / table / path) for table, path, _ in work), 0
    for (table, _, _), result in zip(
        work, _results(lake, work, jobs if total >= SHARED_FROM else 1), strict=True
    ):
        done += result.bytes
        progress(done, total)
        yield table, result


def _results(lake: Path, work: list[tuple[str, str, Claim]], jobs: int) -> Iterator[FileResult]:
    if jobs < 2:
        for table, path, claim in work:
            yield check_file(lake / table, path, claim, events=table == "events")
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("forkserver")) as pool:
        waiting = []
        for table, path, claim in work:
            waiting.append(pool.submit(check_file, lake / table, path, claim, events=table == "events"))
            if len(waiting) > 2 * jobs:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

"""Two stores under test: Delta tables as the library ships them, and the lake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.transaction import Transaction

from ingest.delivery import Batch, Stream
from ingest.loop import IngestOptions, Pipeline
from store.events import arrow_schema
from store.keeping import approving, doctor, erasing
from store.keeping.compacting import compact
from store.keeping.expiring import Periods, expire_held
from store.keeping.vacuuming import Ages, vacuum_held
from store.lake import Lake
from store.locks import alone

STREAM = Stream("s", 0, "s[0]")
APP = "s-0"
ROWS = 5
"""Of each commit."""
SCHEMA = arrow_schema()
DAY = "TOOLTRAIL_FAULTS_DAY"
"""The variable that tells a writer the day of its events: its own clock may be made wrong, the source's is not."""
TODAY = datetime.fromisoformat(os.environ.get(DAY) or f"{datetime.now(UTC):%Y-%m-%dT00:00:00+00:00}")
ROOT = Path(__file__).parents[2]


def _moment(offset: int) -> datetime:
    """Return when an event happened: the same whenever it is read."""
    return TODAY + timedelta(milliseconds=offset)


def numbers(first: int) -> range:
    """Return the offsets of one commit, from one on."""
    return range(first, first + ROWS)


class Session(ABC):
    """One writer: `last` is the last offset it knows to be in the store, None when there is none."""

    last: int | None

    @abstractmethod
    def append(self, first: int) -> None:
        """Commit the rows from an offset on."""


class Store(ABC):
    """A place that rows of one stream are written to, with the position of the stream in the same commit."""

    name: str
    table: str
    """The Delta table's folder below the store's."""

    @abstractmethod
    def make(self, folder: Path) -> None:
        """Make an empty store."""

    @abstractmethod
    def session(self, folder: Path) -> Session:
        """Return a writer that goes on where the store says it ends."""

    @abstractmethod
    def offsets(self, folder: Path) -> list[int]:
        """Return the offset of every row a question sees."""

    @abstractmethod
    def mend(self, folder: Path) -> None:
        """Do what the operator can do with what comes with the store."""

    @abstractmethod
    def compact(self, folder: Path) -> None:
        """Join small files."""

    @abstractmethod
    def forget(self, folder: Path) -> None:
        """Take the rows at odd offsets away."""

    @abstractmethod
    def erase(self, folder: Path) -> None:
        """Take the person's name out of all rows."""

    @abstractmethod
    def vacuum(self, folder: Path, *, at_once: bool) -> None:
        """Remove files that the newest version does not need: when they are old enough, or whoever may read them."""

    def log(self, folder: Path) -> list[Path]:
        """Return the commits of the table, oldest first."""
        return sorted((folder / self.table / "_delta_log").glob("*.json"))

    def data(self, folder: Path) -> list[Path]:
        """Return the data files that hold rows, oldest first."""
        found = [p for p in (folder / self.table).glob("event_date=*/*.parquet") if "1970" not in str(p)]
        return sorted(found, key=lambda p: (p.stat().st_mtime_ns, p.name))

    def writer(self, folder: Path, commits: int, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start a process that goes on writing where the store ends; it prints the last offset of each commit."""
        command = [*prefix, sys.executable, "-m", "bench.faults.writer", self.name, str(folder), str(commits)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
                                env=os.environ | {DAY: TODAY.isoformat()})  # fmt: skip

    def write(self, folder: Path, commits: int, prefix: Sequence[str] = ()) -> None:
        """Go on writing in a process of its own; RuntimeError when that fails."""
        with self.writer(folder, commits, prefix) as writer:
            _, told = writer.communicate()
        if writer.returncode:
            raise RuntimeError(told.strip().splitlines()[-1] if told.strip() else f"exit {writer.returncode}")


class _Appending(Session):
    """Appends as the library's documents show it."""

    def __init__(self, table: Path) -> None:
        self._table = str(table)
        self.last = DeltaTable(self._table).transaction_version(APP)

    def append(self, first: int) -> None:
        """Append rows and app transaction in one commit; nothing in the library compares it with the one before."""
        now = _moment(first)
        filled: dict[Any, Any] = {pa.string(): "x", pa.int64(): 1, pa.timestamp("us", tz="UTC"): now,
                                  pa.date32(): now.date()}  # fmt: skip
        row = {f.name: filled[f.type] for f in SCHEMA if not f.nullable}
        rows = [row | {"event_id": f"{n:032x}", "source_offset": n} for n in numbers(first)]
        properties = CommitProperties(app_transactions=[Transaction(APP, first + ROWS - 1)])
        write_deltalake(
            self._table, pa.Table.from_pylist(rows, SCHEMA), mode="append", commit_properties=properties
        )


class _Taking(Session):
    """Takes records in as every source does."""

    def __init__(self, lake: Lake) -> None:
        self._pipeline = Pipeline(lake, IngestOptions())
        following = self._pipeline.resume(STREAM)
        self.last = None if not following else following - 1

    def append(self, first: int) -> None:
        """Take the records in and make them durable."""
        records = [
            json.dumps({"event_time": _moment(n).isoformat(), "event_kind": "tool_call", "native_event_id": f"n-{n}",
                        "tool_name": "read_file", "user_id": "ana", "org_id": "brief" if n % 2 else "lasting"}).encode()
            for n in numbers(first)
        ]  # fmt: skip
        self._pipeline.add(Batch(STREAM, records, list(numbers(first)), first + ROWS))
        self._pipeline.flush()


class Shipped(Store):
    """A Delta table by the deltalake library, its defaults, and the position as the commit's app transaction."""

    name, table = "shipped", "table"

    def make(self, folder: Path) -> None:
        """Make an empty table."""
        DeltaTable.create(str(folder / self.table), schema=SCHEMA, partition_by=["event_date"])

    def session(self, folder: Path) -> Session:
        """Return a writer that goes on after the app transaction of the newest version."""
        return _Appending(folder / self.table)

    def offsets(self, folder: Path) -> list[int]:
        """Read the files of the newest version."""
        files = DeltaTable(str(folder / self.table)).file_uris()
        if not files:
            return []
        with duckdb.connect() as database:
            found = database.execute("SELECT source_offset FROM read_parquet(?)", [files]).fetchall()
        return [offset for (offset,) in found]

    def mend(self, folder: Path) -> None:
        """Nothing comes with the library that mends a table."""

    def compact(self, folder: Path) -> None:
        """Let the library optimize."""
        DeltaTable(str(folder / self.table)).optimize.compact()

    def forget(self, folder: Path) -> None:
        """Delete them."""
        DeltaTable(str(folder / self.table)).delete("source_offset % 2 = 1")

    def erase(self, folder: Path) -> None:
        """Update them."""
        DeltaTable(str(folder / self.table)).update({"user_id": "'erased'"})

    def vacuum(self, folder: Path, *, at_once: bool) -> None:
        """Let the library vacuum, after its week or after no time."""
        hours = 0 if at_once else None
        DeltaTable(str(folder / self.table)).vacuum(
            hours, dry_run=False, enforce_retention_duration=not at_once
        )


class Ours(Store):
    """The lake's table of events."""

    name, table = "ours", "lake/events"

    def make(self, folder: Path) -> None:
        """Make an empty lake."""
        Lake.create(folder / "lake", bytes(range(32)))

    def session(self, folder: Path) -> Session:
        """Return a pipeline that goes on where the table says."""
        return _Taking(Lake.open(folder / "lake"))

    def offsets(self, folder: Path) -> list[int]:
        """Ask the lake."""
        lake = Lake.open(folder / "lake")
        return [
            int(n) for n in lake.sql("SELECT source_offset FROM events").arrow()["source_offset"].to_pylist()
        ]

    def mend(self, folder: Path) -> None:
        """Let the doctor repair."""
        doctor.repair(folder / "lake", step_back_over=True)

    def compact(self, folder: Path) -> None:
        """Compact the events."""
        compact(Lake.open(folder / "lake"), ["events"])

    def forget(self, folder: Path) -> None:
        """Let the time of their tenant be over."""
        lake = Lake.open(folder / "lake")
        with alone(lake, "keeping"):
            expire_held(lake, Periods(tenants={"brief": 86_400.0}), datetime.now(UTC) + timedelta(days=60))

    def erase(self, folder: Path) -> None:
        """Erase as two people do."""
        lake = Lake.open(folder / "lake")
        subject, _ = erasing.whom(lake, ["ana"], lambda *_: [])
        request = erasing.propose(lake, subject, "asked for", "dee")
        approved = approving.decide(lake, request.request_id, "eve", approve=True)
        with alone(lake, "keeping"):
            erasing.carry_out(lake, approved)

    def vacuum(self, folder: Path, *, at_once: bool) -> None:
        """Vacuum after the longest question, or after no time."""
        lake = Lake.open(folder / "lake")
        with alone(lake, "keeping"):
            vacuum_held(lake, Ages(grace=-1.0) if at_once else Ages())


STORES: dict[str, Store] = {store.name: store for store in (Shipped(), Ours())}

"""Lakes to try things on, records and rows to put in them, and short ways to look at what is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.delivery import Batch, Stream
from ingest.loop import Flushed, IngestOptions, Pipeline
from store.events import arrow_schema
from store.lake import Lake

KEY = bytes(range(32))
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
CALLS = Stream("calls", 0, "calls[0]")


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an empty lake, to be copied: making one takes fifty times as long."""
    return Lake.create(tmp_path_factory.mktemp("empty") / "lake", KEY).path


@pytest.fixture
def lake(empty_lake: Path, tmp_path: Path) -> Lake:
    """Return an empty lake."""
    return Lake.open(shutil.copytree(empty_lake, tmp_path / "lake"))


# --- records, as a gateway sends them ---------------------------------------------------------------------------


def record(number: int = 0, **fields: object) -> bytes:
    """Return a native record; a field given as None is left out."""
    moment = NOON + timedelta(seconds=number)
    usual = {
        "event_time": moment.isoformat().replace("+00:00", "Z"), "event_kind": "tool_call",
        "native_event_id": f"n-{number}", "tool_name": "read_file", "server_name": "files", "user_id": "ana",
        "session_id": "session-1", "arguments": {"path": f"/srv/reports/{number:08}.txt"},
    }  # fmt: skip
    return json.dumps({k: v for k, v in {**usual, **fields}.items() if v is not None}).encode()


def batch(records: Sequence[bytes], first: int = 0, stream: Stream = CALLS) -> Batch:
    """Return records as one batch of a Kafka-like stream, one offset each."""
    return Batch(stream, list(records), list(range(first, first + len(records))), first + len(records))


def take_in(
    lake: Lake, records: Sequence[bytes], first: int = 0, stream: Stream = CALLS, **options: Any
) -> Flushed:
    """Take records in with a pipeline of its own and make them durable."""
    pipeline = Pipeline(lake, IngestOptions(**options))
    pipeline.resume(stream)
    pipeline.add(batch(records, first, stream))
    return pipeline.flush()


def counted(flushed: Flushed) -> tuple[int, int, int, int]:
    """Return what became of the records: in, rows, dead, replayed."""
    counts = flushed.counts
    return counts.records, counts.rows, counts.dead, counts.replayed


# --- rows, as the store takes them ------------------------------------------------------------------------------


def rows_of(*events: dict[str, Any]) -> pa.Table:
    """Return canonical rows; what an event does not say is filled with something valid."""
    made = []
    for number, event in enumerate(events):
        moment = event.get("event_time", NOON + timedelta(seconds=number))
        usual = {
            "event_id": f"{number:032x}", "event_time": moment, "ingest_time": moment, "event_date": moment.date(),
            "source_system": "test", "source_format": "native", "evidence_kind": "audit_event", "vantage": "gateway",
            "sub_index": 0, "raw_sha256": f"{number:064x}", "source_topic": "calls", "source_partition": 0,
            "source_offset": number, "event_class": "tool_call", "event_kind": "tool_call", "decision": "allow",
            "outcome": "success", "args_state": "absent", "result_state": "absent",
        }  # fmt: skip
        made.append({**usual, **event})
    return pa.Table.from_pylist(made, arrow_schema())


def day(number: int) -> date:
    """Return the day a number of days after the first."""
    return (NOON + timedelta(days=number)).date()


# --- looking ----------------------------------------------------------------------------------------------------


def ask(lake: Lake, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Return the rows of an answer as tuples."""
    table = lake.sql(query, list(parameters) or None).arrow()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def one(lake: Lake, query: str, *parameters: object) -> Any:
    """Return the only value of an answer."""
    [(value,)] = ask(lake, query, *parameters)
    return value


def event_ids(lake: Lake) -> list[str]:
    """Return the id of every row, read from the data files themselves."""
    paths = lake.snapshot("events").paths()
    return [
        i
        for p in paths
        for i in pq.read_table(p, columns=["event_id"], partitioning=None)["event_id"].to_pylist()
    ]


def letters(lake: Lake) -> list[dict[str, Any]]:
    """Return the dead letters in the order of their places."""
    return list(
        lake.sql("FROM dead_letters ORDER BY source_topic, source_offset, sub_index").arrow().to_pylist()
    )


def bytes_of(folder: Path) -> bytes:
    """Return every byte of every file under a folder."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())

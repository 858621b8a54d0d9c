"""Sessions put together again: real tool calls whose session ids were taken away, against a fixed pause of 300 s.

    python -m bench.stitching --data DIR

DIR has one folder per set of traces with events.dev.ndjson.zst: a tool call a line (ts, session_id, seq, user,
client, server, tool, arguments, result). Each set goes through the real ingest into a lake of its own, without its
session ids; then the sessions job runs. B-cubed precision and recall (Bagga and Baldwin 1998) are over calls: of those
in a call's session, how many belong to its true one, and the other way about.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import zstandard

from analytics.stitching import job
from ingest.delivery import Batch, Stream
from ingest.loop import IngestOptions, Pipeline
from store.lake import Lake

FIXED_PAUSE = 300.0
_BATCH = 2_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per set; 2 when the data is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.stitching", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the traces")
    parser.add_argument("--only", nargs="*", help="sets to run")
    chosen = parser.parse_args(arguments)
    files = sorted(chosen.data.glob("*/events.dev.ndjson.zst"))
    if not files:
        sys.stderr.write(f"{chosen.data}: there are no */events.dev.ndjson.zst here, nothing was measured\n")
        return 2
    print(
        f"{'set':12} {'calls':>7} {'sessions':>8}  {'ours: P, R, F1':22}  {'300 s: P, R, F1':22} {'events/s':>9}"
    )
    for file in files:
        if not chosen.only or file.parent.name in chosen.only:
            print(_row(file), flush=True)
    return 0


def _row(file: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.create(Path(folder) / "lake")
        truth = _take_in(lake, file)
        began = time.process_time()
        job.update(lake)
        seconds = time.process_time() - began
        found = lake.sql(
            "SELECT e.native_event_id AS call, s.session FROM session_events s JOIN events e USING (event_id)"
        ).polars()
    ours = bcubed(truth.join(found, on="call", how="inner"))
    fixed = bcubed(truth.with_columns(session=_fixed(truth)))
    figures = "  ".join("  ".join(f"{x:.4f}" for x in score) for score in (ours, fixed))
    sessions = truth["true"].n_unique()
    return f"{file.parent.name:12} {truth.height:7} {sessions:8}  {figures} {truth.height / seconds:9,.0f}"


def _take_in(lake: Lake, file: Path) -> pl.DataFrame:
    """Take a set in without its session ids; returns call, true session, principal and time."""
    stream = Stream("traces", 0, "traces[0]")
    pipeline = Pipeline(lake, IngestOptions(format="native"))
    pipeline.resume(stream)
    known = []
    records: list[bytes] = []
    first = 0
    for call in _calls(file):
        known.append(
            (
                f"{call['session_id']}/{call['seq']}",
                call["session_id"],
                f"{call['user']}\0{call['client']}",
                call["ts"],
            )
        )
        records.append(_native(call, known[-1][0]))
        if len(records) == _BATCH:
            first = _add(pipeline, stream, records, first)
            records = []
    _add(pipeline, stream, records, first)
    pipeline.flush()
    truth = pl.DataFrame(known, schema=["call", "true", "principal", "ts"], orient="row")
    return truth.with_columns(pl.col("ts").str.to_datetime(time_unit="us", time_zone="UTC"))


def _add(pipeline: Pipeline, stream: Stream, records: list[bytes], first: int) -> int:
    after = first + len(records)
    pipeline.add(Batch(stream, records, list(range(first, after)), after))
    return after


def _native(call: dict[str, object], name: str) -> bytes:
    denied = call["kind"] == "tool_denied"
    fields = {
        "event_time": call["ts"], "native_event_id": name, "event_kind": "tool_call", "source_system": "traces",
        "user_id": call["user"], "client_name": call["client"], "server_name": call["server"],
        "tool_name": call["tool"], "arguments": call["arguments"], "result": call["result"],
        "decision": "deny" if denied else "allow",
        "outcome": "denied" if denied else "tool_error" if call["is_error"] else "success",
    }  # fmt: skip
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def _calls(file: Path) -> Iterator[dict[str, object]]:
    with file.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as plain:
        for line in io.TextIOWrapper(plain, encoding="utf-8"):
            yield json.loads(line)


def _fixed(truth: pl.DataFrame) -> pl.Series:
    """Return the session of each call by one rule for all: 300 seconds of silence of a principal end it."""
    ordered = truth.with_row_index("row").sort("principal", "ts")
    pause = (pl.col("ts") - pl.col("ts").shift()).dt.total_seconds() > FIXED_PAUSE
    new = (pause | (pl.col("principal") != pl.col("principal").shift())).fill_null(value=True)
    return ordered.with_columns(session=new.cum_sum()).sort("row")["session"]


def bcubed(calls: pl.DataFrame) -> tuple[float, float, float]:
    """Return B-cubed precision, recall and F1 of `session` against `true`."""
    both = calls.group_by("true", "session").len("both")
    both = both.join(calls.group_by("true").len("all_true"), on="true").join(
        calls.group_by("session").len("all_found"), on="session"
    )
    precision = float((both["both"] ** 2 / both["all_found"]).sum()) / calls.height
    recall = float((both["both"] ** 2 / both["all_true"]).sum()) / calls.height
    return precision, recall, 2 * precision * recall / (precision + recall)


if __name__ == "__main__":
    sys.exit(main())

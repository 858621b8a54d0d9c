"""Recorded runs of agents: converted to the native format, taken into a real lake, and read back as it stores them."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import polars as pl
import zstandard

from analytics.anomaly import COLUMNS
from ingest.files import ingest_files
from ingest.loop import IngestOptions, Pipeline
from store.lake import Lake

SETS = ("agentdojo", "agentdyn", "splices", "tau")
FORM = 6
"""Of the cache: raised when what is stored in it changes."""


@dataclass(frozen=True)
class Recorded:
    """One set: `events` in the columns a model may see, plus `seq`; `labels` one row a session, with `session`."""

    name: str
    events: pl.DataFrame
    labels: pl.DataFrame


def present(data: Path) -> list[str]:
    """Return the sets there are under a folder."""
    return [name for name in SETS if _files(data / name, "events")]


def load(data: Path, name: str, cache: Path) -> Recorded:
    """Return one set as a lake stores it; the lake's columns are kept under `cache` for the next run."""
    sources = _files(data / name, "events")
    stamp = sha256(f"{FORM} {[(f.name, f.stat().st_size) for f in sources]}".encode()).hexdigest()[:16]
    kept = cache / f"{name}-{stamp}"
    if not (kept / "events.parquet").exists():
        _take_in(sources, kept)
    events = pl.read_parquet(kept / "events.parquet")
    keys = pl.read_parquet(kept / "keys.parquet")
    labels = pl.concat([_ndjson(file) for file in _files(data / name, "labels")], how="diagonal_relaxed")
    return Recorded(name, events, labels.join(keys, on="session_id", how="left"))


def _take_in(sources: list[Path], kept: Path) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    lake = Lake.create(kept / "lake", site_key=bytes(range(32)))
    log = kept / "native.ndjson"
    with log.open("w") as out:
        for event in (json.loads(line) for file in sources for line in _lines(file)):
            out.write(json.dumps(native(event)) + "\n")
    pipeline = Pipeline(lake, IngestOptions(format="native"))
    report = ingest_files(lake, pipeline, [log], IngestOptions().max_record_bytes, lambda _: None, Event())
    if report.failed or pipeline.counts.dead:
        raise RuntimeError(f"not everything went in: {pipeline.counts}, {report.failed}")
    _read_back(lake, kept)
    shutil.rmtree(lake.path)
    log.unlink()


def _read_back(lake: Lake, kept: Path) -> None:
    columns = ", ".join("session_key AS session" if c == "session" else c for c in COLUMNS)
    events = lake.sql(f"SELECT {columns}, args_json, native_event_id FROM events").polars()  # noqa: S608 - our own names
    parts = pl.col("native_event_id").str.split("#").list
    events = events.with_columns(session_id=parts.get(0), seq=parts.get(1).cast(pl.Int64))
    events.select("session", "session_id").unique().write_parquet(kept / "keys.parquet")
    events.drop("session_id", "native_event_id").sort("session", "seq").write_parquet(kept / "events.parquet")


def native(event: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded call as a gateway would log it: no prompt, no answer, no label."""
    denied = event["kind"] == "tool_denied"
    return {
        "event_time": event["ts"], "event_class": "denial" if denied else "tool_call", "event_kind": "tool_call",
        "native_event_id": f"{event['session_id']}#{event['seq']}", "session_id": event["session_id"],
        "source_system": "recorded", "vantage": "gateway", "mcp_method": "tools/call",
        "user_id": event["user"], "client_name": event["client"], "model_name": event["model"],
        "server_name": event["server"], "tool_name": event["tool"],
        "decision": "deny" if denied else "allow",
        "outcome": "denied" if denied else "tool_error" if event["is_error"] else "success",
        "arguments": event["arguments"], "result": event["result"],
        "request_bytes": len(json.dumps(event["arguments"])), "response_bytes": event["result_bytes"],
    }  # fmt: skip


def _files(folder: Path, kind: str) -> list[Path]:
    return sorted(folder.glob(f"{kind}.*ndjson.zst"))


def _lines(file: Path) -> Iterator[str]:
    with zstandard.ZstdDecompressor().stream_reader(file.open("rb"), closefd=True) as raw:
        yield from io.TextIOWrapper(raw, "utf-8")


def _ndjson(file: Path) -> pl.DataFrame:
    return pl.read_ndjson(io.StringIO("".join(_lines(file))), infer_schema_length=None)

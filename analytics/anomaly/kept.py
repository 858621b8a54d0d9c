"""The lake's own model of how sessions run: kept beside the tables, used to score, trained again as history grows.

Sessions are judged by the history before them: what came in is scored with the model that is there, and only then does
the model learn of it. A first history is taken as if it had come in by and by; only its beginning is judged by itself.

What was found odd is not learned for PROBATION, or a second attack of a kind would look usual because of the first. A
change that stays is learned after that, and at once when a person judged a finding of the session false or accepted, or
when it is a tool that several users began to call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa

from analytics.anomaly.calls import COLUMNS
from analytics.anomaly.forward import BEYOND_DOUBT, GROWTH, ODD, PROBATION, forward, rolled_out
from analytics.anomaly.model import Model, learn
from analytics.anomaly.scoring import score
from analytics.anomaly.storage import from_arrow, to_arrow
from store.durable import make_folders, write_file
from store.lake import Lake
from store.tables import TABLES

NAME = "anomaly"
FOLDER = "trained"
FEWEST = 20
"""Sessions without which there is no history to judge by."""
MOST = 1_000_000
"""Calls of history that are learned from: the latest; in about a gigabyte of memory."""


def scored(lake: Lake, story: pl.DataFrame) -> pl.DataFrame:
    """Return session, anomaly, top_event and anomaly_reason of the sessions of a story that call a tool.

    `story` has the columns COLUMNS names, ingest_time and source_topic, all events of each session. Without a model,
    and with fewer sessions than FEWEST to make one of, nothing can be said: there are no rows.
    """
    called = story.filter(pl.col("tool_name").is_not_null() & (pl.col("event_kind") == "tool_call"))
    model = read(lake)
    if not called.height or (model is None and called["session"].n_unique() < FEWEST):
        return pl.DataFrame(schema={"session": pl.String, "anomaly": pl.Float64, "top_event": pl.String,
                                    "anomaly_reason": pl.String})  # fmt: skip
    found = forward(called) if model is None else [score(model, called.select(COLUMNS))]
    sessions = pl.concat([part.sessions for part in found])
    return sessions.select("session", "anomaly", "top_event", anomaly_reason="reason")


def keep_up(lake: Lake, members: Callable[[], pl.DataFrame], version: int) -> bool:
    """Train the model again if history has outgrown it; tells whether it did.

    `members` gives event_id, event_time and session of every stitched event; it is asked only when needed.
    """
    stitched = lake.snapshot("session_links").rows
    known = _kept(lake)
    if not stitched or (known is not None and stitched < GROWTH * known.events):
        return False
    latest = members().sort("event_time").tail(MOST)
    between: tuple[datetime, datetime] = (latest["event_time"][0], latest["event_time"][-1])
    names = tuple(name for name in COLUMNS if name != "session")
    events = lake.scan("events", (*names, "event_kind"), between=between)
    called = events.filter((pl.col("event_kind") == "tool_call") & pl.col("tool_name").is_not_null())
    history = called.join(latest.select("event_id", "session").lazy(), on="event_id").collect()
    history = history.join(_odd(lake, history), on="session", how="anti")
    if history["session"].n_unique() < FEWEST:
        return False
    _write(lake, learn(history.select(COLUMNS)).model, stitched, version)
    return True


def _odd(lake: Lake, history: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions that are on probation: odd when they came, not long ago, and judged harmless by nobody.

    Of a first history only what is odd beyond doubt: rare errands are part of what is to be learned.
    """
    model = read(lake)
    states = lake.scan("session_states", ("session", "revision", "state_time", "anomaly")).collect()
    latest = states.sort("revision").group_by("session").agg(pl.all().last())
    lately = pl.col("state_time") > datetime.now(UTC) - PROBATION
    harmless = lake.sql("SELECT DISTINCT session FROM findings WHERE state IN ('false', 'accepted')").polars()
    odd = latest.filter(pl.col("anomaly") >= (ODD if model else BEYOND_DOUBT), lately).select("session")
    odd = odd.join(harmless, on="session", how="anti")
    if model is None:
        return odd
    known = rolled_out(history.join(odd, on="session", how="semi"), model)
    return odd.join(known, on="session", how="anti")


def read(lake: Lake) -> Model | None:
    """Return the newest model; None before the first, or where it is gone or of another form: it is trained again."""
    known = _kept(lake)
    if known is None:
        return None
    try:
        with pa.memory_map(str(known.file)) as file:
            return from_arrow(pa.ipc.open_file(file).read_all())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class _Kept:
    """Where the newest model is, and how many events had been stitched when it was trained."""

    file: Path
    events: int


def _kept(lake: Lake) -> _Kept | None:
    rows = lake.scan("models", ("name", "revision", "body")).filter(pl.col("name") == NAME).collect()
    if not rows.height:
        return None
    body = json.loads(rows.sort("revision")["body"][-1])
    file = lake.path / FOLDER / body["file"]
    return _Kept(file, body["events"]) if file.exists() else None


def _write(lake: Lake, model: Model, events: int, version: int) -> None:
    """Make the model's file durable, then the row that names it; older files are left to whoever reads them."""
    now = datetime.now(UTC)
    file = f"{NAME}-{version}-{now:%Y%m%dT%H%M%S}.arrow"
    make_folders(lake.path / FOLDER)
    write_file(lake.path / FOLDER / file, _packed(to_arrow(model)))
    row = {"name": NAME, "revision": version, "trained_time": now, "model_date": now.date(),
           "body": json.dumps({"file": file, "events": events, "sessions": len(model.full.total)})}  # fmt: skip
    lake.append("models", pa.Table.from_pylist([row], TABLES["models"].schema))


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())

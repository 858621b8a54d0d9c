"""Events as arrays of calls: which session, in which order, which tool, and which fingerprints went in and came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "event_id": pl.String, "session": pl.String, "event_time": pl.Datetime("us", "UTC"), "tool_name": pl.String,
    "server_name": pl.String, "client_name": pl.String, "user_id": pl.String, "event_class": pl.String,
    "args_leaves": pl.List(pl.Int64), "result_leaves": pl.List(pl.Int64), "args_addresses": pl.List(pl.Int64),
    "args_hmac": pl.String,
}  # fmt: skip
COLUMNS = tuple(_TYPES)
"""What is read of events: `session` is whatever they were stitched into, the others are columns of the lake."""
TOOL = pl.concat_str(pl.col("tool_name"), pl.lit(" on "), pl.col("server_name").fill_null("?"))
"""What a model calls a tool."""
NO_DIGEST = -1
_DIGITS = 15
"""Of a digest in hex: as many as a signed number of 64 bits holds."""
_NEEDED = ("event_id", "session", "event_time", "tool_name")


@dataclass(frozen=True)
class Ragged:
    """Values of calls one after another: `call[i]` is the call that holds `value[i]`; calls ascend."""

    call: Ints
    value: Ints


@dataclass(frozen=True)
class Calls:
    """Tool calls in the order of sessions and of time within each.

    `first[s]` is the first call of session s, `first[s + 1]` the one after its last; `session[c]` is the session of
    call c. `tool` names what is called, `client` who calls, `user` for whom (or null). `seen[c]` says whether its
    arguments were there to see, `marked[c]` whether the addresses in them were marked, `whole[c]` is the digest of all
    of them as a number, or NO_DIGEST; `began[s]` is the time of the first call, in microseconds.
    """

    event_id: pl.Series
    sessions: pl.Series
    session: Ints
    first: Ints
    tool: pl.Series
    client: pl.Series
    user: pl.Series
    args: Ragged
    results: Ragged
    addresses: Ragged
    seen: Flags
    marked: Flags
    whole: Ints
    began: Ints

    def __len__(self) -> int:
        return len(self.session)

    @property
    def lengths(self) -> Ints:
        """Return how many calls each session has."""
        return np.diff(self.first)

    @property
    def opens(self) -> Flags:
        """Say which calls are the first of their session."""
        opens = np.zeros(len(self), np.bool_)
        opens[self.first[:-1]] = True
        return opens

    def over_sessions(self, values: Floats, join: np.ufunc = np.maximum) -> Floats:
        """Return one value a session: the greatest, or the sum, of its calls'."""
        joined: Floats = join.reduceat(values, self.first[:-1]) if len(values) else values
        return joined


def calls_of(events: pa.Table | pl.DataFrame) -> Calls:
    """Return the tool calls and denials of events, attempts alike.

    A column that is not there counts as null. Raises ValueError naming one without which nothing can be said.
    """
    frame = pl.DataFrame(events) if isinstance(events, pa.Table) else events
    if missing := [name for name in _NEEDED if name not in frame.columns]:
        raise ValueError(f"events have no column {missing[0]}; needed are {', '.join(_NEEDED)}")
    frame = frame.select(_column(frame, name, kind) for name, kind in _TYPES.items()).filter(
        pl.col("tool_name").is_not_null(), pl.col("session").is_not_null(),
        pl.col("event_class").fill_null("tool_call") != "client_event",
    ).sort("session", "event_time", maintain_order=True)  # fmt: skip
    sessions = frame["session"].unique(maintain_order=True)
    session = frame["session"].rle_id().cast(pl.Int64).to_numpy()
    first = np.searchsorted(session, np.arange(len(sessions) + 1))
    tool = frame.select(TOOL)
    return Calls(
        frame["event_id"], sessions, session, first, tool.to_series(), frame["client_name"].fill_null("?"),
        frame["user_id"],
        _ragged(frame["args_leaves"]), _ragged(frame["result_leaves"]), _ragged(frame["args_addresses"]),
        frame["args_leaves"].is_not_null().to_numpy(), frame["args_addresses"].is_not_null().to_numpy(),
        _numbered(frame["args_hmac"]), frame["event_time"].to_physical().to_numpy()[first[:-1]],
    )  # fmt: skip


def coded(names: pl.Series, known: Sequence[str]) -> Ints:
    """Return the place of each name among the known ones, and `len(known)` for the others."""
    places = dict(zip(known, range(len(known)), strict=True))
    found = names.replace_strict(places, default=len(known), return_dtype=pl.Int64)
    return found.to_numpy()


def _column(frame: pl.DataFrame, name: str, kind: pl.DataType | type[pl.DataType]) -> pl.Expr:
    there = pl.col(name) if name in frame.columns else pl.lit(None)
    return there.cast(kind).alias(name)


def _ragged(column: pl.Series) -> Ragged:
    lengths = column.list.len().fill_null(0).to_numpy().astype(np.int64)
    values = column.filter(lengths > 0).explode().to_numpy() if lengths.any() else np.zeros(0, np.int64)
    return Ragged(np.repeat(np.arange(len(column)), lengths), values)


def _numbered(digests: pl.Series) -> Ints:
    numbers = digests.str.slice(0, _DIGITS).str.to_integer(base=16, strict=False)
    return numbers.fill_null(NO_DIGEST).cast(pl.Int64).to_numpy()

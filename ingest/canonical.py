"""What every format leaves to us: classes, kinds, the words for not knowing, and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.columns import decoded, repeated
from store.events import COLUMNS, TEXT, TIME, Group
from store.validate import implausible

FILLED_BY_LAKE = frozenset({
    "event_id", "ingest_time", "event_date", "source_format", "sub_index", "raw_sha256", "source_topic",
    "source_partition", "source_offset", "session_key", "args_json", "args_keys", "args_hmac", "result_hmac",
    "args_leaves", "result_leaves", "args_addresses", "args_shingles", "result_shingles", "redactions", "unmapped",
    "args_state", "result_state", "parse_warnings", *(c.name for c in COLUMNS if c.group is Group.INTEGRITY),
})  # fmt: skip
"""Columns the lake fills itself: what a record claims of them is kept in `unmapped`."""

_KINDS = {
    "tools/call": "tool_call", "tools/list": "tool_list", "resources/read": "resource_read",
    "resources/list": "resource_list", "resources/templates/list": "resource_list",
    "resources/subscribe": "resource_subscribe", "subscriptions/listen": "resource_subscribe",
    "prompts/get": "prompt_get", "prompts/list": "prompt_list", "completion/complete": "completion",
    "initialize": "session_open", "server/discover": "discover", "sampling/createMessage": "sampling",
    "elicitation/create": "elicitation", "roots/list": "roots", "notifications/cancelled": "cancel",
    "ping": "ping", "logging/setLevel": "logging",
}  # fmt: skip
_METHODS, _METHOD_KINDS = pa.array(_KINDS.keys(), TEXT), pa.array(_KINDS.values(), TEXT)


def derive(arrays: dict[str, pa.Array], rows: int) -> None:
    """Fill the event's kind and class, and say `unknown` where decision or outcome are not known."""
    _derive_kind(arrays, rows)
    for name, word in (
        ("decision", "unknown"), ("outcome", "unknown"), ("source_system", "native"),
        ("evidence_kind", "audit_event"), ("vantage", "gateway"),
    ):  # fmt: skip
        _fill(arrays, name, word, rows)
    given = arrays.get("event_class")
    if given is None or given.null_count:
        called = pc.equal(decoded(arrays["event_kind"]), "tool_call")
        other = pc.if_else(called, "tool_call", "client_event")
        refused = pc.or_(
            pc.equal(decoded(arrays["decision"]), "deny"), pc.equal(decoded(arrays["outcome"]), "denied")
        )
        derived = pc.if_else(refused, "denial", other)
        complete = derived if given is None else pc.coalesce(decoded(given), derived)
        arrays["event_class"] = complete.dictionary_encode()


def _fill(arrays: dict[str, pa.Array], name: str, word: str, rows: int) -> None:
    values = arrays.get(name)
    if values is None:
        arrays[name] = repeated(word, rows)
    elif values.null_count:
        arrays[name] = pc.fill_null(decoded(values), word).dictionary_encode()


def _derive_kind(arrays: dict[str, pa.Array], rows: int) -> None:
    """Fill event_kind where the format left it open: by the MCP method, else a tool's name means a call."""
    given = arrays.get("event_kind", pa.nulls(rows, TEXT))
    if given.null_count:
        method = decoded(arrays.get("mcp_method", pa.nulls(rows, TEXT)))
        by_method = _METHOD_KINDS.take(pc.index_in(method, _METHODS))
        tool = arrays.get("tool_name", pa.nulls(rows, TEXT))
        by_tool = pc.if_else(pc.and_(tool.is_valid(), method.is_null()), "tool_call", "other")
        arrays["event_kind"] = pc.coalesce(decoded(given), by_method, by_tool).dictionary_encode()


def stamp_times(
    arrays: dict[str, pa.Array], warnings: dict[int, list[str]], rows: int, now: datetime
) -> None:
    """Fill ingest_time and event_date; a missing time becomes ours, an implausible one is kept and flagged."""
    moment = pa.scalar(now, TIME)
    arrays["ingest_time"] = pa.repeat(moment, rows)
    times = arrays.get("event_time")
    if times is None or times.null_count:
        missing = (
            range(rows) if times is None else np.flatnonzero(times.is_null().to_numpy(zero_copy_only=False))
        )
        for row in missing:
            warnings.setdefault(int(row), []).append("no_event_time")
        times = arrays["ingest_time"] if times is None else pc.fill_null(times, moment)
        arrays["event_time"] = times
    odd = implausible(times, now)
    days = times.cast(pa.date32())
    if odd.any():
        for row in np.flatnonzero(odd).tolist():
            warnings.setdefault(row, []).append("implausible_clock")
        days = pc.if_else(pa.array(odd), pa.scalar(now.date(), pa.date32()), days)
    arrays["event_date"] = days


def text_column(documents: Sequence[bytes]) -> pa.Array:
    """Return documents as a text column, the absent (b"") as null; bytes that are no UTF-8 are replaced."""
    column = pa.array([d or None for d in documents], pa.binary())
    try:
        return column.cast(TEXT)
    except pa.ArrowInvalid:
        return pa.array([d.decode(errors="replace") if d else None for d in documents], TEXT)


def hex_column(digests: NDArray[np.uint8]) -> pa.Array:
    """Return digests, one a row, as a column of hex text, without making a Python string of each."""
    rows, size = digests.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * (2 * size)
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets), pa.py_buffer(digests.tobytes().hex().encode())
    )

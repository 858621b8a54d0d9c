"""Try formats on the first records of a file: what each would become, secrets taken out, nothing stored."""

from __future__ import annotations

import ast
import gzip
import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
import msgspec

from console.options import Place
from console.output import Output, rows_of
from console.table import fit, terminal_width
from console.terminal import visible
from ingest.catalog import BUILT_IN, Detector, load_adapters
from ingest.delivery import Stream
from ingest.parsed import Adapter
from ingest.redact import Redactor
from ingest.rows import Records, RowBuilder, RowOptions
from store.errors import UnreachableError, UsageError

_LONGEST = 16 << 20
_NOWHERE = Stream("file:trial", 0, "trial")
_HIDDEN = frozenset({
    "event_id", "ingest_time", "event_date", "source_format", "sub_index", "raw_sha256", "source_topic",
    "source_partition", "source_offset", "args_leaves", "result_leaves", "args_addresses", "args_shingles",
    "result_shingles",
    "args_hmac", "result_hmac", "unmapped", "session_key",
})  # fmt: skip
"""Columns the lake fills itself, or keys with its own key: a trial is about what the format gives."""


@dataclass
class Trial:
    """What one record would become: rows of canonical columns, or the reason it would be a dead letter."""

    record: int
    format: str | None
    why: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    rejected: str | None = None


def adapters_in(place: Place, folders: Sequence[Path]) -> dict[str, Adapter]:
    """Return the built-in adapters and those of the configured and given folders."""
    return load_adapters((*place.settings().ingest.adapters, *folders))


def chosen(adapters: Mapping[str, Adapter], format_id: str) -> Adapter:
    """Return the adapter of an id; UsageError suggests the nearest."""
    if format_id in adapters:
        return adapters[format_id]
    near = get_close_matches(format_id, adapters, n=1)
    hint = f"did you mean {near[0]}?" if near else f"formats: {', '.join(adapters)}"
    raise UsageError(f"there is no format {format_id!r}", hint=hint)


def described(adapter: Adapter) -> dict[str, Any]:
    """Return an adapter as a row of `formats list`."""
    return {
        "format": adapter.id,
        "summary": adapter.summary,
        "recognised_by": "; or ".join(_recognised_by(adapter)),
    }


def page(adapter: Adapter, folders: Sequence[Path]) -> str:
    """Return what there is to know about a format: its summary, its notes, and how it is recognised."""
    file = next(
        (f / f"{adapter.id}.py" for f in (BUILT_IN, *folders) if (f / f"{adapter.id}.py").exists()), None
    )
    notes = ast.get_docstring(ast.parse(file.read_text("utf-8"))) if file is not None else None
    ways = "\n".join(f"  {way}" for way in _recognised_by(adapter))
    return visible(f"{adapter.id}: {adapter.summary}\n\n{notes or ''}\n\nrecognised by\n{ways}", keep="\n")


def attempt(file: Path, count: int, adapters: Mapping[str, Adapter], format_id: str | None) -> list[Trial]:
    """Try the first `count` records of a file."""
    detector = Detector(dict(adapters))
    forced = chosen(adapters, format_id) if format_id is not None else None
    key = secrets.token_bytes(32)
    redactor = Redactor(key)
    builder = RowBuilder(key, redactor, RowOptions())
    trials = []
    for number, raw in enumerate(first_records(file, count), 1):
        if (at := _not_utf8(raw)) is not None:
            trials.append(Trial(number, None, "its text cannot be read", rejected=f"not UTF-8 at byte {at}"))
            continue
        found = format_id or detector.formats([raw])[0]
        if found is None:
            reason = str(redactor.text(detector.why_not(raw)).text)
            trials.append(Trial(number, None, "no format recognises it", rejected=reason))
            continue
        why = "chosen by --format" if forced is not None else _why(adapters[found], raw)
        trials.append(_try_one(Trial(number, found, why), adapters[found], raw, builder, redactor))
    return trials


def first_records(file: Path, count: int) -> list[bytes]:
    """Return the first lines that are not blank, unpacked if the file is gzip."""
    try:
        with click.open_file(str(file), "rb") as opened:
            return list(itertools.islice(_lines(cast("BinaryIO", opened)), count))
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is not whole"
        raise UnreachableError(f"the file cannot be read: {reason}", where=str(file)) from error


def print_trials(trials: Sequence[Trial], output: Output) -> None:
    """Print trials: for a person a page, otherwise one row per record."""
    if output.chosen != "table":
        names = ("record", "format", "why", "rejected", "unmapped", "rows")
        output.write(
            rows_of([{n: getattr(t, n) for n in names} | {"rows": _json(t.rows)} for t in trials], names)
        )
        return
    for line in _pages(trials, terminal_width()):
        click.echo(line)


def _try_one(trial: Trial, adapter: Adapter, raw: bytes, builder: RowBuilder, redactor: Redactor) -> Trial:
    built = builder.build(adapter, Records([raw], [0], None, [0], [_NOWHERE]), datetime.now(UTC))
    reasons = [*(r.reason for r in built.rejects), *(i.reason for i in built.invalid)]
    if reasons or not built.table.num_rows:
        trial.rejected = str(redactor.text(reasons[0]).text) if reasons else "the adapter made nothing of it"
    for row in built.table.to_pylist():
        trial.unmapped += _names(row.get("unmapped"))
        trial.rows.append({k: v for k, v in row.items() if k not in _HIDDEN and v is not None})
    return trial


def _pages(trials: Sequence[Trial], width: int) -> Iterator[str]:
    for trial in trials:
        title = f"record {trial.record}: {trial.format or 'not recognised'} ({trial.why})"
        yield click.style(visible(title), bold=True)
        for number, row in enumerate(trial.rows, 1):
            if len(trial.rows) > 1:
                yield click.style(f"  row {number} of {len(trial.rows)}", dim=True)
            for name, value in row.items():
                yield fit(f"  {name:24}{visible(_text(value))}", width).rstrip()
        if trial.unmapped:
            yield f"  not understood: {visible(', '.join(trial.unmapped))}"
        if trial.rejected:
            yield click.style(f"  would be a dead letter: {visible(trial.rejected)}", fg="red")
        yield ""
    dead = sum(t.rejected is not None for t in trials)
    yield f"records tried: {len(trials)}, would be rows: {len(trials) - dead}, would be dead letters: {dead}"


def _why(adapter: Adapter, raw: bytes) -> str:
    """Name the signature a record matched: the most specific one its top level fits."""
    try:
        top = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "its text is recognised by the adapter"
    fitting = [s for s in adapter.signatures if all(k in top and v in (None, top[k]) for k, v in s.items())]
    return _signature(max(fitting, key=len)) if fitting else "its text is recognised by the adapter"


def _recognised_by(adapter: Adapter) -> list[str]:
    texts = ["the shape of its text"] if adapter.recognises is not None else []
    return [_signature(signature) for signature in adapter.signatures] + texts


def _signature(signature: Mapping[str, Any]) -> str:
    keys = [
        name if value is None else f"{name}={msgspec.json.encode(value).decode()}"
        for name, value in signature.items()
    ]
    return f"it has {', '.join(keys)}"


def _lines(file: BinaryIO) -> Iterator[bytes]:
    head = file.peek(2)[:2] if hasattr(file, "peek") else b""
    source = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if head == b"\x1f\x8b" else file
    while line := source.readline(_LONGEST):
        if line.strip():
            yield line.rstrip(b"\r\n")


def _not_utf8(raw: bytes) -> int | None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def _names(unmapped: str | None) -> list[str]:
    return list(msgspec.json.decode(unmapped, type=dict[str, Any])) if unmapped else []


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()

"""Try formats on the first records of a file: what each would become, secrets taken out, nothing stored."""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
import msgspec

from console.leaves import leaves
from console.options import Place
from console.output import Output, rows_of
from console.recognised import nearest, ways, why
from console.skeleton import skeleton
from console.table import fit, terminal_width
from console.terminal import visible
from ingest.catalog import BUILT_IN, Detector, load_adapters
from ingest.delivery import Stream
from ingest.framing import BLOCK, LineCutter, cut_document, is_document
from ingest.mapping.parser import Mapped
from ingest.mapping.paths import show_path
from ingest.parsed import Adapter
from ingest.redact import Redactor
from ingest.rows import Records, RowBuilder, RowOptions
from ingest.unpack import decompressed, open_file
from store.errors import UsageError

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
    nearest: list[str] = field(default_factory=list)


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


def written(records: Sequence[bytes], adapters: Mapping[str, Adapter], format_id: str | None) -> str:
    """Return a mapping file to begin with: for the records of no format, or if all are known for the first's format."""
    found = [format_id] * len(records) if format_id else Detector(dict(adapters)).formats(records)
    unknown = [raw for raw, name in zip(records, found, strict=True) if name is None and leaves([raw])]
    redactor = Redactor(secrets.token_bytes(32))
    if unknown or not any(found):
        return skeleton(unknown, None, redactor)
    name = next(name for name in found if name is not None)
    same = [raw for raw, other in zip(records, found, strict=True) if other == name]
    return skeleton(same, chosen(adapters, name), redactor)


def described(adapter: Adapter) -> dict[str, Any]:
    """Return an adapter as a row of `formats list`."""
    return {
        "format": adapter.id,
        "summary": adapter.summary,
        "recognised_by": "; or ".join(ways(adapter)),
    }


def page(adapter: Adapter, folders: Sequence[Path]) -> str:
    """Return what there is to know about a format: its summary, its notes, and how it is recognised."""
    files = (folder / f"{adapter.id}{end}" for folder in (BUILT_IN, *folders) for end in (".py", ".toml"))
    file = next((file for file in files if file.exists()), None)
    text = file.read_text("utf-8") if file is not None else ""
    notes = text if isinstance(adapter.parse, Mapped) else ast.get_docstring(ast.parse(text))
    listed = "\n".join(f"  {way}" for way in ways(adapter))
    return visible(f"{adapter.id}: {adapter.summary}\n\n{notes or ''}\n\nrecognised by\n{listed}", keep="\n")


def attempt(
    records: Sequence[bytes], adapters: Mapping[str, Adapter], format_id: str | None = None
) -> list[Trial]:
    """Try records: as one format, or as the one that recognises each."""
    detector = Detector(dict(adapters))
    forced = chosen(adapters, format_id) if format_id is not None else None
    key = secrets.token_bytes(32)
    redactor = Redactor(key)
    builder = RowBuilder(key, redactor, RowOptions())
    trials = []
    for number, raw in enumerate(records, 1):
        if (at := _not_utf8(raw)) is not None:
            trials.append(Trial(number, None, "its text cannot be read", rejected=f"not UTF-8 at byte {at}"))
            continue
        found = format_id or detector.formats([raw])[0]
        if found is None:
            reason = str(redactor.text(detector.why_not(raw)).text)
            kin = [str(n) for n in nearest(adapters, raw)]
            trials.append(Trial(number, None, "no format recognises it", rejected=reason, nearest=kin))
            continue
        trial = Trial(
            number, found, "chosen by --format" if forced is not None else why(adapters[found], raw)
        )
        if forced is None:
            near = nearest(adapters, raw, found, count=1)
            trial.nearest = [str(n) for n in near if len(n.has) >= len(n.lacks)]
        trials.append(_try_one(trial, adapters[found], raw, builder, redactor))
    return trials


def first_records(file: Path, count: int) -> list[bytes]:
    """Return the first records: lines that are not blank, or elements of a document; unpacked from gzip or zstd."""
    if str(file) != "-":
        with open_file(file) as source:
            return _cut(source, count)
    stdin = cast("io.BufferedReader", sys.stdin.buffer)
    return _cut(cast("BinaryIO", decompressed(stdin, stdin.peek(4)[:4], file)), count)


def _cut(source: BinaryIO, count: int) -> list[bytes]:
    block = source.read(BLOCK)
    if is_document(block):
        with contextlib.suppress(ValueError):  # it is cut into lines then, each of which says what is wrong
            whole = block + source.read(_LONGEST)
            return [raw for _, raw in itertools.islice(cut_document(whole), count)]
    cutter = LineCutter(0, 1, _LONGEST)
    records: list[bytes] = []
    while block and len(records) < count:
        records += cutter.feed(block).records
        block = source.read(BLOCK)
    return [*records, *cutter.finish().records][:count]


def remarks(records: Sequence[bytes], trials: Sequence[Trial], adapters: Mapping[str, Adapter]) -> list[str]:
    """Return what is to be said of the trials together: paths that lead nowhere, and what to do about no format."""
    found = []
    for name in dict.fromkeys(trial.format for trial in trials if trial.format in adapters):
        if isinstance(parse := adapters[str(name)].parse, Mapped):
            mine = [raw for raw, trial in zip(records, trials, strict=True) if trial.format == name]
            found += [f"{name}: {text}" for text in _lost(parse, mine)]
    if any(trial.format is None for trial in trials):
        found.append(
            "tooltrail formats try FILE --skeleton writes a mapping file to begin with (docs/mapping.md)"
        )
    return found


def _lost(parse: Mapped, records: Sequence[bytes]) -> Iterator[str]:
    there = {show_path(path): path for path in leaves(records)}
    for path in map(show_path, parse.missing(records)):
        if path in there:
            yield f"{path} is read by {parse.mapping.extends} itself"
            continue
        near = get_close_matches(path, there, n=1)
        yield f"no record tried has {path}" + (f"; did you mean {near[0]}?" if near else "")


def print_trials(trials: Sequence[Trial], remarks: Sequence[str], output: Output) -> None:
    """Print trials: for a person a page and remarks, otherwise one row per record."""
    if output.chosen != "table":
        names = ("record", "format", "why", "nearest", "rejected", "unmapped", "rows")
        output.write(
            rows_of([{n: getattr(t, n) for n in names} | {"rows": _json(t.rows)} for t in trials], names)
        )
        return
    for line in pages(trials, terminal_width()):
        click.echo(line)
    for remark in remarks:
        click.echo(visible(remark))


def pages(trials: Sequence[Trial], width: int) -> Iterator[str]:
    """Yield the lines that show trials to a person, each at most `width` wide."""
    runner_up: list[str] = []
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
        if trial.format is None:
            yield from (f"  nearest: {visible(near)}" for near in trial.nearest)
        elif trial.nearest not in ([], runner_up):
            yield f"  next nearest: {visible(trial.nearest[0])}"
        runner_up = trial.nearest
        yield ""
    dead = sum(t.rejected is not None for t in trials)
    yield f"records tried: {len(trials)}, would be rows: {len(trials) - dead}, would be dead letters: {dead}"


def _try_one(trial: Trial, adapter: Adapter, raw: bytes, builder: RowBuilder, redactor: Redactor) -> Trial:
    built = builder.build(adapter, Records([raw], [0], None, [0], [_NOWHERE]), datetime.now(UTC))
    reasons = [*(r.reason for r in built.rejects), *(i.reason for i in built.invalid)]
    if reasons or not built.table.num_rows:
        trial.rejected = str(redactor.text(reasons[0]).text) if reasons else "the adapter made nothing of it"
    rows = built.table.to_pylist()
    if rows:  # an envelope's records are of other formats
        trial.format = ", ".join(dict.fromkeys(row["source_format"] for row in rows))
    for row in rows:
        trial.unmapped += _names(row.get("unmapped"))
        trial.rows.append({k: v for k, v in row.items() if k not in _HIDDEN and v is not None})
    return trial


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

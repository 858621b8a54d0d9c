"""Closing a campaign: only what adds up is closed, and what was decided is sealed with what it stands on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from analytics.review import ledger
from analytics.review.campaign import Campaign, Seal
from analytics.review.model import Assessment
from analytics.review.seals import seal_text
from analytics.review.standing import campaign_of
from store.commit import Advance
from store.durable import make_folders, write_file
from store.errors import UsageError
from store.lake import Lake
from store.tables import TABLES

FOLDER = "review-records"
"""Folder of the lake in which sealed campaigns lie, each in a folder named for the digest of its name."""

Pages = Callable[[Assessment, Campaign], Mapping[str, bytes]]
"""Makes the report of a campaign: the content of its files by their names."""


def close(
    lake: Lake,
    name: str,
    by: str,
    *,
    now: datetime | None = None,
    settings: Mapping[str, str | int] | None = None,
    pages: Pages | None = None,
    with_report: bool = True,
) -> Campaign:
    """Seal a campaign: the frozen items, the decisions and the report as files, their SHA-256 in the lake.

    The report is its data, and what `pages` makes of it. Without it nothing of the frozen versions is needed.
    Raises UsageError that says what is open while the sums do not close, UnreachableError where the report cannot be
    made any more; then nothing was written.
    """
    row, moment = ledger.campaign_row(lake, name), now or datetime.now(UTC)
    if row["closed_at"] is not None:
        raise UsageError(f"{name} was closed on {row['closed_at']:%Y-%m-%d} already")
    if not by.strip():
        raise UsageError("somebody answers for closing it", hint="--by WHO")
    campaign = campaign_of(lake, name, now=moment)
    if not campaign.arithmetic.closes:
        late = " (overdue: escalate it)" if moment >= row["due_at"] else ""
        told = "\n".join(campaign.arithmetic.faults)
        raise UsageError(
            f"{name} cannot be closed{late}:\n{told}", hint=f"`tooltrail review show {name} --open`"
        )
    versions = {table: lake.snapshot(table).version for table in sorted(TABLES)}
    contents = {
        "items.ndjson": _lines(ledger.items_of(lake, name)),
        "decisions.ndjson": _lines(map(asdict, campaign.decisions)),
        "verdicts.ndjson": _lines(map(asdict, campaign.verdicts)),
    }
    if with_report:
        found = ledger.frozen_assessment(lake, row, settings)
        as_closed = replace(campaign, status="closed", seal=Seal(moment, by, versions, {}, ""))
        contents |= {"report.json": report_text(found, campaign).encode()}
        contents |= pages(found, as_closed) if pages is not None else {}
    files = _write(record_folder(lake, name), contents)
    closed = {
        **{field: row[field] for field in TABLES["reviews"].schema.names if field in row},
        "change": "closed", "made_by": by, "review_time": moment, "review_date": moment.date(),
        "seal": seal_text(versions, files),
    }  # fmt: skip
    table = pa.Table.from_pylist([closed], TABLES["reviews"].schema)
    lake.append("reviews", table, [Advance(ledger.stream(name), 1, 2)])
    return campaign_of(lake, name, now=moment)


def record_folder(lake: Lake, name: str) -> Path:
    """Return the folder of a campaign's sealed files; no name leads out of the lake's own."""
    return lake.path / FOLDER / hashlib.sha256(name.encode()).hexdigest()[:16]


def check_seal(lake: Lake, name: str) -> list[str]:
    """Return every file beside the sealed ones, or that is not what was sealed, and why; nothing where all are."""
    row = ledger.campaign_row(lake, name)
    if row["seal"] is None:
        return [f"{name} is not closed"]
    folder, wrong, sealed = record_folder(lake, name), [], json.loads(row["seal"])["files"]
    for file, digest in sealed.items():
        try:
            found = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        except OSError as error:
            wrong.append(f"{folder / file}: {error.strerror}")
            continue
        if found != digest:
            wrong.append(f"{folder / file}: it is not what was sealed")
    others = sorted(path for path in folder.glob("*") if path.name not in sealed)
    return wrong + [f"{path}: it was never sealed" for path in others]


def _write(folder: Path, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Make files durable in a folder that then holds nothing else; return their SHA-256."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folders(folder)
    for name, content in contents.items():
        write_file(folder / name, content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def report_text(found: Assessment, campaign: Campaign | None = None) -> str:
    """Return the data of a report as JSON: all of an assessment but its items, which are kept beside it."""
    told = {f.name: getattr(found, f.name) for f in fields(found) if f.name not in ("items", "debt")}
    body = {name: _plain(value) for name, value in told.items()}
    body["debt"] = None if found.debt is None else found.debt.total
    if campaign is not None:
        body["arithmetic"], body["quality"] = (
            asdict(campaign.arithmetic),
            [asdict(q) for q in campaign.quality],
        )
        body["changes"] = [asdict(change) for change in campaign.changes]
    return json.dumps(body, default=_text, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    lines = (json.dumps(dict(row), default=_text, sort_keys=True, ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _text(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)

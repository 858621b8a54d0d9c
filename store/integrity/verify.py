"""Every claim about the lake, derived again from its files: the log, commits, files, rows, roots and streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from store.durable import write_file
from store.errors import TooltrailError, UsageError
from store.integrity import retired, witness
from store.integrity.checks.commits import Live, check_commits, standing
from store.integrity.checks.completeness import check_completeness
from store.integrity.checks.digests import check_digests
from store.integrity.checks.files import Progress, check_files
from store.integrity.checks.removals import check_removals
from store.integrity.checks.report import Report
from store.integrity.checks.roots import Batches
from store.integrity.checks.timestamps import check_timestamps
from store.integrity.checks.tree import Logged, check_older, check_tree
from store.integrity.log import Log
from store.integrity.note import BadNoteError, VerifierKey, parse
from store.tables import TABLES
from store.tables.integrity import RETIRED_LEAVES

if TYPE_CHECKING:
    from store.lake import Lake

VERIFIED = "verified"
"""The checkpoint of the last verification without a fault, kept beside the log's own."""


NUMBERED = "claude_code"
"""The format of the view sequence_gaps; the query engine need not be started for a lake that has none of it."""


def _silent(_done: int, _total: int) -> None:
    return


@dataclass(frozen=True)
class Options:
    """What to verify: files that entries from `since` on added, against checkpoints that were kept elsewhere.

    `witnesses` are keys of those who must have signed a checkpoint that is kept in the log; `tsa_ca` holds the
    certificates (PEM) that time stamps must lead to, `digests` are files of hours that were kept elsewhere.
    """

    since: int = 0
    checkpoints: Sequence[Path] = ()
    witnesses: Sequence[VerifierKey] = ()
    jobs: int = 1
    progress: Progress = field(default=_silent)
    tsa_ca: Path | None = None
    digests: Sequence[Path] = ()


def verify(lake: Lake, options: Options) -> Report:
    """Check every claim; the report tells all faults. UsageError for a lake that keeps no log."""
    if lake.log is None:
        raise UsageError("this lake was made without a transparency log", where=str(lake.path))
    report = Report(since=options.since)
    tree = check_tree(lake.log, report)
    kept = [lake.log.folder / VERIFIED] if (lake.log.folder / VERIFIED).exists() else []
    for file in [*options.checkpoints, *kept, *witness.kept(lake.log)]:
        check_older(tree, file, report)
    _check_witnesses(lake.log, options.witnesses, report)
    check_timestamps(lake.log, tree, options.tsa_ca, report)
    check_digests(lake.log, options.digests, report)
    logged = tree.logged
    live = check_commits(lake.log, tuple(TABLES), tree, report)
    check_completeness(logged, report)
    check_removals(standing(logged), report)
    formats = _check_rows(lake, logged, live, report, options) if logged else set()
    if options.since or NUMBERED in formats:
        _say_what_never_came(lake, report)
    _say_what_is_not_covered(logged, report, options)
    if not report.faults:
        write_file(lake.log.folder / VERIFIED, tree.note.encode())
    return report


def _check_witnesses(log: Log, keys: Sequence[VerifierKey], report: Report) -> None:
    for key in keys:
        try:
            _, seen = witness.cosigned(log, key)
        except BadNoteError as error:
            report.fault("witness", log.folder / witness.FOLDER, f"{key.name}: {error}")
            continue
        report.covered["witnesses"] += 1
        if report.checkpoint is not None and seen.size < report.checkpoint.size:
            report.uncovered.append(
                f"entries from {seen.size} on: {key.name} signed last at {seen.time:%Y-%m-%d %H:%M} UTC"
            )


def last_verified(log: Log) -> int:
    """Return the size of the log at the last verification without a fault; 0 if there was none."""
    try:
        return parse((log.folder / VERIFIED).read_text("utf-8")).checkpoint.size
    except (OSError, UnicodeDecodeError, BadNoteError):
        return 0


def since_time(log: Log, moment: str) -> int:
    """Return the index of the first entry at or after a time (RFC 3339)."""
    index = 0
    for index, body in log.entries():
        if body["time"] >= moment:
            return index
    return index + 1


def _check_rows(lake: Lake, logged: Logged, live: Live, report: Report, options: Options) -> set[str]:
    """Check data files and what they hold; return the formats that the rows came in."""
    known = retired.read(_retired(lake, live), retired.removals(body for _, body in logged))
    batches = Batches(logged, known, report)
    unsealed = erased = 0
    formats: set[str] = set()
    for table, result in check_files(lake.path, live, options.since, options.jobs, options.progress):
        report.covered["files"] += 1
        report.covered["bytes"] += result.bytes
        where = lake.path / table / result.path
        for check, what in result.wrong:
            report.fault(check, where, what, result.claim.entry)
        if table == "events":
            report.covered["events"] += result.rows.num_rows if result.rows is not None else 0
            unsealed, erased = unsealed + result.unsealed, erased + result.erased
            batches.add(result)
            formats |= result.formats
    batches.finish(options.since)
    _check_erasures(logged, erased, report)
    if unsealed:
        report.uncovered.append(
            f"{unsealed} events from before the log have no leaf; their files have digests"
        )
    return formats


def _check_erasures(logged: Logged, erased: int, report: Report) -> None:
    """Check that rows with commitments in the place of values come from erasures that were logged."""
    report.covered["erased classes of rows"] = erased
    if erased and not any(body["type"] == "erase" for _, body in logged):
        report.fault(
            "erasure", "events", f"values are gone in {erased} places and the log tells of no erasure"
        )


def _retired(lake: Lake, live: Live) -> pa.Table:
    paths = [str(lake.path / RETIRED_LEAVES.name / path) for path in live.get(RETIRED_LEAVES.name, {})]
    readable = [path for path in paths if Path(path).exists()]
    if not readable:
        return RETIRED_LEAVES.stored.empty_table()
    return pq.read_table(readable, schema=RETIRED_LEAVES.stored, partitioning=None)


def _say_what_never_came(lake: Lake, report: Report) -> None:
    """Say which numbers are missing where producers number their events; no fault of the lake, which never had them."""
    try:
        [row] = (
            lake.sql("SELECT count(*) AS sessions, sum(missing) AS missing FROM sequence_gaps")
            .arrow()
            .to_pylist()
        )
    except TooltrailError:
        return  # what cannot be read is a fault already
    if row["sessions"]:
        report.uncovered.append(
            f"{row['missing']} events that Claude Code numbered in {row['sessions']} sessions and that never came here "
            "(sequence_gaps)"
        )


def _say_what_is_not_covered(logged: Logged, report: Report, options: Options) -> None:
    if options.since:
        report.uncovered.append(f"files that entries before {options.since} of the log added were not read")
    adopted = [
        b for _, b in logged if b["type"] == "append" and b["table"] == "events" and not b.get("streams")
    ]
    if any(body.get("added") for body in adopted):
        report.uncovered.append("commits of events from before the log: what they were then is not proven")
    if not options.checkpoints and not options.witnesses and not options.digests:
        until = " before it was stamped" if report.stamped else ""
        report.uncovered.append(
            f"a log that was made anew as a whole by who holds its key{until}: compare with a checkpoint kept "
            "elsewhere (--checkpoint) or ask for what a witness signed (--witness)"
        )
    report.uncovered.append("whether gateways sent all they saw: only what reached this lake is proven")

"""Verification at the console: progress, the report for a person and for a program, and the exit code."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.exits import Exit, say
from console.options import Place
from console.output import Output, rows_of
from console.terminal import visible
from store.errors import UsageError

if TYPE_CHECKING:
    from store.integrity.checks.files import Progress
    from store.integrity.checks.report import Report
    from store.integrity.note import VerifierKey
    from store.lake import Lake


def verify(
    place: Place,
    since: str | None,
    checkpoints: Sequence[Path],
    witnesses: Sequence[str],
    jobs: int | None,
    *,
    tsa_ca: Path | None,
    digests: Sequence[Path],
    as_json: bool,
) -> int:
    """Verify a lake, print what was found, and return the exit code."""
    from store.integrity import verify as verifying

    lake = place.open()
    start = _start(lake, since)
    began = time.monotonic()
    with _progress() as progress:
        known = [_key(text) for text in witnesses]
        ca = tsa_ca or place.settings().integrity.tsa_ca
        options = verifying.Options(
            start, checkpoints, known, jobs or os.cpu_count() or 1, progress, tsa_ca=ca, digests=digests
        )
        report = verifying.verify(lake, options)
    seconds = time.monotonic() - began
    click.echo(
        json.dumps(document(report, seconds), indent=2) if as_json else "\n".join(lines(report, seconds))
    )
    return Exit.FAULT_FOUND if report.faults else Exit.DONE


def _start(lake: Lake, since: str | None) -> int:
    """Return the entry to start from: a number, the first at a time, or where the last verification ended."""
    from store.integrity.verify import last_verified, since_time

    if since is None or lake.log is None:
        return 0
    if since == "last":
        return last_verified(lake.log)
    if since.isdecimal():
        return int(since)
    if len(since) < 10 or not since[:4].isdecimal():
        raise UsageError("--since takes an entry's number, a time such as 2026-10-01, or last")
    return since_time(lake.log, since)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with click.progressbar(length=1, label="verifying", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress


def document(report: Report, seconds: float) -> dict[str, Any]:
    """Return the report as one object."""
    first = report.first
    return {
        "verified": not report.faults,
        "checkpoint": _checkpoint(report),
        "since": report.since,
        "covered": dict(report.covered),
        "faults": [fault.record() for fault in report.faults],
        "first": first.record() if first is not None else None,
        "stamped": [{"size": one.size, "time": one.time.isoformat()} for one in report.stamped],
        "not_covered": report.uncovered,
        "seconds": round(seconds, 3),
    }


def _checkpoint(report: Report) -> dict[str, Any] | None:
    found = report.checkpoint
    return None if found is None else {"origin": found.origin, "size": found.size, "root": found.root.hex()}


def lines(report: Report, seconds: float) -> Iterator[str]:
    """Yield the report for a person."""
    covered = report.covered
    if report.checkpoint is not None:
        yield f"log         {report.checkpoint.origin}, {report.checkpoint.size:,} entries"
        yield f"root        {report.checkpoint.root.hex()}"
    rate = f", {covered['events'] / seconds:,.0f} events/s" if seconds and covered["events"] else ""
    yield (
        f"checked     {covered['events']:,} events under {covered['streams']:,} roots, "
        f"{covered['files']:,} files, {covered['commits']:,} commits in {seconds:.1f} s{rate}"
    )
    if report.stamped:
        yield f"stamped     {_stamped(report)}"
    yield from (f"not covered {text}" for text in report.uncovered)
    if not report.faults:
        yield "no fault found"
        return
    for fault in report.faults:
        entry = "" if fault.entry is None else f" (entry {fault.entry})"
        yield visible(
            f"FAULT       {fault.check}: {fault.what}{entry}\n            at {fault.where}", keep="\n"
        )
    first = report.first
    assert first is not None
    count = len(report.faults)
    yield visible(
        f"{count:,} fault{'' if count == 1 else 's'}; the first divergence: {first.check} at {first.where}"
    )


def _stamped(report: Report) -> str:
    """Return what time stamps prove: the first of when the log began, the last of how far it is covered."""
    first, last = (
        f"at least {one.size:,} entries before {one.time:%Y-%m-%d %H:%M:%S} UTC"
        for one in (report.stamped[0], report.stamped[-1])
    )
    return f"the log had {last}" + (f", and {first}" if first != last else "")


def cosign(place: Place, url: str, keys: Sequence[str]) -> None:
    """Have a witness sign the log, and say what it signed."""
    from store.integrity.witness import cosign as ask

    lake = place.open()
    if lake.log is None:
        raise UsageError("this lake was made without a transparency log")
    lake.log.follow()
    for signed in ask(lake.log, url, [_key(text) for text in keys]):
        say(f"{signed.key.name} signed {signed.size:,} entries at {signed.time:%Y-%m-%d %H:%M:%S} UTC")


def _key(text: str) -> VerifierKey:
    """Return a public key given as itself."""
    from store.integrity.note import BadNoteError, VerifierKey

    try:
        return VerifierKey.parse(text)
    except BadNoteError as error:
        raise UsageError(
            f"that is no key: {error}", hint="NAME+ID+BASE64, as its owner publishes it"
        ) from error


def print_digests(place: Place, output: Output, since: str | None) -> None:
    """Print the hours of the log that are over, from a time on."""
    from store.integrity.digest import Hour, hours

    lake = place.open()
    if lake.log is None:
        raise UsageError("this lake was made without a transparency log")
    found = [asdict(hour) for hour in hours(lake.log) if since is None or hour.hour >= since[:13]]
    if not output.write(rows_of(found, [field.name for field in fields(Hour)])):
        say("no such hour of the log is over yet: an hour is over when a later one has an entry")


def show_keys(place: Place) -> None:
    """Print the public keys the log was ever signed by, the newest last."""
    lake = place.open()
    if lake.log is None:
        raise UsageError("this lake was made without a transparency log")
    for _, body in lake.log.entries():
        if body["type"] == "key":
            for key in body["keys"]:
                click.echo(key)


def propose_rotation(place: Place, reason: str, by: str) -> None:
    """Propose a new key for the log and print the request's id."""
    from store.keeping import approving

    lake = place.open()
    if lake.log is None:
        raise UsageError("this lake was made without a transparency log")
    request = approving.propose(lake, "rotate", "log key", reason, by)
    click.echo(request.request_id)
    say(f"proposed   another person does it: tooltrail lake approve {request.request_id} --by NAME")


def rotate(lake: Lake, request_id: str) -> None:
    """Replace the log's key, as two people want it, and say where that stands in the log."""
    if lake.log is None:
        raise UsageError("this lake was made without a transparency log")
    entry = lake.log.rotate({"request": request_id})
    say(f"rotated    the log is signed by a new key from entry {entry} on")

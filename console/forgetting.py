"""`tooltrail lake erase` and what two people do: propose, approve, refuse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from console.exits import Exit, say
from console.options import Place
from console.output import Output, rows_of
from console.terminal import visible
from store.errors import UsageError

if TYPE_CHECKING:
    from store.keeping.approving import Request
    from store.keeping.erasing import Erased
    from store.lake import Lake

_REQUEST = ("request_id", "action", "target", "reason", "by", "state", "approved_by")


def fingerprints_of(lake: Lake, names: Sequence[str]) -> list[int]:
    """Return the fingerprints that names have in this lake's arguments and results."""
    from ingest.fingerprint import Fingerprinter

    found, _ = Fingerprinter(lake.site_key).fingerprint([json.dumps(name).encode() for name in names])
    return sorted({int(value) for value in found.values})


def erase_person(
    place: Place,
    output: Output,
    names: Sequence[str],
    reason: str | None,
    by: str | None,
    *,
    dry_run: bool,
    resume: bool,
    replay: bool,
) -> int:
    """Say where a person is and propose to erase them, or go on with what was approved; returns the exit code."""
    from store.keeping import erasing, left_over

    lake = place.open()
    if resume or replay:
        return _again(place, lake, output, replay=replay)
    subject, shared = erasing.whom(lake, names, fingerprints_of)
    say(f"erases     {', '.join(map(visible, subject.names))}")
    if shared:
        say(f"keeps      {', '.join(shared)}: other people's events have it too; --subject erases it as well")
    traces = list(erasing.traces(lake, subject))
    output.write(rows_of([asdict(trace) for trace in traces], ("table", "rows", "held")))
    for column, count in left_over.stays(lake, subject).items():
        say(f"stays      {count:,} rows of events name them in {column}: {left_over.LEAF}")
    if any(trace.held for trace in traces):
        say("held       a hold covers some of it: it will be erased once the hold is released")
    if not dry_run and by is not None:
        request = erasing.propose(lake, subject, reason or "", by)
        say(f"proposed   another person does it: tooltrail lake approve {request.request_id} --by NAME")
    return Exit.DONE


def _again(place: Place, lake: Lake, output: Output, *, replay: bool) -> int:
    from store.keeping import erasing
    from store.keeping.compacting import HINT
    from store.locks import alone

    with alone(lake, "keeping", HINT):
        results = erasing.resume_held(lake, place.settings().keeping.ledger)
        if replay:
            results += erasing.replay_held(lake, erasing.ledger(lake), fingerprints_of)
    return _print_erased(lake, output, results)


def _print_erased(lake: Lake, output: Output, results: Sequence[Erased]) -> int:
    from store.keeping.left_over import advice

    rows = [{**asdict(r), "residue": [str(one) for one in r.residue]} for r in results]
    output.write(rows_of(rows, ("erasure_id", "state", "rows", "files", "residue")))
    if any(result.state == "restricted" for result in results):
        say("restricted a hold covers some of it; it is erased once the hold is released")
    left = [one for result in results for one in result.residue]
    for what, places in advice(lake, left):
        columns = ", ".join(sorted({column for place in places for column in place.columns}))
        count = len({place.path for place in places})
        say(f"residue    {count:,} file{'' if count == 1 else 's'}{columns and f', {columns}'}: {what}")
    if any(result.state in ("erased", "residue") for result in results):
        say(
            "beyond     backups (a restore erases again), exports, Kafka and logs are not reached: docs/keeping.md"
        )
    return Exit.FAULT_FOUND if left else Exit.DONE


def approve_request(place: Place, output: Output, request_id: str, by: str) -> int:
    """Record the second person's word and do what was proposed; returns the exit code."""
    from console import verifying
    from store.keeping import approving, erasing, holding
    from store.keeping.compacting import HINT
    from store.locks import alone

    results: list[Erased] = []
    lake, ledger = place.open(), place.settings().keeping.ledger
    with alone(lake, "keeping", HINT):
        request = approving.decide(lake, request_id, by, approve=True)
        _tell_whom(lake, request)
        say(f"approved   {request.action} {request.target}, proposed by {request.by}")
        if request.action == "erase":
            results = [erasing.carry_out(lake, request, ledger)]
        elif request.action == "release":
            holding.lift(lake, request.target, request.reason, by, second_copy=ledger)
            results = erasing.resume_held(lake, ledger)
            approving.finish(lake, request)
        else:
            verifying.rotate(lake, request.request_id)
            approving.finish(lake, request)
    return _print_erased(lake, output, results) if results else Exit.DONE


def refuse_request(place: Place, request_id: str, by: str) -> None:
    """Record that what was proposed is not done."""
    from store.keeping import approving, erasing

    lake = place.open()
    request = approving.decide(lake, request_id, by, approve=False)
    if request.action == "erase":
        erasing.withdraw(lake, request)
    say(f"refused    {request.action} {request.target}")


def list_requests(place: Place, output: Output) -> None:
    """Print what was proposed and what became of it; whom it would erase is talk, and in no row."""
    from store.keeping import approving

    lake = place.open()
    requests = approving.requests(lake)
    output.write(rows_of([asdict(request) for request in requests], _REQUEST))
    for request in requests:
        if request.state == "proposed":
            _tell_whom(lake, request)


def _tell_whom(lake: Lake, request: Request) -> None:
    """Say whom a request would erase, for the second person to know what is approved."""
    from store.keeping import notes

    if request.action != "erase":
        return
    try:
        names = ", ".join(map(visible, notes.read(lake, request.target).names))
    except UsageError:
        names = "nobody: its note is gone, as after a restore; propose it again"
    say(f"of whom    {request.request_id} erases {names}")

"""One customer's data in another's session: real tool calls into which a stretch of another customer's was spliced.

    python -m bench.crossing --data DIR

DIR has tau/ and splices/, each with events.dev.ndjson.zst and labels.dev.ndjson.zst. Sessions that were spliced into
are taken in as they were joined, on a day after the history; so is every fourth session of the others. The rest is the
history. A spliced session is found when D35 to D40 name one of its cross_user_seqs; any finding in an unspliced one, on
whatever day, is wrong. No donor is in one lake twice: each lake gets its share of the spliced sessions. Sessions are
moved together to lie one after another within five days, in their order: the history is what is known of thirty days.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard

from analytics.detecting import job
from analytics.detecting.catalog import load
from bench.leaks import LEAKAGE, take_in
from store.lake import Lake

_BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
_HISTORY = timedelta(days=4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found with and without the donor's own session in the history; 2 when the data is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.crossing", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the traces")
    folder = parser.parse_args(arguments).data
    if not all((folder / name / "events.dev.ndjson.zst").exists() for name in ("tau", "splices")):
        sys.stderr.write(f"{folder}: there are no tau and splices here, nothing was measured\n")
        return 2
    for donors in (True, False):
        _measure(folder, donors=donors)
    return 0


def _measure(folder: Path, *, donors: bool) -> None:
    labels = [one for one in _lines(folder / "splices/labels.dev.ndjson.zst") if one.get("cross_user_seqs")]
    calls = list(_lines(folder / "splices/events.dev.ndjson.zst"))
    hosts, givers = ({one[name] for one in labels} for name in ("host_session", "donor_session"))
    events = [e for e in _lines(folder / "tau/events.dev.ndjson.zst") if e["session_id"] not in hosts]
    if not donors:
        events = [e for e in events if e["session_id"] not in givers]
    plain = {e["session_id"] for e in events}
    right: set[str] = set()
    wrong: set[str] = set()
    for some in _rounds(labels):
        spliced = {one["session_id"]: set(one["cross_user_seqs"]) for one in some}
        last = set(sorted(plain - givers)[::4])
        today = [e for e in (*events, *calls) if e["session_id"] in (*last, *spliced)]
        history = [e for e in events if e["session_id"] not in last]
        after = _moved(today, _BEGIN + _HISTORY, timedelta(hours=20))
        found = _found([*_moved(history, _BEGIN, _HISTORY), *after])
        right |= {s for s, seqs in spliced.items() if any((s, seq) in found for seq in seqs)}
        wrong |= {s for s, _ in found if s in plain}
    print(f"donors' sessions {'in' if donors else 'not in'} the history: found {len(right)} of {len(labels)} spliced "
          f"sessions, wrong in {len(wrong)} of {len(plain)} others")  # fmt: skip


def _rounds(labels: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Part the spliced sessions so that in none two have the same donor: what six people see is no one's any more."""
    rounds: list[list[dict[str, Any]]] = []
    times: Counter[str] = Counter()
    for one in labels:
        turn = times[one["donor_user"]]
        times[one["donor_user"]] += 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(one)
    return rounds


def _moved(events: list[dict[str, Any]], begin: datetime, within: timedelta) -> list[dict[str, Any]]:
    """Return the events with their sessions' starts spread evenly, in order, and the pauses inside as they were."""
    starts: dict[str, datetime] = {}
    for event in sorted(events, key=lambda e: e["ts"]):
        starts.setdefault(event["session_id"], datetime.fromisoformat(event["ts"]))
    step = within / len(starts)
    begins = {session: begin + number * step for number, session in enumerate(starts)}
    moved = []
    for event in events:
        since = datetime.fromisoformat(event["ts"]) - starts[event["session_id"]]
        moved.append({**event, "ts": begins[event["session_id"]] + min(since, timedelta(hours=2))})
    return sorted(moved, key=lambda e: (e["ts"], e["session_id"], e["seq"]))


def _found(events: list[dict[str, Any]]) -> dict[tuple[str, int], set[str]]:
    """Return, for each call that ends a finding, the detections that say so."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.create(Path(folder) / "lake")
        take_in(lake, [_native(event) for event in events])
        detections = load()
        job.update(lake, [detections[name] for name in LEAKAGE])
        rows = lake.sql(
            "SELECT e.native_event_id, f.detection FROM findings f JOIN events e ON e.event_id = f.evidence[-1]"
        ).arrow()
    found: dict[tuple[str, int], set[str]] = {}
    for name, detection in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        session, seq = name.rsplit("/", 1)
        found.setdefault((session, int(seq)), set()).add(detection)
    return found


def _native(call: dict[str, Any]) -> bytes:
    fields = {
        "event_time": call["ts"].isoformat(), "native_event_id": f"{call['session_id']}/{call['seq']}",
        "event_kind": "tool_call", "user_id": call["user"], "client_name": call["client"],
        "server_name": call["server"], "tool_name": call["tool"], "arguments": call["arguments"],
        "result": call["result"], "decision": "allow",
        "session_id": call["session_id"], "outcome": "tool_error" if call["is_error"] else "success",
    }  # fmt: skip
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as plain:
        for line in io.TextIOWrapper(plain, encoding="utf-8"):
            yield json.loads(line)


if __name__ == "__main__":
    sys.exit(main())

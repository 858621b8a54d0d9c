"""A dead letter says what, where and why, keeps the record without its secrets, and can be read again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from lakes import CALLS, ask, batch, event_ids, letters, one, record, take_in

from ingest.deadletters import MAX_RAW
from ingest.delivery import Batch, Stream
from ingest.loop import IngestOptions, Pipeline
from ingest.replay import STREAM, WARNING, Replayed, replay
from store.commit import Advance
from store.errors import FencedError, UsageError
from store.lake import Lake

SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789AB"
ADAPTER = '''
"""A gateway of our own."""
import msgspec
from ingest.parsed import Parsed, Reject

SUMMARY = "our own gateway"
SIGNATURES = ({{"acme": None}},)

def parse(records):
    events = [msgspec.json.decode(r) for r in records]
    return Parsed({{"tool_name": [e["tool"] for e in events],
                   "arguments": [msgspec.json.encode(e.get("args")) for e in events],
                   "session_id": [e.get("session_id") for e in events], "decision": [{decision} for e in events]}},
                  rows=len(events))
'''


def acme(number: int, **fields: object) -> bytes:
    """Return a record of a gateway nobody knows yet."""
    return json.dumps({"acme": number, "tool": f"tool-{number}", **fields}).encode()


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    """Return a folder with an adapter for it."""
    folder = tmp_path / "adapters"
    folder.mkdir()
    (folder / "acme.py").write_text(ADAPTER.format(decision="None"))
    return folder


# --- letters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "phase", "error"),
    [
        (b"no JSON at all", "detect", "not a JSON object"),
        (b'{"a":1,"b":2}', "detect", "no format has these top-level keys: a, b"),
        (b"\xff\xfe", "decode", "not UTF-8 at byte 0"),
        (b"", "detect", "not a JSON object"),
        (record(0, tool_name=7), "parse", "Expected `str | null`, got `int` - at `$.tool_name`"),
        (record(0)[:-1], "detect", "not JSON"),
        (record(0, vantage="moon"), "validate", "vantage: unknown value 'moon'; it takes client, gateway"),
        (record(0, event_time="noon"), "validate", "event_time: not an RFC 3339 time: 'noon'"),
    ],
)  # fmt: skip
def test_a_letter_says_what_where_and_why(lake: Lake, raw: bytes, phase: str, error: str) -> None:
    """Phase, field, place, size and hash of the record as it came: enough to find and mend its source."""
    take_in(lake, [record(9), raw, record(8)])
    [letter] = letters(lake)
    assert (letter["phase"], error in letter["error"]) == (phase, True), letter["error"]
    assert (letter["place"], letter["source_topic"], letter["source_offset"]) == ("calls[0]@1", "calls", 1)
    kept = re.sub(rb"\[REDACTED:[a-z_]+:[0-9a-f]{16}\]", b"session-1", letter["raw"])
    assert (kept, letter["raw_bytes"], letter["raw_sha256"]) == (raw, len(raw), sha256(raw).hexdigest())
    assert len(event_ids(lake)) == 2


def test_a_long_record_is_cut_and_known_by_its_hash(lake: Lake) -> None:
    """A letter is bounded; what the whole record was can still be proved."""
    raw = b'{"x":"' + b"a" * 100_000
    take_in(lake, [raw])
    [letter] = letters(lake)
    assert (len(letter["raw"]), letter["raw_bytes"], letter["raw_sha256"]) == (
        MAX_RAW,
        len(raw),
        sha256(raw).hexdigest(),
    )


def test_letters_of_one_record_are_told_apart(lake: Lake) -> None:
    """Several events of one message that fail have a letter each, with the place inside the message."""
    raws = [record(n, decision="alow") for n in range(3)]
    pipeline = Pipeline(lake, IngestOptions())
    pipeline.resume(CALLS)
    pipeline.add(Batch(CALLS, [record(9), *raws], [4, 5, 5, 5], 6, subs=[0, 0, 1, 2]))
    pipeline.flush()
    found = letters(lake)
    assert [(x["source_offset"], x["sub_index"]) for x in found] == [(5, 0), (5, 1), (5, 2)]
    assert len({x["dead_id"] for x in found}) == 3


def test_a_letter_does_not_depend_on_its_neighbours(lake: Lake, tmp_path: Path) -> None:
    """Read in another batch, the same record gives the same letter: that is how it is known to be written."""
    other = Lake.create(tmp_path / "other", bytes(32))
    bad = record(5, decision="alow")
    take_in(lake, [record(0), record(1), bad])
    take_in(other, [bad], first=2)
    assert [x["dead_id"] for x in letters(lake)] == [x["dead_id"] for x in letters(other)]


# --- read again -------------------------------------------------------------------------------------------------


def test_letters_become_rows_once_an_adapter_reads_them(lake: Lake, adapters: Path) -> None:
    """Rows stand where the records stood, say where they are from, and reading again adds nothing."""
    records = [acme(0, args={"id": "ACME-0001"}), record(1), acme(2), b"hopeless"]
    take_in(lake, records)
    assert replay(lake) == Replayed(tried=3, still_dead=3)
    options = IngestOptions(adapters=(adapters,))
    assert replay(lake, options) == Replayed(tried=3, rows=2, still_dead=1)
    found = ask(
        lake,
        "SELECT source_topic, source_partition, source_offset, sub_index, raw_sha256, tool_name, source_format, "
        "parse_warnings FROM events WHERE source_format = 'acme' ORDER BY source_offset",
    )
    assert found == [
        ("calls", 0, n, 0, sha256(records[n]).hexdigest(), f"tool-{n}", "acme", ["no_event_time", WARNING])
        for n in (0, 2)
    ]
    assert len(letters(lake)) == 3
    version = lake.snapshot("events").version
    assert replay(lake, options) == Replayed(tried=1, still_dead=1, already=2)
    assert (lake.snapshot("events").version, len(event_ids(lake))) == (version, 3)


def test_a_replayed_row_is_the_row_a_good_first_reading_gives(
    lake: Lake, adapters: Path, tmp_path: Path
) -> None:
    """Ids, place, content and fingerprints are the same; arrival, seal, warning and paths of redactions differ."""
    options = IngestOptions(adapters=(adapters,))
    records = [acme(n, args={"path": f"/srv/reports/{n:06}", "key": SECRET}) for n in range(3)]
    take_in(lake, records)
    replay(lake, options)
    other = Lake.create(tmp_path / "other", lake.site_key)
    take_in(other, records, adapters=(adapters,))
    query = (
        "SELECT * EXCLUDE (ingest_time, event_time, event_date, parse_warnings, batch_id, leaf_hash, "
        "person_salt, content_salt, texts_salt) "
        "REPLACE (list_transform(redactions, lambda r: r.digest) AS redactions) FROM events ORDER BY source_offset"
    )
    assert lake.sql(query).arrow().to_pylist() == other.sql(query).arrow().to_pylist()
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in lake.path.rglob("*") if p.is_file())


def test_a_redacted_session_makes_no_session(lake: Lake, adapters: Path) -> None:
    """The session id is not in the letter: the row has none rather than a key that belongs to nobody."""
    take_in(lake, [acme(0, session_id="sess-3f0c9a7e51d24b68")])
    replay(lake, IngestOptions(adapters=(adapters,)))
    assert ask(lake, "SELECT session_key FROM events") == [(None,)]


def test_some_letters_can_be_chosen(lake: Lake, adapters: Path) -> None:
    """Ids, or beginnings of ids, choose letters; an id nobody has is the user's error."""
    take_in(lake, [acme(0), acme(1)])
    first, second = letters(lake)
    options = IngestOptions(adapters=(adapters,))
    assert replay(lake, options, [first["dead_id"][:12].upper()]) == Replayed(tried=1, rows=1)
    assert replay(lake, options, [first["dead_id"], second["dead_id"]]) == Replayed(
        tried=1, rows=1, already=1
    )
    with pytest.raises(UsageError, match="no dead letter has an id that begins with 'zz'"):
        replay(lake, options, ["zz"])
    with pytest.raises(UsageError, match="more than one id begins with ''"):
        replay(lake, options, [""])


def test_records_that_were_cut_are_not_read_again(lake: Lake, adapters: Path) -> None:
    """A head is not the record: it is counted apart, and gives no row."""
    take_in(lake, [acme(0, args="x" * MAX_RAW), acme(1)])
    assert replay(lake, IngestOptions(adapters=(adapters,))) == Replayed(tried=1, rows=1, cut=1)


def test_one_event_of_many_is_read_again_alone(lake: Lake, tmp_path: Path) -> None:
    """Of a record whose other events were rows at once, only the one that was not is added."""
    folder = tmp_path / "many"
    folder.mkdir()
    text = """
import msgspec
from ingest.parsed import Parsed
SUMMARY = "many events a record"
SIGNATURES = ({"many": None},)
def parse(records):
    pairs = [(i, e) for i, r in enumerate(records) for e in msgspec.json.decode(r)["many"]]
    return Parsed({"tool_name": [e["t"] for _, e in pairs], "decision": [e["d"]%s for _, e in pairs]},
                  record=[i for i, _ in pairs], rows=len(pairs))
"""
    (folder / "many.py").write_text(text % "")
    raw = json.dumps(
        {"many": [{"t": "a", "d": "allow"}, {"t": "b", "d": "ALLOW"}, {"t": "c", "d": "deny"}]}
    ).encode()
    take_in(lake, [raw], adapters=(folder,))
    assert [(x["sub_index"], x["phase"]) for x in letters(lake)] == [(1, "validate")]
    mended = tmp_path / "mended"
    mended.mkdir()
    (mended / "many.py").write_text(text % ".lower()")
    assert replay(lake, IngestOptions(adapters=(mended,))) == Replayed(tried=1, rows=1)
    found = ask(lake, "SELECT sub_index, tool_name, decision FROM events ORDER BY 1")
    assert found == [(0, "a", "allow"), (1, "b", "allow"), (2, "c", "deny")]


def test_a_line_that_was_whole_later_is_settled(lake: Lake) -> None:
    """A place from which there is a row by now needs no replay."""
    file = Stream("file:x", 0, "x.log")
    pipeline = Pipeline(lake, IngestOptions())
    pipeline.resume(file)
    pipeline.add(Batch(file, [record(0)[:20]], [0], 0))
    pipeline.flush()
    take_in(lake, [record(0)], stream=file)
    assert replay(lake) == Replayed(already=1)


def test_of_two_replays_at_once_one_is_fenced(
    lake: Lake, adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people who replay at the same time do not make two rows of one letter."""
    take_in(lake, [acme(0)])
    options = IngestOptions(adapters=(adapters,))
    real = Lake.append
    once = [True]

    def first_another(self: Lake, *arguments: Any, **named: Any) -> int:
        if once:
            once.clear()
            assert replay(Lake.open(lake.path), options).rows == 1
        return real(self, *arguments, **named)

    monkeypatch.setattr(Lake, "append", first_another)
    with pytest.raises(FencedError):
        replay(lake, options)
    assert (len(event_ids(lake)), lake.position("events", STREAM)) == (1, (0, None))


def test_what_is_in_the_lake_by_another_way_is_not_added(lake: Lake, adapters: Path) -> None:
    """A record that came in elsewhere meanwhile is the same record."""
    native = json.loads(acme(0)) | {"event_time": datetime.now(UTC).isoformat()}
    take_in(lake, [acme(0)])
    take_in(lake, [acme(0)], stream=Stream("calls", 1, "calls[1]"), adapters=(adapters,))
    assert replay(lake, IngestOptions(adapters=(adapters,))).rows == 0
    assert (len(event_ids(lake)), native["acme"]) == (1, 0)


def test_replay_leaves_streams_alone(lake: Lake, adapters: Path) -> None:
    """Replaying moves no stream's position: ingest goes on where it was."""
    take_in(lake, [acme(0)])
    replay(lake, IngestOptions(adapters=(adapters,)))
    assert lake.position("events", CALLS.transaction) == (0, None)
    pipeline = Pipeline(lake, IngestOptions())
    assert pipeline.resume(CALLS) == 1
    pipeline.add(batch([record(1)], 1))
    assert pipeline.flush().counts.rows == 1
    lake.append("events", lake.sql("FROM events LIMIT 0").arrow(), [Advance("x", None, 0)])


def test_the_command_tells_what_became_of_the_letters(lake: Lake, adapters: Path) -> None:
    """`deadletters replay` reads letters with the configured adapters and prints the counts as a row."""
    take_in(lake, [acme(0), b"hopeless"])
    environment = {**os.environ, "TOOLTRAIL_INGEST_ADAPTERS": str(adapters)}
    command = [
        sys.executable,
        "-m",
        "console.cli",
        "deadletters",
        "replay",
        "--lake",
        str(lake.path),
        "--output",
        "ndjson",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"tried": 2, "rows": 1, "still_dead": 1, "already": 0, "cut": 0}
    assert one(Lake.open(lake.path), "SELECT count(*) FROM events") == 1

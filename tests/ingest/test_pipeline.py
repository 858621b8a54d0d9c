"""Every record ends as a row, a dead letter or a counted replay, once; and no secret ends anywhere."""

from __future__ import annotations

import json
import logging
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import (
    CALLS,
    KEY,
    NOON,
    ask,
    batch,
    bytes_of,
    counted,
    event_ids,
    letters,
    one,
    record,
    take_in,
)

from ingest.delivery import Batch, Stream, Unreadable
from ingest.loop import IngestOptions, Pipeline
from store.errors import FencedError, UnreachableError, UsageError
from store.lake import Lake

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
RUBBISH = [
    b"",
    b"{",
    b"no JSON",
    b'{"some":"other format"}',
    b"\xff\xfe",
    b"[]",
    b"null",
    b'{"event_time":1,"tool_name":2}',
]


@pytest.fixture
def pipeline(lake: Lake) -> Pipeline:
    """Return a pipeline that has taken on one stream."""
    made = Pipeline(lake, IngestOptions())
    made.resume(CALLS)
    return made


# --- counts -----------------------------------------------------------------------------------------------------


def test_counts_close_whatever_comes(lake: Lake) -> None:
    """Records are rows, dead or replayed at every flush, and the lake holds exactly the rows and letters counted."""
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - not a secret
    pipeline = Pipeline(lake, IngestOptions())
    streams = [Stream("calls", n, f"calls[{n}]") for n in range(3)]
    ends = dict.fromkeys(streams, 0)
    for stream in streams:
        pipeline.resume(stream)
    for _ in range(4):
        for stream in streams:
            records = [
                chance.choice(RUBBISH) if chance.random() < 0.3 else record(chance.randrange(40))
                for _ in range(30)
            ]
            pipeline.add(batch(records, ends[stream], stream))
            ends[stream] += len(records)
        flushed = pipeline.flush()
        flushed.counts.check()
        assert flushed.counts.records == 90
    total = pipeline.counts
    assert (total.records, total.rows, seed) == (360, len(event_ids(lake)), seed)
    assert (total.dead, total.dead) == (len(letters(lake)), len({x["dead_id"] for x in letters(lake)}))
    assert {s: lake.position("events", s.transaction)[0] for s in streams} == dict.fromkeys(streams, 119)


def test_a_record_of_many_events_counts_once_for_each(lake: Lake) -> None:
    """A batch record gives as many rows as it holds events, each with its own place in it."""
    line = (SAMPLES / "claude_code" / "part-00000.ndjson").read_bytes().splitlines()[0]
    counts = counted(take_in(lake, [line]))
    rows = ask(lake, "SELECT sub_index FROM events ORDER BY 1")
    assert counts == (len(rows), len(rows), 0, 0)
    assert [n for (n,) in rows] == list(range(len(rows)))


def test_formats_may_be_mixed(lake: Lake) -> None:
    """A topic into which several gateways write is taken apart record by record."""
    lines = {f.parent.name: f.read_bytes().splitlines()[:20] for f in sorted(SAMPLES.glob("*/part-*"))}
    assert len(lines) == 5
    shuffled = [(name, line) for name, found in lines.items() for line in found]
    random.Random(4).shuffle(shuffled)  # noqa: S311 - not a secret
    _, rows, dead, replayed = counted(take_in(lake, [line for _, line in shuffled]))
    assert (rows, dead, replayed) == (len(event_ids(lake)), 0, 0)
    found = dict(ask(lake, "SELECT source_offset, min(source_format) FROM events GROUP BY 1"))
    assert found == {offset: name for offset, (name, _) in enumerate(shuffled)}


def test_an_exports_rows_name_the_format_that_read_each(lake: Lake) -> None:
    """One export of several products becomes their rows, in order, each under the format that read it."""
    scopes = [
        {"scope": {"name": "codex_otel"}, "logRecords": [{"body": {"stringValue": "codex.tool_decision"}}]},
        {
            "logRecords": [
                {"timeUnixNano": "1787306400000000000", "body": {"stringValue": "claude_code.auth"}}
            ]
        },
        {"scope": {"name": "agentgateway.access"}, "logRecords": [{"timeUnixNano": 1787306401000000000}]},
    ]
    line = json.dumps({"resourceLogs": [{"scopeLogs": [scope]} for scope in scopes]}).encode()
    assert counted(take_in(lake, [line])) == (3, 3, 0, 0)
    found = ask(lake, "SELECT source_format, sub_index FROM events ORDER BY sub_index")
    assert found == [("codex", 0), ("claude_code", 1), ("agentgateway", 2)]


def test_a_format_can_be_chosen(lake: Lake) -> None:
    """What is chosen is not detected, and a name that does not exist is the user's error."""
    assert counted(take_in(lake, [record(0), b'{"level":"info"}'], format="native"))[1] == 2
    with pytest.raises(UsageError, match="there is no format 'natve'"):
        Pipeline(lake, IngestOptions(format="natve"))


# --- once -------------------------------------------------------------------------------------------------------

SAME = record(1)
OTHER = record(1, tool_name="write_file")
PLAIN = record(1, native_event_id=None)


@pytest.mark.parametrize(
    ("records", "rows"),
    [([SAME, SAME], 1), ([SAME, OTHER], 2), ([SAME, OTHER, SAME, OTHER], 2), ([PLAIN, PLAIN], 1),
     ([PLAIN, record(2, native_event_id=None)], 2)],
    ids=["same id, same bytes", "same id, other bytes", "both twice", "no id, same bytes", "no id, other bytes"],
)  # fmt: skip
def test_a_record_delivered_again_is_known(lake: Lake, records: list[bytes], rows: int) -> None:
    """A repeat is counted as one; a record that only claims another's id is evidence and is kept beside it."""
    assert counted(take_in(lake, records)) == (len(records), rows, 0, len(records) - rows)
    assert len(event_ids(lake)) == rows
    again = Stream("calls", 7, "calls[7]")
    assert counted(take_in(lake, records, stream=again)) == (len(records), 0, 0, len(records))


def test_identical_lines_of_a_file_are_two_events(lake: Lake) -> None:
    """In a file a line has one place; the same bytes at another place happened again."""
    file = Stream("file:abc", 0, "a.log")
    assert counted(take_in(lake, [PLAIN, PLAIN], stream=file)) == (2, 2, 0, 0)


def test_the_window_is_bounded_and_says_so(lake: Lake) -> None:
    """Within the window every repeat is known; what is remembered does not grow without end."""
    records = [record(n) for n in range(12)]
    pipeline = Pipeline(lake, IngestOptions(dedupe_window=4))
    pipeline.resume(CALLS)
    for n, raw in enumerate([*records, records[-1], records[-2], records[0]]):
        pipeline.add(batch([raw], n))
        pipeline.flush()
    assert (pipeline.counts.rows, pipeline.counts.replayed) == (13, 2)


def test_what_the_table_has_by_position_is_not_taken_again(lake: Lake) -> None:
    """A source that goes back behind the table's position adds nothing: the table's word counts."""
    take_in(lake, [PLAIN, b"rubbish", record(2)])
    pipeline = Pipeline(lake, IngestOptions(dedupe_window=1))
    assert pipeline.resume(CALLS) == 3
    pipeline.add(Batch(CALLS, [PLAIN, b"rubbish", record(2), record(3)], [0, 1, 2, 3], 4,
                       unreadable=[Unreadable(1, b"", "again")]))  # fmt: skip
    assert counted(pipeline.flush()) == (5, 1, 0, 4)
    assert len(letters(lake)) == 1


def test_dropped_records_come_again(lake: Lake, pipeline: Pipeline) -> None:
    """What was dropped before it was durable is not remembered as seen; other streams keep what is theirs."""
    other = Stream("calls", 1, "calls[1]")
    pipeline.resume(other)
    pipeline.add(batch([record(0), record(1), b"rubbish"]))
    pipeline.add(batch([record(5)], 0, other))
    pipeline.drop([CALLS])
    assert pipeline.resume(CALLS) is None
    pipeline.add(batch([record(0), record(1), b"rubbish"]))
    assert counted(pipeline.flush()) == (4, 3, 1, 0)
    assert (len(event_ids(lake)), len(letters(lake))) == (3, 1)


# --- crashes ----------------------------------------------------------------------------------------------------


def failing_on(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every commit to one table fail."""
    real = Lake.append

    def append(self: Lake, name: str, *arguments: Any, **named: Any) -> int:
        if name == table:
            raise UnreachableError("no space", where=name)
        return real(self, name, *arguments, **named)

    monkeypatch.setattr(Lake, "append", append)


@pytest.mark.parametrize("again", ["same pipeline", "new process"])
@pytest.mark.parametrize("table", ["dead_letters", "gaps", "events"])
def test_a_crash_between_the_commits_doubles_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, table: str, again: str
) -> None:
    """Letters, gaps and rows are three commits; whichever fails, reading again leaves each of them once."""
    records = [record(0), b"rubbish", record(1), b"{"]
    pipeline = Pipeline(lake, IngestOptions())
    pipeline.resume(CALLS)
    pipeline.record_gap(CALLS, 0, 4)
    pipeline.add(batch(records, 5))
    with monkeypatch.context() as broken:
        failing_on(table, broken)
        with pytest.raises(UnreachableError):
            pipeline.flush()
    assert event_ids(lake) == []
    if again == "new process":
        pipeline = Pipeline(lake, IngestOptions())
    if again == "new process" or table == "events":
        assert pipeline.resume(CALLS) is None
        pipeline.record_gap(CALLS, 0, 4)
        pipeline.add(batch(records, 5))
    pipeline.flush()
    gaps = ask(lake, "SELECT source_topic, source_partition, first_offset, last_offset FROM gaps")
    assert gaps == [("calls", 0, 0, 4)]
    assert (len(event_ids(lake)), len(letters(lake))) == (2, 2)
    assert lake.position("events", CALLS.transaction)[0] == 8


def test_a_second_writer_fences_the_first(lake: Lake) -> None:
    """Of two that read one stream the later flush is refused whole, and can go on from the table."""
    first, second = Pipeline(lake, IngestOptions()), Pipeline(lake, IngestOptions())
    for pipeline in (first, second):
        pipeline.resume(CALLS)
        pipeline.add(batch([record(0), record(1)]))
    first.flush()
    with pytest.raises(FencedError) as caught:
        second.flush()
    assert caught.value.where == CALLS.transaction
    assert second.resume(CALLS) == 2
    second.add(batch([record(2)], 2))
    assert counted(second.flush()) == (1, 1, 0, 0)
    assert len(event_ids(lake)) == 3


def test_gaps_are_recorded_once_and_move_the_stream(lake: Lake, pipeline: Pipeline) -> None:
    """What was lost before we could read it is a row of its own, never silence."""
    pipeline.record_gap(CALLS, 0, 99)
    pipeline.add(batch([record(0)], 100))
    assert pipeline.flush().positions == {CALLS: 101}
    assert ask(lake, "SELECT first_offset, last_offset, cause FROM gaps") == [
        (0, 99, "expired before it was read")
    ]
    assert pipeline.resume(CALLS) == 101


# --- when -------------------------------------------------------------------------------------------------------


def test_it_is_time_to_flush_by_age_rows_or_bytes(lake: Lake) -> None:
    """Nothing waits longer than asked, nothing grows larger than asked, and nothing is flushed for nothing."""
    now = [0.0]
    pipeline = Pipeline(lake, IngestOptions(flush_seconds=5, flush_rows=3), clock=lambda: now[0])
    pipeline.resume(CALLS)
    now[0] = 100.0
    assert not pipeline.should_flush()
    pipeline.add(batch([record(0)]))
    assert not pipeline.should_flush()
    now[0] = 105.0
    assert (pipeline.should_flush(), pipeline.is_full()) == (True, False)
    pipeline.flush()
    assert not pipeline.should_flush()
    pipeline.add(batch([record(n) for n in range(1, 4)], 1))
    assert (pipeline.should_flush(), pipeline.is_full()) == (True, True)
    tight = Pipeline(lake, IngestOptions(flush_bytes=10))
    tight.resume(CALLS)
    tight.add(batch([b"rubbish that is longer than ten"], 9))
    assert tight.is_full()


def test_a_flush_of_nothing_is_no_commit(lake: Lake, pipeline: Pipeline) -> None:
    """An idle stream costs no versions."""
    assert (pipeline.flush().version, lake.snapshot("events").version) == (0, 0)


# --- rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("years", "odd"), [(0, False), (-1, False), (-10, True), (10, True), (-2020, True), (7900, True)]
)
def test_an_implausible_clock_opens_no_partition(lake: Lake, years: int, odd: bool) -> None:
    """An event from a clock that cannot be right keeps its time, and lies with the day it came in."""
    moment = NOON.replace(year=NOON.year + years, day=1)
    take_in(
        lake, [record(0, event_time=moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%dT%H:%M:%SZ"))]
    )
    [(found, day, warnings)] = ask(lake, "SELECT event_time, event_date, parse_warnings FROM events")
    assert found == moment
    assert day == (datetime.now(UTC).date() if odd else moment.date())
    assert warnings == (["implausible_clock"] if odd else None)


def test_times_at_the_end_of_the_calendar_harm_nobody(lake: Lake) -> None:
    """A time no calendar has is a dead letter; it does not stop the batch, nor the table."""
    times = [
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ]
    assert counted(take_in(lake, [record(n, event_time=t) for n, t in enumerate(times)])) == (4, 2, 2, 0)
    assert {x["error"].split(":")[0] for x in letters(lake)} == {"event_time"}


def test_an_event_without_time_gets_the_time_it_came_in(lake: Lake) -> None:
    """A missing time is said, and never made up from something else."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    take_in(lake, [record(0, event_time=None)], format="native")
    [(moment, arrived, warnings)] = ask(lake, "SELECT event_time, ingest_time, parse_warnings FROM events")
    assert moment == arrived >= before
    assert warnings == ["no_event_time"]


def test_a_value_too_long_is_cut_and_said(lake: Lake) -> None:
    """A column's bound holds for every source; what is cut is named."""
    take_in(lake, [record(0, tool_name="t" * 5000, server_name="é" * 1024)])
    [(tool, server, warnings)] = ask(lake, "SELECT tool_name, server_name, parse_warnings FROM events")
    assert (tool, server) == ("t" * 1024, "é" * 1024)
    assert warnings == ["value_too_long:tool_name"]


def test_a_word_a_column_does_not_know_is_a_letter_with_the_nearest(lake: Lake) -> None:
    """A typing error in an enum does not become evidence; the letter says what was meant."""
    counts = counted(
        take_in(lake, [record(0), record(1, decision="alow"), record(2, outcome="zzz"), record(3)])
    )
    assert counts == (4, 2, 2, 0)
    first, second = letters(lake)
    assert (first["phase"], first["source_offset"], first["sub_index"]) == ("validate", 1, 0)
    assert first["error"] == "decision: unknown value 'alow'; did you mean 'allow'?"
    assert second["error"].startswith("outcome: unknown value 'zzz'; it takes success, tool_error")
    assert json.loads(second["raw"])["native_event_id"] == "n-2"


def test_what_is_not_known_is_kept(lake: Lake) -> None:
    """Fields of a later version of a gateway are kept under their JSON pointer, and columns of ours stay ours."""
    take_in(
        lake, [record(0, brand_new={"a": [1, 2]}, event_id="forged", ingest_time="forged", tool_name="t")]
    )
    [(unmapped, event_id)] = ask(lake, "SELECT unmapped, event_id FROM events")
    assert json.loads(unmapped) == {
        "/brand_new": {"a": [1, 2]},
        "/event_id": "forged",
        "/ingest_time": "forged",
    }
    assert len(event_id) == 32


def test_a_record_has_one_id_for_ever(lake: Lake, tmp_path: Path) -> None:
    """Ids come from the record alone: another lake, another batch, another day give the same."""
    records = [
        record(0),
        PLAIN,
        *(SAMPLES / "claude_code" / "part-00000.ndjson").read_bytes().splitlines()[:2],
    ]
    take_in(lake, records)
    other = Lake.create(tmp_path / "other", bytes(32))
    take_in(other, records[::-1])
    assert sorted(event_ids(lake)) == sorted(event_ids(other))


# --- secrets ----------------------------------------------------------------------------------------------------


def secret(number: int) -> str:
    """Return a token of a known shape."""
    return f"ghp_{number:02}abcdefghijklmnopqrstuvwxyzABCDEFGH"


def decoded(folder: Path) -> bytes:
    """Return every file of a lake, Parquet files also as the values they hold."""
    tables = [
        pq.read_table(file, partitioning=None).to_pylist() for file in sorted(folder.rglob("*.parquet"))
    ]
    raws = [row["raw"] for rows in tables for row in rows if row.get("raw")]
    return b"\0".join([bytes_of(folder), json.dumps(tables, default=str).encode(), *raws])


def planted() -> list[bytes]:
    """Return records that hold a different secret in each place where a gateway can put one."""
    s = [secret(n) for n in range(40)]
    nested = {
        "a": [{"b": {"token": s[0]}}],
        "header": f"Authorization: Bearer {s[1]}",
        "inner": json.dumps({"deep": s[2]}),
        s[3]: 1,
    }
    return [
        record(0, arguments=nested, result={"content": [{"type": "text", "text": f"your key is {s[4]}"}]}),
        record(1, arguments=json.dumps(nested | {"x": s[5]}), result=f"plain text with {s[6]}"),
        record(2, error_message=f"401 for {s[7]}", resource_uri=f"https://u:{s[8]}@h.example/x?api_key={s[9]}"),
        record(3, user_agent=f"agent/{s[10]}", decision_reason=f"token {s[11]} expired", tool_name=f"t {s[12]}"),
        record(4, brand_new={"password": s[13], "list": [s[14]]}, other_new=s[15]),
        record(5, user_groups=["staff", f"group-{s[16]}"], scopes=[s[17]],
               delegation=[{"iss": s[18], "sub": f"x {s[19]}"}]),
        record(6, user_id=s[20], credential_id=s[21], native_event_id=f"id {s[22]}"),
        record(7, decision=s[23]), record(8, event_time=s[24]), record(9, tool_name={"x": s[25]}),
        b"rubbish with " + s[26].encode(), b'{"cut":"' + s[27].encode(),
        json.dumps({"nobody": s[28], s[29]: 1}).encode(),
        b"\xff" + s[30].encode(), s[31].encode("utf-16"), json.dumps(s[32]).encode(),
        record(10, arguments={"u": s[33]}).replace(b"ghp_", b"\\u0067hp_"), record(11, parse_warnings=[s[34]]),
        record(12, arguments={"x": 10**400, "t": s[35]}),
    ]  # fmt: skip


def test_no_secret_reaches_the_disk_or_the_log(
    lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A secret planted anywhere, in records good or bad, is in no byte of the lake, no value and no message."""
    caplog.set_level(logging.DEBUG)
    pipeline = Pipeline(lake, IngestOptions())
    pipeline.resume(CALLS)
    records = planted()
    pipeline.add(
        Batch(
            CALLS,
            records,
            list(range(len(records))),
            99,
            unreadable=[Unreadable(98, secret(36).encode(), f"why {secret(37)}")],
        )
    )
    counts = pipeline.flush().counts
    assert counts.rows + counts.dead == len(records) + 1
    assert counts.dead >= 9
    everything = decoded(lake.path) + caplog.text.encode() + "".join(capfd.readouterr()).encode()
    found = [
        n
        for n in range(40)
        if secret(n)[4:].encode() in everything or secret(n).encode("utf-16-le") in everything
    ]
    assert found == []
    assert everything.count(b"[REDACTED:github_") >= 30


def test_what_was_taken_out_is_noted_with_its_place(lake: Lake) -> None:
    """A secret can be followed without being known: the same secret has the same digest in every place."""
    take_in(
        lake,
        [
            record(0, arguments={"a": {"b": secret(1)}}, error_message=f"bad {secret(1)}"),
            b"rubbish " + secret(1).encode(),
        ],
    )
    [(taken, state, text)] = ask(lake, "SELECT redactions, args_state, args_json FROM events")
    [letter] = letters(lake)
    assert sorted(r["path"] for r in taken) == ["arguments/a/b", "error_message"]
    assert len({r["digest"] for r in [*taken, *letter["redactions"]]}) == 1
    assert (state, taken[0]["digest"] in text) == ("redacted", True)


def test_the_raw_session_id_is_nowhere(lake: Lake) -> None:
    """A session id opens a session: only its keyed hash is stored, also of records that became no row."""
    session = "sess-3f0c9a7e51d24b68"
    records = [
        record(0, session_id=session),
        record(1, session_id=session, decision="alow"),
        record(2, session_id=7),
    ]
    take_in(
        lake,
        [
            *records,
            json.dumps({"who": "knows", "session_id": session}).encode(),
            record(3, session_id=session)[:-9],
        ],
    )
    assert session.encode() not in decoded(lake.path)
    assert ask(lake, "SELECT session_key FROM events") == [(lake.session_key(session),)]


def test_another_site_makes_other_digests(tmp_path: Path) -> None:
    """Nothing keyed is equal in two lakes, so that one says nothing about the other."""
    columns = "session_key, args_hmac, args_leaves, redactions[1].digest"
    found = []
    for name, key in (("a", KEY), ("b", bytes(32))):
        lake = Lake.create(tmp_path / name, key)
        take_in(lake, [record(0, arguments={"p": "/srv/reports/1", "t": secret(1)})])
        found.append(ask(lake, f"SELECT {columns} FROM events")[0])  # noqa: S608
    assert [a == b for a, b in zip(*found, strict=True)] == [False] * 4


def test_rows_of_all_formats_have_the_canonical_schema(lake: Lake) -> None:
    """Whatever adapter made it, a row has all columns with their types, and its required ones are filled."""
    for number, file in enumerate(sorted(SAMPLES.glob("*/part-*"))):
        take_in(lake, file.read_bytes().splitlines()[:8], stream=Stream("file:x", number, file.name))
    from store.events import COLUMNS, arrow_schema

    table = lake.sql("FROM events").arrow().cast(arrow_schema())
    assert isinstance(table, pa.Table)
    assert [c.name for c in COLUMNS if c.required and table[c.name].null_count] == []
    assert one(lake, "SELECT count(*) FROM events") == table.num_rows >= 40

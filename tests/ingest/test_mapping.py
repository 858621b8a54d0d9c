"""What a mapping makes of records: columns, units, words, what is left, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lakes import ask, counted, letters, take_in

from ingest.catalog import Detector, load_adapters
from ingest.parsed import Parsed
from store.errors import UsageError
from store.lake import Lake

HEAD = 'summary = "Acme"\n[recognise]\nkeys = ["ts"]\nvalues = { svc = "acme" }\n[columns]\n'


def mapped(folder: Path, text: str, *records: dict[str, Any] | bytes, name: str = "acme") -> Parsed:
    """Return what a mapping makes of records."""
    (folder / f"{name}.toml").write_text(text)
    lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    return load_adapters([folder])[name].parse(lines)


def one(folder: Path, column: str, source: str, value: Any) -> Any:
    """Return what a column becomes of the field `x`; a reject is returned as its reason."""
    parsed = mapped(folder, f"{HEAD}{column} = {source}\n", {"ts": 1, "svc": "acme", "x": value})
    if parsed.rejects:
        return parsed.rejects[0].reason
    return parsed.columns.get(column, [None])[0]


def left(parsed: Parsed) -> list[Any]:
    """Return the unmapped fields of each row."""
    return [None if raw is None else json.loads(raw) for raw in parsed.columns["unmapped"]]


VALUES = [
    ("user_id", '"x"', "ann", "ann"),
    ("user_id", '"x"', 7, "7"),
    ("user_id", '"x"', True, "true"),
    ("user_id", '"x"', "", None),
    ("user_id", '"x"', None, None),
    ("user_id", '"x"', {"a": 1}, "x: expected text (user_id)"),
    ("user_id", '"x.sub"', {"sub": "ann"}, "ann"),
    ("user_id", '"/x/sub"', {"sub": "ann"}, "ann"),
    ("user_id", '"x.1.sub"', [{}, {"sub": "ann"}], "ann"),
    ("user_id", "'x.\"a.b\"'", {"a.b": "ann"}, "ann"),
    ("user_id", '"x.sub"', "ann", "x: expected an object, got text"),
    ("user_id", '{ from = ["x.sub", "x"] }', "ann", "ann"),
    ("http_status", '"x"', 403, 403),
    ("http_status", '"x"', "403", 403),
    ("http_status", '"x"', 403.0, 403),
    ("http_status", '"x"', "no", "x: expected a whole number of at most 64 bits (http_status)"),
    ("http_status", '"x"', 2**63, "x: expected a whole number of at most 64 bits (http_status)"),
    ("response_bytes", '{ from = "x", unit = "KiB" }', 1.5, 1536),
    ("duration_ms", '"x"', 12, 12.0),
    ("duration_ms", '{ from = "x", unit = "s" }', 0.25, 250.0),
    ("duration_ms", '{ from = "x", unit = "ns" }', 1_500_000, 1.5),
    ("duration_ms", '{ from = "x", unit = "us" }', "2", 0.002),
    ("duration_ms", '{ from = "x", unit = "s" }', "12ms", 12.0),
    ("duration_ms", '"x"', "soon", "x: expected a number, or a text such as 12ms (duration_ms)"),
    ("event_time", '"x"', "2026-08-21T10:00:00Z", "2026-08-21T10:00:00Z"),
    ("event_time", '"x"', "", None),
    ("event_time", '{ from = "x", unit = "s" }', 1_724_234_400.25, 1_724_234_400_250_000),
    ("event_time", '{ from = "x", unit = "ms" }', 1_724_234_400_123, 1_724_234_400_123_000),
    ("event_time", '{ from = "x", unit = "ns" }', 1_724_234_400_123_456_789, 1_724_234_400_123_456),
    ("event_time", '{ from = "x", unit = "us" }', "1724234400000000", 1_724_234_400_000_000),
    ("event_time", '"x"', 17, 'x: expected an RFC 3339 time; for numbers since 1970 give a unit, such as unit = "ms"'),
    ("event_time", '{ from = "x", unit = "s" }', 1e300, "x: expected a number since 1970"),
    ("scopes", '{ from = "x", split = " " }', "a  b", ["a", "b"]),
    ("scopes", '"x"', ["a", "b"], ["a", "b"]),
    ("scopes", '"x"', [1], "x: expected a list of texts (scopes)"),
    ("delegation", '"x"', [{"sub": "agent", "iss": "i"}], [{"iss": "i", "sub": "agent"}]),
    ("server_name", '{ from = "x", before = "__" }', "github__create__issue", "github"),
    ("tool_name", '{ from = "x", after = "__" }', "github__create__issue", "create__issue"),
    ("server_name", '{ from = "x", before = "__" }', "plain", None),
    ("tool_name", '{ from = "x", after = "__" }', "plain", "plain"),
    ("tool_name", '{ from = "x", strip_prefix = "mcp_" }', "mcp_search", "search"),
    ("client_address", '{ from = "x", part = "host" }', "[2001:db8::1]:443", "2001:db8::1"),
    ("trace_id", '{ from = "x", part = "trace_id" }', f"00-{'A' * 32}-{'b' * 16}-01", "a" * 32),
    ("span_id", '{ from = "x", part = "span_id" }', f"00-{'a' * 32}-{'b' * 16}-01", "b" * 16),
    ("trace_id", '"x"', "no trace", None),
    ("decision", '{ from = "x", words = { true = "allow", false = "deny" } }', False, "deny"),
    ("decision", '"x"', "allow", "allow"),
    ("decision", '"x"', "alow", "x: 'alow' is no word of decision: add it to words, or give otherwise (decision)"),
    ("decision", '{ from = "x", words = { ok = "allow" }, otherwise = "unknown" }', "hm", "unknown"),
    ("org_id", '{ from = "x", words = { a = "Acme" } }', "b", "b"),
    ("arguments", '"x"', {"a": [1]}, b'{"a": [1]}'),
    ("result", '"x"', "done", b'"done"'),
    ("session_id", '"x"', "s-1", "s-1"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "source", "value", "expected"), VALUES)
def test_a_field_becomes_a_column(
    tmp_path: Path, column: str, source: str, value: Any, expected: Any
) -> None:
    """Types, units, words and parts of texts mean what docs/mapping.md says; what does not fit names its field."""
    found = one(tmp_path, column, source, value)
    assert found == expected or str(found).startswith(str(expected))
    if not isinstance(expected, str):
        assert found == expected


def test_what_is_not_named_is_kept(tmp_path: Path) -> None:
    """A field without a column is in `unmapped` under its pointer; what only says the format is not."""
    text = (
        HEAD + 'tool_name = "call.tool"\narguments = "call.args"\nevent_time = { from = "ts", unit = "s" }\n'
    )
    record = {
        "ts": 1,
        "svc": "acme",
        "pod": "p",
        "call": {"tool": "t", "args": {"a": 1}, "try": 2},
        "n": None,
    }
    assert left(mapped(tmp_path, text, record)) == [{"/pod": "p", "/call/try": 2, "/n": None}]


def test_a_field_is_taken_only_where_it_gave_a_value(tmp_path: Path) -> None:
    """Of several paths the one not chosen stays, and so does a word nobody translated, or an id of no form."""
    text = HEAD + 'user_id = { from = ["sub", "mail"] }\ntrace_id = "trace"\n'
    text += 'outcome = { from = "end", words = { ok = "success" }, otherwise = "unknown" }\n'
    base = {"ts": 1, "svc": "acme"}
    parsed = mapped(
        tmp_path,
        text,
        base | {"sub": "ann", "mail": "a@x", "end": "ok", "trace": "-"},
        base | {"mail": "b@x", "end": "?"},
    )
    assert parsed.columns["user_id"] == ["ann", "b@x"]
    assert left(parsed) == [{"/ts": 1, "/mail": "a@x", "/trace": "-"}, {"/ts": 1, "/end": "?"}]


def test_a_record_that_does_not_fit_is_rejected_alone(tmp_path: Path) -> None:
    """Its neighbours keep their values and their places, and the reason names field, column and what was expected."""
    text = HEAD + 'duration_ms = "took"\nhttp_status = "status"\n'
    good = {"ts": 1, "svc": "acme", "took": 3, "status": 200}
    parsed = mapped(tmp_path, text, good, good | {"took": []}, b"{", good | {"status": 403})
    assert (parsed.record, parsed.rows, parsed.columns["http_status"]) == ([0, 3], 2, [200, 403])
    assert [(r.record, r.reason[:30]) for r in parsed.rejects] == [
        (1, "took: expected a number, or a "), (2, "not JSON: Input data was trunc"),
    ]  # fmt: skip


def test_conditions_set_columns(tmp_path: Path) -> None:
    """Where a field has one of the values, the columns of `set` hold its words, whatever else is mapped."""
    text = HEAD + 'http_status = "status"\nvantage = { value = "gateway" }\ndecision = { value = "allow" }\n'
    text += (
        '[[when]]\nfrom = "status"\nis = [401, 403]\nset = { decision = "deny", decision_basis = "strong" }\n'
    )
    base = {"ts": 1, "svc": "acme"}
    parsed = mapped(tmp_path, text, base | {"status": 200}, base | {"status": 403}, base | {"status": "401"})
    assert parsed.columns["decision"] == ["allow", "deny", "deny"]
    assert parsed.columns["decision_basis"] == [None, "strong", "strong"]
    assert parsed.constants == {"source_system": "acme", "vantage": "gateway"}


def test_texts_that_mean_nothing(tmp_path: Path) -> None:
    """A dash, where the mapping says so, is no value of any column and no wrong number."""
    text = 'absent = ["-"]\n' + HEAD + 'duration_ms = "took"\nuser_id = "user"\n'
    parsed = mapped(tmp_path, text, {"ts": 1, "svc": "acme", "took": "-", "user": "-"})
    assert (parsed.rejects, set(parsed.columns), left(parsed)) == ([], {"unmapped"}, [{"/ts": 1}])


LOGFMT = """
summary = "Acme router"
records = "logfmt"
[recognise]
keys = ["tool"]
values = { msg = "tool call" }
[columns]
event_time = "time"
tool_name = "tool"
http_status = "status"
"""


def test_key_value_text_is_mapped_too(tmp_path: Path) -> None:
    """Lines of key=value text are recognised by their keys and values, and read like objects of texts."""
    line = b'time=2026-08-21T10:00:00Z level=INFO msg="tool call" tool=search status=200'
    parsed = mapped(tmp_path, LOGFMT, line, b"nothing of the sort", b"tool=x status=x")
    assert parsed.columns["http_status"] == [200]
    assert left(parsed) == [{"/level": "INFO"}]
    assert [r.reason.split(":")[0] for r in parsed.rejects] == ["no key=value pairs", "status"]
    detector = Detector(load_adapters([tmp_path]))
    assert detector.formats([line, line.replace(b"tool call", b"list")]) == ["acme", None]


LINE = {"scope": "request", "time": "2026-08-21T10:00:00Z", "src.addr": "192.0.2.7:1", "http.status": 200,
        "mcp.method.name": "tools/call", "gen_ai.tool.name": "search", "jwt.team": ["dev"],
        "tenant": "t-1"}  # fmt: skip
EXTENSION = """
summary = "agentgateway with our claims"
extends = "agentgateway"
[columns]
user_groups = '"jwt.team"'
org_id = "tenant"
source_system = { value = "edge" }
"""


def test_an_extension_takes_fields_out_of_unmapped(tmp_path: Path) -> None:
    """What the format made of a record stays; the mapped fields get their columns and leave `unmapped`."""
    parsed = mapped(tmp_path, EXTENSION, LINE | {"other": 1}, LINE | {"tenant": None}, LINE | {"tenant": [1]})
    assert parsed.columns["tool_name"] == ["search", "search"]
    assert parsed.columns["user_groups"] == [["dev"], ["dev"]]
    assert parsed.columns["org_id"] == ["t-1", None]
    assert parsed.columns["source_system"] == ["edge", "edge"]
    assert left(parsed)[0] == {"/other": 1}
    assert [(r.record, r.reason) for r in parsed.rejects] == [(2, "tenant: expected text (org_id)")]


def test_times_of_an_extension_and_of_its_format_are_one_type(tmp_path: Path) -> None:
    """A format gives text and the mapping a number, or the other way round: the column holds one of the two."""
    text = EXTENSION + 'event_time = { from = "began", unit = "s" }\n'
    parsed = mapped(tmp_path, text, LINE | {"began": 1_790_000_000}, LINE)
    assert parsed.columns["event_time"] == ["2026-09-21T14:13:20+00:00", "2026-08-21T10:00:00Z"]
    log = {"name": "claude_code.x", "attributes": {"event.timestamp": "2026-08-21T10:00:00Z"}}
    text = EXTENSION.replace("agentgateway", "claude_code") + 'event_time = "attributes.began"\n'
    other = log | {"attributes": {"began": "2026-08-21T10:00:01Z", **log["attributes"]}}
    parsed = mapped(tmp_path, text, log, other)
    assert parsed.columns["event_time"] == ["2026-08-21T10:00:00+00:00", "2026-08-21T10:00:01Z"]


def test_an_extension_reads_the_records_of_its_format(tmp_path: Path) -> None:
    """It takes the format's place, or with [recognise] only that of the records that have what it names."""
    line, other = (
        json.dumps(LINE).encode(),
        json.dumps({k: v for k, v in LINE.items() if k != "tenant"}).encode(),
    )
    (tmp_path / "edge.toml").write_text(EXTENSION)
    assert Detector(load_adapters([tmp_path])).formats([line, other]) == ["edge", "edge"]
    (tmp_path / "edge.toml").write_text(
        EXTENSION.replace("[columns]", '[recognise]\nkeys = ["tenant"]\n[columns]')
    )
    assert Detector(load_adapters([tmp_path])).formats([line, other]) == ["edge", "agentgateway"]


def test_an_extension_reads_otlp_records(lake: Lake, tmp_path: Path) -> None:
    """A product's records out of an OTLP request are read by the mapping that extends its format."""
    (tmp_path / "ours.toml").write_text(
        'summary = "x"\nextends = "claude_code"\n[columns]\norg_id = "attributes.team"\n'
    )
    attributes = [{"key": "event.name", "value": {"stringValue": "tool_result"}},
                  {"key": "team", "value": {"stringValue": "blue"}}]  # fmt: skip
    logs = [{"timeUnixNano": "1790000000000000000", "body": {"stringValue": "claude_code.tool_result"},
             "attributes": attributes}]  # fmt: skip
    request = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}).encode()
    assert counted(take_in(lake, [request], adapters=(tmp_path,))) == (1, 1, 0, 0)
    assert ask(lake, "SELECT source_format, org_id FROM events") == [("ours", "blue")]


@pytest.mark.parametrize("name", ["otlp", "otel_genai"])
def test_what_holds_the_records_of_many_products_is_not_extended(tmp_path: Path, name: str) -> None:
    """An extension is of one product; for an envelope or the reader of last resort the hint says so."""
    text = f'summary = "x"\nextends = "{name}"\n[columns]\norg_id = "team"\n'
    with pytest.raises(UsageError, match="records of many products"):
        mapped(tmp_path, text, LINE)


def test_a_mapped_log_goes_into_the_lake(lake: Lake, tmp_path: Path) -> None:
    """Detected, read, and what does not fit kept as a dead letter that names format, field and reason."""
    (tmp_path / "acme.toml").write_text(
        HEAD + 'event_time = { from = "ts", unit = "s" }\ntool_name = "tool"\n'
    )
    records = [
        json.dumps({"ts": 1_790_000_000 + n, "svc": "acme", "tool": f"t{n}"}).encode() for n in range(3)
    ]
    records[1] = b'{"ts": "soon", "svc": "acme"}'
    assert counted(take_in(lake, records, adapters=(tmp_path,))) == (3, 2, 1, 0)
    assert ask(lake, "SELECT source_format, source_system, tool_name FROM events ORDER BY ALL") == [
        ("acme", "acme", "t0"), ("acme", "acme", "t2"),
    ]  # fmt: skip
    [letter] = letters(lake)
    assert (letter["source_format"], letter["phase"]) == ("acme", "parse")
    assert letter["error"] == "ts: expected a number since 1970 (event_time)"

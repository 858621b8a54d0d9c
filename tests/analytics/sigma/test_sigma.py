"""Sigma rules over canonical events: what matches, what does not, and what a wrong or hostile rule does."""

from __future__ import annotations

import base64
import json

import duckdb
import pytest
import yaml
from sigma_world import found_by

from analytics.sigma.load import load

RULE = """
title: T
id: 6a4a4d9e-0000-4000-8000-{n:012}
logsource: {{product: mcp}}
detection:
  sel: {selection}
  condition: {condition}
"""


def matched(tmp_path, selection, events, condition="sel"):
    """Return the ids of the events that a selection matches."""
    text = RULE.format(n=1, selection=selection, condition=condition)
    return [f.evidence[0] for f in found_by(tmp_path, text, events)]


E = [
    {"id": "plain", "tool_name": "Read_File", "client_address": "10.1.2.3", "duration_ms": 5.0, "http_status": 200,
     "args_json": '{"path": "/etc/passwd", "n": 7, "deep": {"a.b": "x"}}', "scopes": ["read", "Admin"]},
    {"id": "odd", "tool_name": "100%_done*", "client_address": "2001:db8::1", "duration_ms": 50.0,
     "error_message": "It was\nREFUSED here", "server_name": "100%_done*", "user_id": "Ana"},
    {"id": "bare"},
]  # fmt: skip
SELECTIONS = [
    ("{tool_name: read_file}", ["plain"]),
    ("{tool_name|cased: read_file}", []),
    ("{tool_name|cased: Read_File}", ["plain"]),
    ("{tool_name: 'read?file'}", ["plain"]),
    ("{tool_name: 'read*e'}", ["plain"]),
    ("{tool_name: 'r*d_f?l*'}", ["plain"]),
    ("{tool_name: '*'}", ["plain", "odd"]),
    ("{tool_name: '*%_*'}", ["odd"]),
    ("{tool_name|contains: '%'}", ["odd"]),
    ("{tool_name|contains: '_'}", ["plain", "odd"]),
    (r"{tool_name|endswith: '\*'}", ["odd"]),
    ("{tool_name|startswith: [READ, x]}", ["plain"]),
    ("{tool_name|endswith: file}", ["plain"]),
    ("{tool_name|contains|all: [READ, file]}", ["plain"]),
    ("{tool_name|contains|all: [READ, nope]}", []),
    ("{tool_name|re: '^Read'}", ["plain"]),
    ("{tool_name|re: '^read'}", []),
    ("{tool_name|re|i: '^read'}", ["plain"]),
    ("{error_message|re: 'was.REFUSED'}", []),
    ("{error_message|re|s: 'was.REFUSED'}", ["odd"]),
    ("{error_message|re|m: '^REFUSED'}", ["odd"]),
    ("{error_message: '*was*refused*'}", ["odd"]),
    ("{client_address|cidr: 10.0.0.0/8}", ["plain"]),
    ("{client_address|cidr: '2001:db8::/32'}", ["odd"]),
    ("{client_address|cidr: 192.168.0.0/16}", []),
    ("{src_ip|cidr: [192.168.0.0/16, 10.1.0.0/16]}", ["plain"]),
    ("{duration_ms|gt: 5}", ["odd"]),
    ("{duration_ms|gte: 5}", ["plain", "odd"]),
    ("{duration_ms|lt: 50}", ["plain"]),
    ("{duration_ms|lte: 50}", ["plain", "odd"]),
    ("{http_status: 200}", ["plain"]),
    ("{http_status: '200'}", ["plain"]),
    ("{http_status|contains: '20'}", ["plain"]),
    ("{tool_name: null}", ["bare"]),
    ("{tool_name|exists: true}", ["plain", "odd"]),
    ("{tool_name|exists: false}", ["bare"]),
    ("{scopes: admin}", ["plain"]),
    ("{scopes|startswith: re}", ["plain"]),
    ("{tool_name|fieldref: server_name}", ["odd"]),
    ("{arguments.path: /ETC/passwd}", ["plain"]),
    ("{arguments.n: 7}", ["plain"]),
    ("{arguments.n|gt: 6}", ["plain"]),
    ("{arguments.missing|exists: true}", []),
    ("{gen_ai.tool.name: read_file}", ["plain"]),
    ("{user: ana}", ["odd"]),
    ("{event_time|hour: 12, tool_name: read_file}", ["plain"]),
    ("{reached: true, tool_name: read_file}", ["plain"]),
    ("[passwd]", ["plain"]),
    ("[PASSWD, refused]", ["plain", "odd"]),
    ("['was*here']", ["odd"]),
    ("['done*was']", []),
    ("{'|all': [refused, ana]}", ["odd"]),
    ("[{tool_name: read_file}, {user_id: ana}]", ["plain", "odd"]),
]


@pytest.mark.parametrize(("selection", "expected"), SELECTIONS)
def test_what_a_selection_matches(tmp_path, selection, expected):
    """Every modifier means what the Sigma specification says, on text, numbers, lists, times and JSON."""
    assert matched(tmp_path, selection, E) == expected


ENCODED = [
    {"id": "first", "tool_name": base64.b64encode(b"xx secret place yy").decode()},
    {"id": "second", "tool_name": base64.b64encode(b"x secret place yy").decode()},
    {"id": "third", "tool_name": base64.b64encode(b"xxx secret place yy").decode()},
    {"id": "whole", "tool_name": base64.b64encode(b"secret place").decode()},
    {"id": "wide", "tool_name": base64.b64encode("secret place".encode("utf-16-le")).decode()},
    {
        "id": "dash",
        "tool_name": "run /upload now",
        "server_name": "run",
        "user_id": "ana",
        "duration_ms": 7.0,
    },
    {"id": "other", "tool_name": "run upload now", "server_name": "now", "duration_ms": 8.0},
]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("{tool_name|base64offset|contains: secret place}", ["first", "second", "third", "whole"]),
        ("{tool_name|base64|contains: secret place}", ["first", "whole"]),
        ("{tool_name|wide|base64offset|contains: secret place}", ["wide"]),
        ("{tool_name|windash|contains: ' -upload '}", ["dash"]),
        ("{tool_name|fieldref|startswith: server_name}", ["dash"]),
        ("{tool_name|fieldref|endswith: server_name}", ["other"]),
        ("{duration_ms|neq: 7, server_name: '*'}", ["other"]),
        ("{user_id|neq: ana}", ["first", "second", "third", "whole", "wide", "other"]),
        ("{duration_ms|neq: 7}", ["first", "second", "third", "whole", "wide", "other"]),
    ],
)
def test_what_a_transforming_modifier_matches(tmp_path, selection, expected):
    """Values that are encoded, dashed or of another field are looked for as the specification says."""
    assert matched(tmp_path, selection, ENCODED) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("1 of sel_*", ["a", "b", "ab"]), ("all of sel_*", ["ab"]), ("1 of them", ["a", "b", "ab", "f"]),
        ("all of sel_* and not filter", ["ab"]), ("not 1 of sel_*", ["f", "none"]),
        ("sel_one and not (sel_two or filter)", ["a"]), ("not (sel_one or sel_two) and not filter", ["none"]),
        ("sel_one or sel_two and filter", ["a", "ab"]),
    ],
)  # fmt: skip
def test_what_a_condition_matches(tmp_path, condition, expected):
    """Operators bind as the specification says: not, then and, then or; `of` counts selections by their names."""
    text = f"""
title: T
logsource: {{product: mcp}}
detection:
  sel_one: {{tool_name|contains: a}}
  sel_two: {{tool_name|contains: b}}
  filter: {{tool_name: f}}
  condition: {condition}
"""
    events = [
        {"id": name, "tool_name": name if name != "none" else "z"} for name in ("a", "b", "ab", "f", "none")
    ]
    assert [f.evidence[0] for f in found_by(tmp_path, text, events)] == expected


@pytest.mark.parametrize(
    "selection",
    [
        "{tool_name: read_file}",
        "{duration_ms|lt: 10}",
        "{scopes: admin}",
        "{client_address|cidr: 10.0.0.0/8}",
    ],
)
def test_a_negation_holds_where_the_field_is_not_there(tmp_path, selection):
    """What is not known did not match: SQL's null must not swallow the event."""
    assert matched(tmp_path, selection, E, "not sel") == ["odd", "bare"]


HOSTILE = [
    "' OR 1=1 --",
    "'); DROP TABLE events; --",
    "$s0",
    '"; x',
    "a\\'b",
    "{0.__class__}",
    "%s",
    "\u202e;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_rules_text_is_never_sql(tmp_path, text):
    """Values, titles and field paths from a rule reach the engine bound, and find exactly themselves."""
    events = [{"id": "same", "tool_name": text}, {"id": "other", "tool_name": "other"}]
    for modifier in ("", "|contains", "|startswith", "|endswith", "|cased"):
        rule = {
            "title": text, "logsource": {"product": "mcp"}, "falsepositives": [text],
            "detection": {"sel": {f"tool_name{modifier}": text.replace("\\", "\\\\")}, "condition": "sel"},
        }  # fmt: skip
        [finding] = found_by(tmp_path, yaml.safe_dump(rule), events)
        assert finding.evidence == ["same"]
        assert finding.explanation == f"{text} (it may be: {text})"


@pytest.mark.parametrize("path", ["a'b", 'a"b', "a/b", "a~b", "a)--", "$s0"])
def test_a_path_into_the_arguments_is_never_sql(tmp_path, path):
    """A field inside the arguments is found by its exact name."""
    events = [{"id": "there", "args_json": json.dumps({path: "v"})}, {"id": "not", "args_json": '{"x": "v"}'}]
    assert matched(
        tmp_path, yaml.safe_dump({f"arguments.{path}": "v"}, default_flow_style=True).strip(), events
    ) == ["there"]


def test_what_a_finding_says_comes_from_the_rule(tmp_path):
    """Level becomes severity; tags, false positives and the entities of the event are kept; the id is stable."""
    text = RULE.format(n=1, selection="{tool_name: x}", condition="sel") + (
        "level: critical\nstatus: stable\ntags: [attack.exfiltration, attack.t1048]\nfalsepositives: [a backup]\n"
    )
    events = [{"id": "x", "tool_name": "x", "user_id": "ana", "session_key": "s"}]
    [one] = found_by(tmp_path, text, events)
    [again] = found_by(tmp_path, text, events)
    assert one == again
    assert (one.severity, one.confidence, one.user_id, one.session) == ("critical", 0.8, "ana", "s")
    assert one.tags == ["attack.exfiltration", "attack.t1048"]
    assert one.explanation == "T (it may be: a backup)"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{product: mcp}", ["call", "deny", "list"]), ("{category: denial}", ["deny"]),
        ("{product: mcp, category: denial}", ["deny"]), ("{product: mcp, category: tool_call}", ["call"]),
        ("{product: mcp, category: tool_list}", ["list"]), ("{product: mcp, service: obot}", ["list"]),
    ],
)  # fmt: skip
def test_a_log_source_chooses_events(tmp_path, source, expected):
    """Category is a class or a kind of event, service a source system."""
    events = [
        {"id": "call"}, {"id": "deny", "event_class": "denial"},
        {"id": "list", "event_class": "client_event", "event_kind": "tool_list", "source_system": "obot"},
    ]  # fmt: skip
    text = f"title: T\nlogsource: {source}\ndetection: {{s: {{event_id: '*'}}, condition: s}}\n"
    assert [f.evidence[0] for f in found_by(tmp_path, text, events)] == expected


BAD = {
    "field.yml": ("{usr_id: a}", "did you mean user_id"),
    "regex.yml": ("{tool_name|re: '(?<=a)b'}", "invalid perl operator"),
    "hour.yml": ("{tool_name|hour: 3}", "is no time"),
    "placeholder.yml": ("{tool_name|expand: '%x%'}", "placeholder"),
    "fingerprints.yml": ("{args_leaves: 3}", "no field"),
}


def test_a_bad_rule_is_named_and_stops_no_other(tmp_path):
    """Each problem names file and reason; the good rule beside them is there; other products are counted."""
    for n, (name, (selection, _)) in enumerate(BAD.items()):
        (tmp_path / name).write_text(RULE.format(n=n, selection=selection, condition="sel"))
    (tmp_path / "good.yml").write_text(RULE.format(n=99, selection="{tool_name: a}", condition="sel"))
    (tmp_path / "broken.yml").write_text("a: [")
    (tmp_path / "text.yml").write_text("just text")
    (tmp_path / "empty.yml").write_text("")
    (tmp_path / "category.yml").write_text(
        "title: T\nlogsource: {product: mcp, category: dns}\ndetection: {s: {tool_name: a}, condition: s}\n"
    )
    (tmp_path / "lost.yml").write_text(
        "title: L\ncorrelation: {type: event_count, rules: [nowhere], timespan: 1m, condition: {gte: 2}}\n"
    )
    (tmp_path / "windows.yml").write_text(
        "title: W\nlogsource: {product: windows}\ndetection: {s: {Image: a}, condition: s}\n"
    )
    rules = load(tmp_path)
    assert [d.id for d in rules.detections] == ["sigma_6a4a4d9e-0000-4000-8000-000000000099"]
    assert rules.foreign == {"windows": 1}
    told = "\n".join(rules.problems)
    for name, (_, reason) in BAD.items():
        assert any(name in p and reason in p for p in rules.problems), (name, told)
    for name in ("broken.yml", "text.yml", "category.yml", "lost.yml"):
        assert any(name in problem for problem in rules.problems), (name, told)
    assert len(rules.problems) == len(BAD) + 4, told


def test_a_bad_rule_among_others_of_its_file_is_named(tmp_path):
    """Of many rules in one file the wrong one is said by its title, however late it fails; the others run."""
    one = "title: {}\nlogsource: {{product: mcp}}\ndetection: {{s: {}, condition: s}}\n"
    rules = [("Early", "{tool_name|re: '(?<!a)b'}"), ("Late", "{usr_id: x}"), ("Fine", "{tool_name: x}")]
    lost = (
        "title: Lost\ncorrelation: {type: event_count, rules: [nowhere], timespan: 1m, condition: {gte: 2}}\n"
    )
    (tmp_path / "many.yml").write_text("---\n".join([*(one.format(*rule) for rule in rules), lost]))
    found = load(tmp_path)
    assert [detection.title for detection in found.detections] == ["Fine"]
    for title in ("Early", "Late", "Lost"):
        assert sum(f"many.yml, {title}: " in problem for problem in found.problems) == 1, found.problems
    assert not any(": b'" in problem for problem in found.problems)


def test_a_wrong_regular_expression_reaches_no_terminal(tmp_path, capfd):
    """What is wrong is said as a problem; RE2 would log the rule's text, escape sequences and all."""
    wrong = (
        'title: T\nlogsource: {product: mcp}\ndetection: {s: {tool_name|re: "(?<!\\e[31m)b"}, condition: s}\n'
    )
    (tmp_path / "wrong.yml").write_text(wrong)
    assert len(load(tmp_path).problems) == 1
    assert capfd.readouterr() == ("", "")


def test_the_regular_expressions_of_a_rule_are_checked_before_they_run():
    """RE2 is what runs them: it has no look-around, and time linear in the text."""
    with pytest.raises(duckdb.Error):
        duckdb.execute("SELECT regexp_matches('', '(?=a)')").fetchall()

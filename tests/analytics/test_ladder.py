"""The ladder: what was asked, denied, got around, reached and handed out, with the events that show it."""

import json
from datetime import timedelta

import pytest
from calls import ID, call, denied, told
from lakes import NOON, take_in

from analytics.channels import channel
from analytics.ladder import ladder
from analytics.stitching import job


def rungs(found):
    """Return how many calls each rung has."""
    return {name: len(steps) for name, steps in found.rungs.items()}


def test_every_rung_counts_its_calls(lake):
    """Asked, allowed, denied, sidestepped, reached and left are told apart."""
    found = told(
        lake,
        call(0, "search", result={"id": ID, "name": "Ana Maria Lopez"}),
        denied(5, "get_account", "billing", arguments={"id": ID}),
        call(
            9,
            "query",
            "warehouse",
            arguments={"sql": f"select iban where id = {ID}"},
            result={"iban": "DE021203"},
        ),
        call(12, "send_message", "email", arguments={"to": "x@y.example", "body": "iban DE021203 as asked"}),
    )
    assert rungs(found) == {"asked": 4, "allowed": 3, "denied": 1, "sidestepped": 1, "reached": 3, "left": 1}
    [way] = found.ways
    assert (way.denied_tool, way.reached_tool, way.way) == ("get_account", "query", ("tool", "server"))


def test_the_same_call_allowed_later_is_no_way_around(lake):
    """What was approved meanwhile is said to be the same way, later."""
    found = told(lake, denied(0, "get", arguments={"id": ID}), call(60, "get", arguments={"id": ID}))
    assert [way.way for way in found.ways] == [()]
    assert rungs(found)["sidestepped"] == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"credential_id": "key-2"}, ("credential",)),
        ({"client_name": "other"}, ("client",)),
        ({"client_name": "other", "credential_id": "key-2"}, ("client", "credential")),
    ],
)
def test_another_client_or_credential_is_a_way_around(lake, change, expected):
    """The same tool by another client or with another credential got around the refusal."""
    found = told(
        lake, denied(0, "get", arguments={"id": ID}), call(60, "get", arguments={"id": ID}, **change)
    )
    assert [way.way for way in found.ways] == [expected]


def test_a_denial_got_around_in_another_session_of_the_person(lake):
    """Both sessions say so: the one that was refused and the one that reached."""
    records = [
        denied(0, "get_account", "billing", arguments={"id": ID}),
        call(60, "query", "warehouse", session_id="session-2", arguments={"id": ID}),
        call(61, "query", "warehouse", session_id="session-3", user_id="bob", arguments={"id": ID}),
    ]
    here = told(lake, *records)
    [way] = here.ways
    there = ladder(lake, "session-2")
    assert (way.other_side, way.other_session) == ("reached", lake.session_key("session-2"))
    assert [(w.other_side, w.other_session) for w in there.ways] == [("denied", here.session)]
    assert rungs(here)["sidestepped"] == rungs(there)["sidestepped"] == 1
    assert ladder(lake, "session-3").ways == []


def test_days_later_is_no_way_around(lake):
    """A call of the same person beyond the bound is other work."""
    late = (NOON + timedelta(hours=9)).isoformat()
    found = told(
        lake,
        denied(0, "get_account", "billing", arguments={"id": ID}),
        call(60, "query", session_id="session-2", arguments={"id": ID}, event_time=late),
    )
    assert found.ways == []


def test_data_flow_names_both_events_and_counts_rare_values(lake):
    """An argument that a result gave is an edge; what arguments held before is none."""
    given = {"id": ID, "mail": "ana@lopez.example"}
    found = told(
        lake,
        call(0, "search", arguments={"q": "Ana Maria Lopez"}, result={**given, "echo": "Ana Maria Lopez"}),
        call(5, "get", arguments={**given, "name": "Ana Maria Lopez"}),
    )
    [flow] = found.flows
    first, second = (step.row["event_id"] for step in found.steps)
    assert (flow.source_event, flow.target_event) == (first, second)
    assert flow.shared == 2
    assert found.rows.column("data_from").to_pylist() == [[], [{"event_id": first, "shared": 2}]]


@pytest.mark.parametrize(
    ("result", "arguments", "basis"),
    [
        ({"iban": "DE02120300000000202051"}, {"text": "DE02120300000000202051"}, "data flow"),
        ({"iban": "DE02120300000000202051"}, {"text": "good morning everyone"}, "none"),
        (None, {"text": "good morning everyone"}, "co-occurrence"),
        ({"iban": "DE02120300000000202051"}, None, "co-occurrence"),
    ],
)
def test_what_left_says_how_it_is_known(lake, result, arguments, basis):
    """Only values that came from a result are data flow; where something was not seen it is co-occurrence."""
    found = told(
        lake, call(0, "get", result=result), call(9, "post_message", "slack", arguments=arguments, result={})
    )
    assert [(d.channel, d.basis) for d in found.departures] == [("chat", basis)]


def test_a_refused_message_took_nothing_out(lake):
    """What was denied did not leave."""
    found = told(
        lake, call(0, "get", result={"id": ID}), denied(9, "send_email", "mail", arguments={"id": ID})
    )
    assert found.departures == []


@pytest.mark.parametrize(
    ("server", "tool", "expected"),
    [
        ("email", "send_message", "mail"), ("gmail", "replyToThread", "mail"), ("slack", "post_message", "chat"),
        ("jira", "add_comment", "ticket"), ("github", "create_issue", "ticket"), ("web", "fetch", "web"),
        ("drive", "share_file", "share"), ("github", "push_files", "repository"), ("crm", "get_customer", None),
        ("email", "read_message", None), ("files", "list_directory", None), (None, None, None),
    ],
)  # fmt: skip
def test_channels_by_the_words_of_a_name(server, tool, expected):
    """Tools that hand out are known by their names, readers are not taken for them."""
    assert channel(server, tool) == expected


def test_several_witnesses_are_one_step(lake):
    """Client, gateway and server saw one call: one step, three events."""
    seen = {"tool_call_id": "toolu_1", "arguments": {"id": ID}}
    found = told(
        lake,
        call(0, "get", native_event_id="a", vantage="client", source_system="desk", **seen),
        call(0, "get", native_event_id="b", vantage="gateway", source_system="gate", **seen),
        call(0, "get", native_event_id="c", vantage="server", source_system="crm", **seen),
        call(9, "list"),
    )
    assert [len(step.events) for step in found.steps] == [3, 1]
    assert found.rows.column("witnesses").to_pylist() == [3, 3, 3, 1]
    assert rungs(found)["asked"] == 2


def test_witnesses_that_disagree_are_a_gap_and_no_way_around(lake):
    """Refused says one, answered another: said as such."""
    seen = {"tool_call_id": "toolu_1", "arguments": {"id": ID}}
    found = told(
        lake,
        denied(0, "get", native_event_id="b", vantage="gateway", source_system="gate", **seen),
        call(1, "get", native_event_id="c", vantage="server", source_system="crm", **seen),
    )
    assert found.ways == []
    assert "disagreement" in {gap.kind for gap in found.gaps}


def test_gaps_say_what_of_how_many_and_by_whom(lake):
    """What was not seen or said is counted, with its events."""
    found = told(
        lake,
        call(0, "get", arguments=None, result=None, credential_id=None, source_system="gate"),
        call(1, "get", user_assurance="self_reported", source_system="gate"),
    )
    gaps = {gap.kind: gap for gap in found.gaps}
    assert gaps["arguments"].text == "the arguments of 1 of 2 calls were not seen (gate did not give them)"
    assert gaps["credential"].events == (found.steps[0].row["event_id"],)
    assert {"arguments", "results", "user", "client", "credential"} <= gaps.keys()


def test_a_stitched_session_says_how_sure_each_join_is(lake):
    """Without ids the events, their joins and the confidence are there, and the summary is not empty."""
    take_in(lake, [call(n * 3, "get", session_id=None, arguments={"n": f"number {n}"}) for n in range(6)])
    job.update(lake)
    [[session]] = [row.values() for row in lake.sql("SELECT session FROM sessions").arrow().to_pylist()]
    found = ladder(lake, session)
    assert found.summary.events == 6
    assert found.confidence is not None
    assert found.joined_by == ["pause"]
    assert found.rows.column("joined_by").to_pylist() == ["start", *["pause"] * 5]


def test_new_ids_for_every_call_are_a_gap(lake):
    """Ids that are new each time are not believed, and that is said."""
    records = [call(n * 2, "get", session_id=f"s-{n}", arguments={"n": f"number {n}"}) for n in range(40)]
    take_in(lake, records)
    job.update(lake)
    session = (
        lake.sql("SELECT session FROM sessions ORDER BY events DESC LIMIT 1").arrow()["session"][0].as_py()
    )
    found = ladder(lake, session)
    assert any("new for nearly every call" in gap.text for gap in found.gaps), [g.text for g in found.gaps]


def test_rows_are_data(lake):
    """The rows can be written as JSON by anyone: one per event, with where its data came from."""
    found = told(lake, call(0, "get", result={"id": ID}), call(1, "put", arguments={"id": ID}))
    rows = found.rows.to_pylist()
    assert len(rows) == found.summary.events
    assert json.loads(json.dumps(rows, default=str))[1]["data_from"][0]["shared"] == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", ["posting"]), ('[tools]\n"support.add_message" = ["write"]\n', []),
        ('[tools]\n"support.*" = ["write", "sink"]\n', ["posting"]),
    ],
)  # fmt: skip
def test_what_detections_call_a_sink_hands_data_out(lake, said, expected):
    """A story and a finding mean the same tools, and an operator's word counts for both."""
    (lake.path / "tool_classes.toml").write_text(said)
    found = told(
        lake, call(0, "search", result={"id": ID}), call(5, "add_message", "support", arguments={"body": ID})
    )
    assert [departure.channel for departure in found.departures] == expected

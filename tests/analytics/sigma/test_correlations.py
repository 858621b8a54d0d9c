"""Sigma correlations: the examples of the specification, told with tool calls, and where windows begin and end."""

from __future__ import annotations

import random

import pytest
from sigma_world import found_by

from analytics.sigma.load import load

RULES = """
title: Denied
name: denied
logsource: {product: mcp, category: denial}
detection: {sel: {event_class: denial}, condition: sel}
---
title: Called
name: called
logsource: {product: mcp, category: tool_call}
detection: {sel: {event_class: tool_call}, condition: sel}
---
title: Sent
name: sent
logsource: {product: mcp}
detection: {sel: {tool_name: send_mail}, condition: sel}
---
title: C
id: 6a4a4d9e-0000-4000-8000-000000000001
"""


def denied(at, user="ana", **more):
    """Return a denial."""
    return {"id": f"d{at}", "at": at, "event_class": "denial", "user_id": user, **more}


def called(at, user="ana", **more):
    """Return a call."""
    return {"id": f"c{at}", "at": at, "user_id": user, **more}


def evidence(tmp_path, correlation, events):
    """Return the evidence of what a correlation finds."""
    found = found_by(tmp_path, RULES + f"correlation: {correlation}\n", events)
    return [f.evidence for f in found if f.title == "C"]


COUNT = "{type: event_count, rules: [denied], group-by: [user_id], timespan: 1m, condition: {gte: 3}}"


def test_event_count_is_of_one_group_within_the_timespan(tmp_path):
    """Three denials of one user within a minute, both ends included; not three users, not a minute and a second."""
    assert evidence(tmp_path, COUNT, [denied(0), denied(30), denied(60)]) == [["d0", "d30", "d60"]]
    assert evidence(tmp_path, COUNT, [denied(0), denied(30), denied(61)]) == []
    assert evidence(tmp_path, COUNT, [denied(0), denied(1, "ben"), denied(2, "cem")]) == []
    assert evidence(tmp_path, COUNT, [called(0), denied(1), denied(2)]) == []


def test_event_count_slides(tmp_path):
    """Three across the edge of any fixed minute are found: the published back ends that use buckets lose them."""
    assert evidence(tmp_path, COUNT, [denied(t) for t in (0, 55, 61, 65)]) == [["d55", "d61", "d65"]]


def test_a_flood_is_one_finding_and_the_next_one_another(tmp_path):
    """It fires once, with just the events it needs, and again only after a whole timespan of calm."""
    flood = [denied(t) for t in range(0, 200, 5)]
    assert evidence(tmp_path, COUNT, flood) == [["d0", "d5", "d10"]]
    again = [denied(t) for t in (1000, 1001, 1002)]
    assert evidence(tmp_path, COUNT, [*flood, *again]) == [["d0", "d5", "d10"], ["d1000", "d1001", "d1002"]]


def test_more_than_is_not_at_least(tmp_path):
    """`gt: 3` needs four."""
    four = COUNT.replace("gte", "gt")
    assert evidence(tmp_path, four, [denied(t) for t in (0, 1, 2)]) == []
    assert evidence(tmp_path, four, [denied(t) for t in (0, 1, 2, 3)]) == [["d0", "d1", "d2", "d3"]]


def test_events_of_one_moment_count_together(tmp_path):
    """Coarse clocks give many events one time: it is one finding."""
    events = [{**denied(5), "id": f"m{n}"} for n in range(5)]
    assert len(evidence(tmp_path, COUNT, events)) == 1


def test_unknown_is_no_group(tmp_path):
    """Events without a user are not one user; without group-by they count."""
    nobody = [{**denied(t), "user_id": None} for t in range(3)]
    assert evidence(tmp_path, COUNT, nobody) == []
    assert evidence(tmp_path, COUNT.replace("group-by: [user_id], ", ""), nobody) == [["d0", "d1", "d2"]]


def test_fewer_than_is_asked_of_stretches_that_are_over(tmp_path):
    """A growing count is below any bound at first: `lt`, `eq` and the like look at whole minutes."""
    few = COUNT.replace("gte: 3", "lt: 3")
    assert evidence(tmp_path, few, [denied(t) for t in (0, 1, 2, 60)]) == [["d60"]]
    assert evidence(tmp_path, few.replace("lt", "eq"), [denied(t) for t in (0, 1, 2, 60)]) == [
        ["d0", "d1", "d2"]
    ]


VALUES = (
    COUNT.replace("event_count", "value_count")
    .replace("denied", "called")
    .replace("gte", "field: tool_name, gte")
)


def test_value_count_is_of_distinct_values(tmp_path):
    """Many calls of two tools are two; evidence holds one event for each value; what is not known is no value."""
    tools = "aabbabab"
    assert evidence(tmp_path, VALUES, [called(t, tool_name=x) for t, x in enumerate(tools)]) == []
    found = evidence(tmp_path, VALUES, [called(t, tool_name=x) for t, x in enumerate("aabbc")])
    assert found == [["c1", "c3", "c4"]]
    assert evidence(tmp_path, VALUES, [called(0, tool_name="a"), called(1), called(2, tool_name="b")]) == []


def test_value_count_takes_several_fields_together(tmp_path):
    """Pairs of server and tool are counted as pairs."""
    pairs = VALUES.replace("field: tool_name", "field: [server_name, tool_name]")
    events = [called(t, server_name=s, tool_name="a") for t, s in enumerate("xyz")]
    assert evidence(tmp_path, pairs, events) == [["c0", "c1", "c2"]]


def test_sums_and_averages(tmp_path):
    """value_sum and value_avg slide as counts do."""
    total = VALUES.replace("value_count", "value_sum").replace("tool_name, gte: 3", "response_bytes, gt: 90")
    events = [called(t, response_bytes=40) for t in (0, 30, 61, 62)]
    assert evidence(tmp_path, total, events) == [["c30", "c61", "c62"]]
    assert evidence(tmp_path, total.replace("sum", "avg").replace("90", "39"), events[:1]) == [["c0"]]


TEMPORAL = "{type: temporal, rules: [denied, sent], group-by: [user_id], timespan: 1m}"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([denied(0), called(60, tool_name="send_mail")], [["d0", "c60"]]),
        ([called(0, tool_name="send_mail"), denied(60)], [["c0", "d60"]]),
        ([denied(0), called(61, tool_name="send_mail")], []),
        ([denied(0), called(10, "ben", tool_name="send_mail")], []),
        ([denied(0), denied(1)], []),
    ],
)
def test_temporal_needs_every_rule_in_any_order(tmp_path, events, expected):
    """All rules within the timespan, in one group; the same rule twice is not two."""
    assert evidence(tmp_path, TEMPORAL, events) == expected


def test_temporal_with_a_condition_of_its_own(tmp_path):
    """`and`, `or` and `not` are asked of the rules that matched within the timespan."""
    alone = "{type: temporal, group-by: [user_id], timespan: 1m, condition: sent and not denied}"
    assert evidence(tmp_path, alone, [called(0, tool_name="send_mail")]) == [["c0"]]
    assert evidence(tmp_path, alone, [denied(0), called(10, tool_name="send_mail")]) == []
    assert evidence(tmp_path, alone, [denied(0), called(70, tool_name="send_mail")]) == [["c70"]]


ORDERED = "{type: temporal_ordered, rules: [denied, called, sent], group-by: [user_id], timespan: 1m}"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([denied(0), called(5), called(9, tool_name="send_mail")], [["d0", "c5", "c9"]]),
        ([called(0), denied(5), called(9, tool_name="send_mail")], []),
        ([denied(0), called(0), called(9, tool_name="send_mail")], []),
        ([denied(0), called(5), called(61, tool_name="send_mail")], []),
        ([denied(0), denied(20), called(30), called(75, tool_name="send_mail")], [["d20", "c30", "c75"]]),
        ([denied(0), called(9, tool_name="send_mail")], []),
    ],
)
def test_temporal_ordered_needs_every_rule_in_order(tmp_path, events, expected):
    """Each strictly later than the one before, the whole within the timespan, from the latest beginning there is.

    One event that fits two rules is not two steps.
    """
    assert evidence(tmp_path, ORDERED, events) == expected


def test_fields_of_different_names_are_one_group_by_an_alias(tmp_path):
    """The specification's example: one rule's source is another one's destination."""
    aliased = (
        "{type: temporal, rules: [denied, sent], group-by: [who], timespan: 1m, "
        "aliases: {who: {denied: user_id, sent: user_email}}}"
    )
    sent = called(9, "x", tool_name="send_mail", user_email="ana")
    assert evidence(tmp_path, aliased, [denied(0), sent]) == [["d0", "c9"]]
    assert evidence(tmp_path, aliased, [denied(0, "ben"), sent]) == []


def test_a_correlation_of_a_correlation(tmp_path):
    """The specification's example: many failures, then a success, by the same user."""
    text = (
        RULES.replace("title: C\nid: 6a4a4d9e-0000-4000-8000-000000000001\n", "")
        + f"""
title: Many
name: many
correlation: {COUNT}
---
title: C
correlation: {{type: temporal_ordered, rules: [many, called], group-by: [user_id], timespan: 5m}}
"""
    )
    found = found_by(tmp_path, text, [denied(0), denied(1), denied(2), called(60)])
    assert [f.evidence for f in found] == [["d0", "d1", "d2", "c60"]]
    assert found_by(tmp_path, text, [denied(0), denied(1), called(60)]) == []


def test_what_a_correlation_says(tmp_path):
    """It names the numbers that made it fire; the entities are those all its events share."""
    events = [denied(t, tool_name=f"t{t}", server_name="s") for t in range(3)]
    [found] = found_by(tmp_path, RULES + f"correlation: {COUNT}\n", events)
    assert found.explanation == "C: 3 events within 1m by user_id"
    assert (found.user_id, found.server_name, found.tool_name) == ("ana", "s", None)


@pytest.mark.parametrize(
    ("correlation", "reason"),
    [
        (COUNT.replace("user_id", "usr_id"), "did you mean user_id"),
        (COUNT.replace("1m", "1y"), "at most 32 days"),
        (ORDERED[:-1] + ", condition: {gte: 2}}", "no condition of its own"),
        (VALUES.replace("value_count", "value_median"), "not computed here"),
    ],
)
def test_what_is_not_computed_is_said(tmp_path, correlation, reason):
    """A correlation that cannot be right is a problem with a reason, not a wrong answer."""
    (tmp_path / "r.yml").write_text(RULES + f"correlation: {correlation}\n")
    rules = load(tmp_path)
    assert not [d for d in rules.detections if d.title == "C"]
    assert reason in rules.problems[0]


def naive(kinds, events, span):
    """Return when each form first holds after calm, by trying all pairs: what the SQL must equal."""
    held = []
    for i, (t, user, _) in enumerate(events):
        window = [e for e in events[: i + 1] if e[1] == user and t - e[0] <= span]
        held.append((t, user, kinds(window)))
    firsts = [
        h for h in held if h[2] and not any(o[2] and o[1] == h[1] and 0 < h[0] - o[0] <= span for o in held)
    ]
    return sorted((t, user) for t, user, _ in firsts)


def ordered(window):
    """Tell whether a call ends the window that a denial and then a mail came before, in this order."""
    steps, at = ["d", "s", "c"], 0
    for _, _, kind in window:
        at += at < 3 and kind[0] == steps[at]
    return at == 3 and window[-1][2][0] == "c"


@pytest.mark.parametrize("seed", range(3))
def test_windows_equal_the_naive_reading(tmp_path, seed):
    """On random events the windows find what comparing every event with every other finds."""
    chance = random.Random(seed)  # noqa: S311
    times = sorted(chance.sample(range(4000), 150))
    events = [(t, chance.choice(["ana", "ben"]), chance.choice(["d", "s", "c0", "c1", "c2"])) for t in times]
    made = [
        {"id": f"e{t}", "at": t, "user_id": u, "event_class": "denial" if k == "d" else "tool_call",
         "event_kind": "tool_call", "tool_name": "send_mail" if k == "s" else f"x{k}"} for t, u, k in events
    ]  # fmt: skip
    rules = RULES.replace(
        "detection: {sel: {event_class: tool_call}", "detection: {sel: {tool_name|startswith: xc}"
    )
    forms = {
        COUNT: lambda w: w[-1][2] == "d" and sum(k == "d" for *_, k in w) >= 3,
        VALUES: lambda w: w[-1][2][0] == "c" and len({k for *_, k in w if k[0] == "c"}) >= 3,
        TEMPORAL: lambda w: w[-1][2] in "ds" and {"d", "s"} <= {k for *_, k in w},
        "{type: temporal_ordered, rules: [denied, sent, called], group-by: [user_id], timespan: 1m}": ordered,
    }
    for form, holds in forms.items():
        (tmp_path / "rule.yml").unlink(missing_ok=True)
        found = [f for f in found_by(tmp_path, f"{rules}correlation: {form}\n", made) if f.title == "C"]
        assert sorted((int(f.evidence[-1][1:]), f.user_id) for f in found) == naive(holds, events, 60), form

"""Incidents: what belongs together, an id that stays, and a risk that noise cannot drive up."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from lakes import NOON, ask

from analytics.detecting import incidents, job
from store.tables import TABLES


def finding(name, hours=0.0, **fields):
    """Return a finding some hours after noon."""
    moment = NOON + timedelta(hours=hours)
    usual = {
        "finding_id": name, "detection": "d", "title": "t", "severity": "high", "confidence": 0.5, "event_time": moment,
        "evidence": [name], "explanation": "", "rollout": False, "tags": [], "revision": 1, "found_time": moment,
        "found_date": moment.date(), "p_value": None, "user_id": None, "client": None, "credential_id": None,
        "server_name": None, "tool_name": None, "session": None,
    }  # fmt: skip
    return {**usual, **fields}


def put(lake, *rows):
    """Keep findings, and link them."""
    lake.append("finding_states", pa.Table.from_pylist(list(rows), TABLES["finding_states"].schema))
    incidents.update(lake, 1)


def groups(lake):
    """Return the findings of each incident."""
    return sorted(ids for (ids,) in ask(lake, "SELECT finding_ids FROM incidents"))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ({"session": "s"}, {"session": "s", "hours": 50}, True),
        ({"user_id": "ana"}, {"user_id": "ana", "hours": 4}, True),
        ({"user_id": "ana"}, {"user_id": "ana", "hours": 4.1}, False),
        (
            {"credential_id": "k", "user_id": "ana"},
            {"credential_id": "k", "user_id": "ben", "hours": 1},
            True,
        ),
        ({"user_id": "ana"}, {"user_id": "ben"}, False),
        ({}, {}, False),
    ],
)
def test_what_belongs_together(lake, first, second, together):
    """One session however long; one user or credential within four hours; nothing for want of a name."""
    put(lake, finding("a", **first), finding("b", **second))
    assert groups(lake) == ([["a", "b"]] if together else [["a"], ["b"]])


def test_everybodys_credential_joins_nothing(lake):
    """A key that many users share does not make one incident of all their findings."""
    put(lake, *(finding(f"f{n}", credential_id="shared", user_id=f"u{n}") for n in range(6)))
    assert len(groups(lake)) == 6


def test_an_incident_keeps_its_id(lake):
    """It grows under one id, also at its beginning; merged ones go by the older id; a second run changes nothing."""
    put(lake, finding("a", 0, user_id="ana", session="s"))
    [(first,)] = ask(lake, "SELECT incident FROM incidents")
    put(lake, finding("b", 9, user_id="ana", session="t"))
    assert len(groups(lake)) == 2
    put(lake, finding("c", 5, user_id="x", session="t"), finding("d", -1, user_id="ana"))
    put(lake, finding("e", 6, session="s", user_id="x"))
    assert ask(lake, "SELECT incident, findings FROM incidents") == [(first, 5)]
    assert incidents.update(lake, 2) == 0


def test_risk_has_diminishing_returns(lake):
    """Ten findings of one detection weigh less than two; another adds whole; what is false adds nothing."""
    put(lake, *(finding(f"f{n}", user_id="ana") for n in range(10)))
    put(
        lake,
        finding("g", user_id="ana", detection="e"),
        finding("r", user_id="ana", detection="r", rollout=True),
    )
    put(lake, finding("x", user_id="ana", detection="x"))
    moment = NOON
    judged = {"finding_id": "x", "state": "false", "reason": "r", "judge": "j", "triage_time": moment,
              "triage_date": moment.date()}  # fmt: skip
    lake.append("triage", pa.Table.from_pylist([judged], TABLES["triage"].schema))
    assert ask(lake, "SELECT risk FROM incidents") == [(pytest.approx(30 * (2 - 0.5**9) + 30, abs=0.06),)]
    assert ask(lake, "SELECT risk FROM risk WHERE kind = 'user_id' AND entity = 'ana'") == ask(
        lake, "SELECT risk FROM incidents"
    )


def test_the_budget_corrects_as_benjamini_and_hochberg_do(lake):
    """The q-value is the least p * m / rank of this and all greater p-values of its day, here with m = 5 and a tie."""
    values = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.03, "e": 0.5, "none": None}
    put(lake, *(finding(name, p_value=p) for name, p in values.items()), finding("other", 24, p_value=0.04))
    question = (Path(job.__file__).parent / "findings.sql").read_text("utf-8")
    rows = lake.sql(question, {"every": True, "budget": None}).arrow().to_pylist()
    q = {row["finding_id"]: row["q_value"] for row in rows}
    expected = {"a": 0.05, "b": 0.05, "c": 0.05, "d": 0.05, "e": 0.5, "other": 0.04}
    assert {k: v for k, v in q.items() if k != "none"} == pytest.approx(expected)
    shown = lake.sql(question, {"every": True, "budget": 2}).arrow().to_pylist()
    assert [row["finding_id"] for row in shown if row["event_time"].date() == NOON.date()] == ["a", "c"]

"""The detections job on a real lake: found once, grown evidence again, crashes without harm, history by the hour."""

from datetime import timedelta

import pytest
from lakes import NOON, ask, record, take_in

from analytics.detecting import job
from analytics.detecting.catalog import Detection
from analytics.stitching import job as sessions
from store.errors import TooltrailError

LOUD = Detection(
    id="loud", title="Called often", severity="low", confidence=0.5, why="w", next="n", false_positives=("f",),
    requires=("tool_name",), explain="{user_id} called {calls} times", tags=(), sql="""
SELECT user_id, max(event_time) AS event_time, list(event_id ORDER BY event_time) AS evidence, user_id AS key,
       count(*) AS calls FROM events WHERE fresh GROUP BY user_id HAVING count(*) >= $least""", parameters={"least": 3},
)  # fmt: skip
NEEDS_SCOPES = Detection(
    id="scopes", title="t", severity="low", confidence=0.5, why="w", next="n", false_positives=("f",),
    requires=("scopes", "credential_id"), explain="", tags=(), sql="SELECT 1",
)  # fmt: skip
NEW_TOOL = Detection(
    id="new_tool", title="New tool", severity="low", confidence=0.5, why="w", next="n", false_positives=("f",),
    requires=(), explain="{tool_name}", tags=(), rollout=("tool_name",), sql="""
SELECT user_id, tool_name, min(event_time) AS event_time, [arg_min(event_id, event_time)] AS evidence,
       concat_ws(' ', user_id, tool_name) AS key FROM events e WHERE fresh AND NOT EXISTS (
    FROM activity a WHERE a.user_id = e.user_id AND a.tool_name = e.tool_name AND a.hour < $from)
GROUP BY user_id, tool_name""",
)  # fmt: skip


def run(lake, *detections, **options):
    """Stitch and detect."""
    sessions.update(lake)
    return job.update(lake, detections or [LOUD], **options)


def later(n, days, **fields):
    """Return a record some days after noon."""
    return record(n, event_time=(NOON + timedelta(days=days, seconds=n)).isoformat(), **fields)


def test_a_finding_is_written_once(lake):
    """Running again over nothing new, or over everything again, finds nothing twice."""
    take_in(lake, [record(n) for n in range(4)])
    first = run(lake)
    assert [f.explanation for f in first.written] == ["ana called 4 times"]
    assert run(lake).days == 0
    assert run(lake, again=True).written == []
    assert ask(lake, "SELECT count(*), count(DISTINCT finding_id) FROM finding_states") == [(1, 1)]


def test_a_finding_that_grew_is_a_new_revision_of_the_same(lake):
    """More evidence of the same thing does not make it another thing."""
    take_in(lake, [record(n) for n in range(4)])
    run(lake)
    take_in(lake, [record(n) for n in range(4, 6)], first=4)
    run(lake)
    assert ask(lake, "SELECT explanation, len(evidence), state FROM findings") == [
        ("ana called 6 times", 6, "open")
    ]
    assert ask(lake, "SELECT count(*) FROM finding_states") == [(2,)]


@pytest.mark.slow
def test_what_stands_from_day_to_day_is_written_once(lake):
    """What each day finds again, in events of its own, is one finding and no news, whichever day came in first."""
    take_in(lake, [later(10 * d + n, d) for d in (1, 2, 3) for n in range(4)])
    assert [f.event_time.day for f in run(lake).written] == [(NOON + timedelta(days=1)).day]
    assert run(lake, again=True).written == []
    take_in(lake, [later(n, 0) for n in range(4)], first=60)
    assert [f.event_time.day for f in run(lake).written] == [NOON.day]
    assert run(lake, again=True).written == []


def test_what_grows_on_a_later_day_is_written(lake):
    """More evidence than an earlier day had is news."""
    take_in(lake, [later(10 * d + n, d) for d in (1, 2) for n in range(3 + d)])
    assert [len(f.evidence) for f in run(lake).written] == [4, 5]
    assert run(lake, again=True).written == []


def test_only_days_with_new_events_are_evaluated(lake):
    """A run costs what came in, not the history."""
    take_in(lake, [later(n, -d) for d in range(3) for n in range(d * 10, d * 10 + 4)])
    assert run(lake).days == 3
    take_in(lake, [later(50, 0)], first=50)
    assert run(lake).days == 1


def test_what_cannot_be_evaluated_is_kept_as_such(lake):
    """Silence for want of a column is on record, with the columns."""
    take_in(lake, [record(0)])
    run(lake, NEEDS_SCOPES)
    assert ask(lake, "SELECT detection, status, missing FROM coverage") == [
        ("scopes", "not_evaluable", ["scopes", "credential_id"])
    ]


def test_history_is_there_by_the_hour(lake):
    """What someone did days ago is known to a detection that sees one day of events."""
    take_in(lake, [later(0, -9, tool_name="old"), later(1, 0, tool_name="old"), later(2, 0, tool_name="new")])
    found = run(lake, NEW_TOOL).written
    assert [f.explanation for f in found] == ["old", "new"]
    assert [f.event_time.date() for f in found] == [(NOON - timedelta(days=9)).date(), NOON.date()]


def test_a_roll_out_is_one_note(lake):
    """What many people begin on one day is one finding of severity info, not one each."""
    take_in(lake, [record(n, user_id=f"u{n}", tool_name="fresh_tool") for n in range(12)])
    [found] = run(lake, NEW_TOOL).written
    assert (found.rollout, found.severity, len(found.evidence)) == (True, "info", 12)
    assert "12 people" in found.explanation


def test_a_crash_before_the_position_is_made_good(lake, monkeypatch):
    """Findings written before a crash are not written again by the next run."""
    take_in(lake, [record(n) for n in range(4)])

    def crash(_self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job._Runner, "evaluations", crash)
        with pytest.raises(KeyboardInterrupt):
            run(lake)
    assert run(lake).written == []
    assert ask(lake, "SELECT count(*) FROM finding_states") == [(1,)]
    assert ask(lake, "SELECT count(*) FROM coverage") == [(1,)]


def test_two_runs_at_once_are_refused(lake):
    """The second says who is in the way."""
    with job.alone(lake, "detections"), pytest.raises(TooltrailError, match="another run"):
        run(lake)


def test_an_operator_says_what_a_tool_does(lake):
    """A tool_classes.toml in the lake's folder is what detections see, from the next run on."""
    sinks = Detection(
        id="sinks", title="t", severity="low", confidence=0.5, why="w", next="n", false_positives=("f",),
        requires=(), explain="", tags=(),
        sql="SELECT event_id AS key, event_time, [event_id] AS evidence FROM calls WHERE sink AND fresh",
    )  # fmt: skip
    take_in(lake, [record(0, tool_name="frobnicate", server_name="box")])
    assert run(lake, sinks).written == []
    (lake.path / "tool_classes.toml").write_text('[tools]\n"box.*" = ["write", "sink"]\n')
    assert len(run(lake, sinks, again=True).written) == 1

"""The lake's own model: sessions are judged by the history before them, and only then learned."""

from datetime import timedelta

import polars as pl
import pyarrow as pa
import pytest
from lakes import NOON, ask, record, take_in

from analytics.anomaly import forward, kept
from analytics.anomaly.model import learn
from analytics.detecting import triage
from analytics.stitching import job
from ingest.delivery import Stream
from store.tables import TABLES


def work(lake, first, sessions, tools=("search", "read", "answer")):
    """Take in sessions that call the same tools in order, and stitch them."""
    calls = [
        record(first + 10 * s + n, session_id=f"s-{first}-{s}", tool_name=tool, client_name="cursor",
               arguments={"q": f"ordinary-{tool}"})
        for s in range(sessions) for n, tool in enumerate(tools)
    ]  # fmt: skip
    take_in(lake, calls, first=first)
    job.update(lake)


def anomaly(lake, session):
    """Return the anomaly of a session by its raw id."""
    [(value,)] = ask(lake, "SELECT anomaly FROM sessions WHERE session = ?", lake.session_key(session))
    return value


def test_a_lake_of_few_sessions_is_not_judged_until_there_are_enough(lake):
    """Nothing is called odd where nothing is usual yet, and those first sessions are learned when there are twenty."""
    work(lake, 0, 5)
    assert kept.read(lake) is None
    assert {value for (value,) in ask(lake, "SELECT anomaly FROM sessions")} == {None}
    work(lake, 1000, 20)
    assert kept.read(lake) is not None
    assert len(kept.read(lake).full.total) == 25
    work(lake, 2000, 3)
    assert anomaly(lake, "s-2000-1") < 0.9


def test_the_first_history_is_scored_by_itself_and_learned(lake):
    """Without a model each session is judged by the others; afterwards there is a model."""
    work(lake, 0, 30)
    assert kept.read(lake) is not None
    assert all(0 <= value < 0.9 for (value,) in ask(lake, "SELECT anomaly FROM sessions"))


def test_later_sessions_are_judged_by_the_history_before_them(lake):
    """What history never saw is odd, even where many do it at once; what it knows is not."""
    work(lake, 0, 30)
    work(lake, 10_000, 8, tools=("search", "send_mail", "delete_all"))
    work(lake, 20_000, 1)
    assert anomaly(lake, "s-10000-0") > 0.9 > anomaly(lake, "s-20000-0")


def test_it_does_not_matter_whether_history_came_in_at_once_or_by_and_by(lake, monkeypatch):
    """Sessions of one file are judged by those before them, as if they had come day by day."""
    monkeypatch.setattr(forward, "BEGINNING", 30)
    calls = [
        record(
            10 * s + n,
            session_id=f"s-{s}",
            tool_name=tool,
            client_name="cursor",
            arguments={"q": f"usual-{tool}"},
        )
        for s in range(36)
        for n, tool in enumerate(
            ("search", "read", "answer") if s < 30 or s == 35 else ("search", "send", "wipe")
        )
    ]
    take_in(lake, calls)
    job.update(lake)
    assert anomaly(lake, "s-31") > 0.9 > anomaly(lake, "s-35")


@pytest.mark.slow
def test_an_attack_is_not_learned_before_the_next_of_its_kind(lake):
    """Values that pass where none passed before stay odd, however often, until somebody has had time to look."""

    def errand(first, number, carried):
        secret = f"account-{first + number:08}"
        sent = secret if carried else "ordinary-text"
        return [
            record(first + 10 * number + n, session_id=f"s-{first}-{number}", tool_name=tool, client_name="cursor",
                   arguments={"body": body}, result={"text": found})
            for n, (tool, body, found) in enumerate(
                (("read", "ordinary-query", secret), ("send", sent, "sent-at-once")))
        ]  # fmt: skip

    for first in (0, 10_000, 20_000, 30_000):
        honest = [call for number in range(60) for call in errand(first, number, carried=False)]
        hostile = [call for number in range(60, 100) for call in errand(first, number, carried=first > 0)]
        take_in(lake, [*honest, *hostile], first=first)
        job.update(lake)
    worst = [anomaly(lake, f"s-{first}-{number}") for first in (10_000, 30_000) for number in (60, 99)]
    assert min(worst) > forward.ODD > anomaly(lake, "s-30000-0")


def called(tool, *users):
    """Return sessions of one call each, as a history holds them."""
    return pl.DataFrame(
        [{"session": f"{tool}-{n}", "event_id": f"{tool}-{n}", "event_time": NOON, "tool_name": tool,
          "server_name": "files", "user_id": user} for n, user in enumerate(users)]
    )  # fmt: skip


def test_a_tool_that_several_users_begin_to_call_is_learned():
    """A roll-out is odd once; the same number of calls by one user waits."""
    model = learn(called("read", *["ana"] * 50)).model
    new = pl.concat([called("deploy", "ana", "ben", "cleo"), called("wipe", "ana", "ana", "ana")])
    found = forward.rolled_out(new, model)["session"].sort().to_list()
    assert found == ["deploy-0", "deploy-1", "deploy-2"]


def test_what_a_person_judged_harmless_is_learned(lake):
    """Triage ends the probation of a session."""
    work(lake, 0, 60)
    work(lake, 10_000, 1, tools=("search", "read", "send", "wipe"))
    [(session,)] = ask(lake, "SELECT session FROM sessions WHERE session = ?", lake.session_key("s-10000-0"))
    history = called("wipe", "ana").with_columns(session=pl.lit(session))
    assert kept._odd(lake, history)["session"].to_list() == [session]
    finding = {
        "finding_id": "f1", "detection": "d26_anomalous_session", "title": "odd", "severity": "low", "confidence": 0.5,
        "event_time": NOON, "session": session, "evidence": [], "explanation": "", "rollout": False, "tags": [],
        "revision": 1, "found_time": NOON, "found_date": NOON.date(),
    }  # fmt: skip
    lake.append("finding_states", pa.Table.from_pylist([finding], TABLES["finding_states"].schema))
    triage.say(lake, "f1", "accepted", "a migration", "kim")
    assert kept._odd(lake, history).height == 0


def test_of_a_first_history_the_file_that_came_first_is_the_past(lake):
    """Two files of the same days: sessions of the second are judged by those of the first, not by each other."""
    usual, odd = ("search", "read", "answer"), ("search", "send", "wipe")
    for name, tools in (("a", usual), ("b", odd)):
        calls = [
            record(10 * s + n, native_event_id=f"{name}{s}-{n}", session_id=f"{name}-{s}", tool_name=tool,
                   client_name="cursor", arguments={"q": f"usual-{tool}"})
            for s in range(forward.BEGINNING if name == "a" else 20) for n, tool in enumerate(tools)
        ]  # fmt: skip
        take_in(lake, calls, stream=Stream(name, 0, name))
    job.update(lake)
    assert anomaly(lake, "b-3") > 0.9 > anomaly(lake, "a-3")


def test_the_call_that_surprised_and_the_reason_are_kept(lake):
    """A session's row names the event that surprised most, and says why."""
    work(lake, 0, 30)
    work(lake, 10_000, 1, tools=("search", "read", "delete_all"))
    [(tool, reason)] = ask(lake, """SELECT e.tool_name, s.anomaly_reason FROM sessions s
        JOIN events e ON e.event_id = s.top_event WHERE s.session = ?""", lake.session_key("s-10000-0"))  # fmt: skip
    assert tool == "delete_all"
    assert "delete_all" in reason


@pytest.mark.slow
def test_the_model_learns_again_only_when_history_has_grown(lake):
    """A few more sessions are scored, not learned; a quarter more are."""

    def models():
        return ask(lake, "SELECT count(*) FROM models WHERE name = 'anomaly'")

    work(lake, 0, 40)
    assert models() == [(1,)]
    work(lake, 10_000, 2)
    assert models() == [(1,)]
    work(lake, 20_000, 12)
    assert models() == [(2,)]


def test_a_lost_model_is_trained_again(lake):
    """The model can be made again from the lake: without its file nothing fails."""
    work(lake, 0, 20)
    for file in (lake.path / kept.FOLDER).iterdir():
        file.unlink()
    assert kept.read(lake) is None
    work(lake, 10_000, 1)
    assert kept.read(lake) is not None


def test_sessions_without_calls_have_no_anomaly(lake):
    """Listing tools is no call: such a session has none, and is no error."""
    take_in(lake, [record(0, event_kind="tool_list", tool_name=None, arguments=None)])
    job.update(lake)
    assert ask(lake, "SELECT anomaly, top_event FROM sessions") == [(None, None)]


def test_models_are_the_same_whatever_the_days(lake):
    """Sessions of different days are learned alike."""
    take_in(
        lake,
        [
            record(
                n,
                event_time=(NOON - timedelta(days=n % 5)).isoformat(),
                session_id=f"s{n}",
                user_id=f"user-{n}",
            )
            for n in range(25)
        ],
    )
    job.update(lake)
    assert kept.read(lake) is not None

"""The lake's own model: sessions are judged by the history before them, and only then learned."""

from datetime import timedelta

from lakes import NOON, ask, record, take_in

from analytics.anomaly import kept
from analytics.stitching import job


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
    monkeypatch.setattr(kept, "BEGINNING", 30)
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


def test_the_call_that_surprised_and_the_reason_are_kept(lake):
    """A session's row names the event that surprised most, and says why."""
    work(lake, 0, 30)
    work(lake, 10_000, 1, tools=("search", "read", "delete_all"))
    [(tool, reason)] = ask(lake, """SELECT e.tool_name, s.anomaly_reason FROM sessions s
        JOIN events e ON e.event_id = s.top_event WHERE s.session = ?""", lake.session_key("s-10000-0"))  # fmt: skip
    assert tool == "delete_all"
    assert "delete_all" in reason


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
            record(n, event_time=(NOON - timedelta(days=n % 5)).isoformat(), session_id=f"s{n}")
            for n in range(25)
        ],
    )
    job.update(lake)
    assert kept.read(lake) is not None

"""The model as a whole: it finds the session that was talked into something, says where and why, and keeps nothing."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from office import Call, frame, hijacked, history, taken_over

from analytics.anomaly import (
    COLUMNS,
    WEIGHTS,
    Model,
    Scored,
    Weights,
    from_arrow,
    review,
    score,
    to_arrow,
    train,
)
from analytics.anomaly.calls import calls_of
from analytics.anomaly.forward import forward
from analytics.anomaly.model import learn
from bench.detect.ablations import totals, without
from bench.detect.metrics import auroc


@pytest.fixture(scope="module")
def model() -> Model:
    """Return a model of an honest history."""
    return train(frame(history()))


def of(scored: Scored, name: str) -> dict[str, object]:
    """Return the row of the session whose first event is of this name."""
    session = scored.calls.filter(pl.col("event_id") == f"{name}.0")["session"][0]
    return scored.sessions.filter(pl.col("session") == session).to_dicts()[0]


def test_a_hijacked_session_stands_out_and_says_why(model: Model) -> None:
    """The call that used the planted address is the top event, its source is the mail, and the reason names both."""
    scored = score(model, frame([hijacked(), *history(60, seed=2)]))
    bad = of(scored, "bad")
    assert bad["anomaly"] == scored.sessions["anomaly"].max()
    assert bad["anomaly"] > 0.99
    assert bad["top_event"] == "bad.3"
    assert scored.calls.filter(pl.col("event_id") == "bad.3")["source_event"].to_list() == ["bad.1"]
    assert "send_mail on office was given a value that first appeared in the result of read_mail" in str(
        bad["reason"]
    )
    assert "300 sessions" in str(bad["reason"])


def test_honest_sessions_do_not_stand_out(model: Model) -> None:
    """New sessions of the usual sort, each with new texts and new order ids, score as history did: p is a p-value."""
    anomaly = score(model, frame(history(300, seed=3))).sessions["anomaly"].to_numpy()
    assert np.mean(anomaly > 0.9) < 0.2
    assert np.mean(anomaly > 0.99) < 0.04


def test_honest_sessions_cannot_be_told_apart(model: Model) -> None:
    """Between two heaps of honest sessions the area under the curve is about a half."""
    scored = score(model, frame(history(400, seed=4))).sessions
    heap = np.random.default_rng(0).permutation(len(scored)) < 200
    assert auroc(scored["anomaly"].to_numpy(), heap) == pytest.approx(0.5, abs=0.08)


def test_a_session_taken_over_is_betrayed_by_where_it_sends(model: Model) -> None:
    """An address that came from no result and that nobody knows is the reason, where known ones are usual."""
    scored = score(model, frame([taken_over(), *history(60, seed=2)]))
    bad = of(scored, "taken")
    assert bad["anomaly"] == scored.sessions["anomaly"].max()
    assert bad["top_event"] == "taken.3"
    assert (
        "send_mail on office was given an address that none of the 300 sessions it was compared with"
        in str(bad["reason"])
    )


def test_what_opens_a_session_is_what_its_user_asks_for(model: Model) -> None:
    """New values and new arguments count for nothing in the first call, and its tool for half.

    A new address counts in the first call too: where a session goes is never a matter of course.
    """
    odd: list[Call] = [("export", ["one new text", "another new text"], [])]
    usual: list[Call] = [("list_mail", [], ["person1@office.example"])]
    sends: list[Call] = [("send_mail", ["drop@evil.example", "all of it"], [])]
    scored = score(
        model, frame([("first", "desk", odd), ("later", "desk", usual + odd), ("sends", "desk", sends)])
    )
    first, later = (
        scored.calls.filter(pl.col("event_id").is_in(["first.0", "later.1"])).sort("event_id").to_dicts()
    )
    assert [first[part] for part in ("given", "whole")] == [0, 0]
    assert later["given"] > 1
    calls = calls_of(frame([("first", "desk", odd)]))
    symbols, _ = model.judge(calls)
    assert first["order"] == pytest.approx(model.memory.order.surprise(symbols)[0] / 2)
    assert of(scored, "sends")["address"] > 1
    assert of(scored, "sends")["given"] == 0


def test_a_session_of_one_strange_call_stands_out(model: Model) -> None:
    """A tool that nobody uses, or that never opened a session, is odd though no other call comes after it."""
    wipe: list[Call] = [("wipe", ["11"], [])]
    fetch: list[Call] = [("get_invoice", ["ORDER-000001"], [])]
    scored = score(model, frame([("wipe", "desk", wipe), ("fetch", "desk", fetch), *history(60, seed=2)]))
    assert of(scored, "wipe")["anomaly"] > 0.99
    assert of(scored, "fetch")["anomaly"] > 0.95
    assert "wipe on office was never used in history" in str(of(scored, "wipe")["reason"])
    assert "get_invoice on office opened the session, as 0 times in 300" in str(of(scored, "fetch")["reason"])


def test_sessions_that_go_to_new_addresses_are_odd_by_how_few_did() -> None:
    """The rarer new addresses are in history, the more one counts, whichever tool takes it; under doubt to a bound."""
    who = [f"guest{n}@new.example" for n in range(40)]
    calls = [
        ("g" + str(n), "desk", [("list_mail", [], []), ("send_mail", [w], [])]) for n, w in enumerate(who)
    ]
    often, seldom = (learn(frame([*history(60), *calls[:n]])) for n in (40, 1))
    assert often.model.usual.sent == pytest.approx(41 / 101)
    assert seldom.model.usual.sent == pytest.approx(2 / 62)
    assert seldom.model.usual.under().sent == pytest.approx(1 / math.e**3)
    assert often.model.usual.under() == often.model.usual


def test_what_belongs_to_another_user_stands_out() -> None:
    """A value that history has seen with one other user surprises; one's own, a shared one, and no user do not."""
    invoices = [(u, [(f"{u}{n}", "desk", [("get_invoice", [f"order-of-{u}", "shared-order"], [])]) for n in range(20)])
                for u in ("ana", "bo", "cy")]  # fmt: skip
    learned = train(pl.concat([frame(sessions, user=user) for user, sessions in invoices]))

    def asked(value: str, user: str | None) -> dict[str, object]:
        return of(score(learned, frame([("one", "desk", [("get_invoice", [value], [])])], user=user)), "one")

    assert asked("order-of-bo", "ana")["foreign"] > 3
    assert asked("order-of-bo", "new-user")["foreign"] > 3
    assert "seen with one other user only" in str(asked("order-of-bo", "ana")["reason"])
    assert [
        asked(*of_)["foreign"]
        for of_ in (("order-of-ana", "ana"), ("shared-order", "ana"), ("order-of-bo", None))
    ] == [
        0,
        0,
        0,
    ]


def test_an_unknown_tool_and_an_unknown_errand_are_explained(model: Model) -> None:
    """A tool that history does not know is named as such; a known one in strange company as what it is."""
    alien: list[Call] = [("read_calendar", [], []), ("wipe_disk", [], [])]
    mixed: list[Call] = [("list_orders", [], []), ("get_invoice", [], []), ("create_event", [], [])]
    scored = score(model, frame([("alien", "desk", alien), ("mixed", "desk", mixed)]))
    assert of(scored, "alien")["reason"] is not None
    assert "wipe_disk on office was never used in history" in str(of(scored, "alien")["reason"])
    assert of(scored, "alien")["top_event"] == "alien.1"
    assert of(scored, "mixed")["top_event"] == "mixed.2"
    assert "create_event on office" in str(of(scored, "mixed")["reason"])


def test_a_history_can_be_reviewed_by_itself() -> None:
    """A session that hides in the history it is judged by is found there, and the model is the one `train` gives."""
    events = frame([*history(), hijacked()])
    model, scored = review(events)
    bad = of(scored, "bad")
    assert bad["anomaly"] == scored.sessions["anomaly"].max()
    assert bad["top_event"] == "bad.3"
    assert bad["flow"] > 3
    assert "came from the result of read_mail on office, as it nearly always does" in str(bad["reason"])
    assert np.mean(scored.sessions["anomaly"].to_numpy() > 0.9) < 0.2
    assert to_arrow(train(events)).equals(to_arrow(model))
    assert of(score(model, events), "bad")["flow"] == 0, "what history holds is not new"


def test_an_attack_in_every_third_session_of_a_first_history_stands_out() -> None:
    """What is done again and again with one value is not a habit; honest sessions among them are no odder than before.

    Without the doubt a third of all sessions is as usual as the others.
    """
    honest = history(200)
    events = frame([*honest, *(hijacked(f"bad{n}") for n in range(100))])
    _, scored = review(events)
    first = scored.calls.group_by("session").agg(pl.col("event_id").first())
    bad = scored.sessions.join(first, on="session").with_columns(
        bad=pl.col("event_id").str.starts_with("bad")
    )
    assert auroc(bad["anomaly"].to_numpy(), bad["bad"].to_numpy()) > 0.97
    assert bad.filter("bad")["flow"].min() > 3
    blind = score(train(events), events).sessions
    assert blind["flow"].max() == 0


def came(sessions: list[tuple[str, str, list[Call]]], file: int) -> pl.DataFrame:
    """Return events as they came in with one file of several."""
    at = pl.datetime(2026, 11, 1 + file, time_unit="us", time_zone="UTC")
    return frame(sessions).with_columns(source_topic=pl.lit(f"file {file}"), ingest_time=at)


def areas(events: pl.DataFrame) -> tuple[float, float]:
    """Return how well a first history tells the hostile sessions, and the share of the others that it calls odd."""
    found = pl.concat([part.sessions for part in forward(events)])
    first = events.group_by("session").agg(pl.col("event_id").min())
    rows = found.join(first, on="session").with_columns(bad=pl.col("event_id").str.starts_with("bad"))
    anomaly, bad = rows["anomaly"].to_numpy(), rows["bad"].to_numpy()
    return auroc(anomaly, bad), float(np.mean(anomaly[~bad] >= 0.95))


def test_a_first_history_of_one_file_is_judged_under_doubt() -> None:
    """Attacks spread over one file stand out in it, and so do those that come in after a file of honest sessions."""
    hostile = [hijacked(f"bad{n}") for n in range(60)]
    honest = history(240)
    spread = [session for n in range(60) for session in (*honest[4 * n : 4 * n + 4], hostile[n])]
    assert areas(came(spread, 0))[0] > 0.97
    area, odd = areas(pl.concat([came(honest, 0), came([*history(120, seed=5), *hostile], 1)]))
    assert area > 0.97
    assert odd < 0.2


def test_what_an_earlier_file_showed_is_no_news_in_a_later_one() -> None:
    """A value that sessions of an earlier file passed on all along is trusted: no doubt is cast on it afterwards."""
    who = "person99@office.example"
    usual: list[Call] = [("read_calendar", [], [who]), ("create_event", [who], [])]
    errands = history(100)
    before = [
        session for n in range(50) for session in (*errands[2 * n : 2 * n + 2], (f"m{n}", "desk", usual))
    ]
    events = pl.concat([came(before, 0), came([(f"later{n}", "desk", usual) for n in range(30)], 1)])
    found = pl.concat([part.sessions for part in forward(events)])
    later = events.filter(pl.col("event_id").str.starts_with("later"))
    assert found.join(later, on="session", how="semi")["flow"].max() == 0
    assert found.join(later, on="session", how="anti")["flow"].max() > 1


def test_totals_by_the_same_weights_are_the_surprise_of_the_score() -> None:
    """What the benchmark says of other weights is what a model trained with them would say."""
    events, judged = frame(history(60)), frame([hijacked(), *history(20, seed=2)])
    other = without(["flow", "bag"])
    found = totals(learn(events), judged, {"ours": WEIGHTS, "other": other})
    for name, weights in (("ours", WEIGHTS), ("other", other)):
        expected = score(train(events, weights), judged).sessions["surprise"].to_numpy()
        assert found[name].to_numpy() == pytest.approx(expected)
    assert other.flow == other.bag == 0
    assert without(["address"]).sent == 0


def test_the_order_of_rows_does_not_matter(model: Model) -> None:
    """The same events in any order train the same model and get the same scores."""
    events, judged = frame(history()), frame([hijacked(), *history(30, seed=2)])
    again = train(events.sample(fraction=1, shuffle=True, seed=5))
    assert to_arrow(again).equals(to_arrow(model))
    one, two = score(model, judged), score(model, judged.sample(fraction=1, shuffle=True, seed=6))
    assert one.sessions.equals(two.sessions)
    assert one.calls.equals(two.calls)


def test_another_site_key_gives_the_same_scores(model: Model) -> None:
    """Scores follow from which fingerprints are equal, never from what they are."""
    other = train(frame(history(), key="other"))
    sessions = [hijacked(), *history(40, seed=2)]
    one = score(model, frame(sessions))
    two = score(other, frame(sessions, key="other"))
    columns = [
        "top_event",
        "anomaly",
        "surprise",
        "flow",
        "given",
        "order",
        "company",
        "bag",
        "length",
        "reason",
    ]
    assert (
        one.sessions.sort("top_event").select(columns).equals(two.sessions.sort("top_event").select(columns))
    )


def without_values(sessions: list[tuple[str, str, list[Call]]]) -> list[tuple[str, str, list[Call]]]:
    """Return sessions whose arguments and results were not to be seen."""
    return [(name, client, [(tool, None, None) for tool, _, _ in calls]) for name, client, calls in sessions]


def test_without_fingerprints_the_tools_alone_are_judged(model: Model) -> None:
    """Where arguments are null the basis says so, values say nothing, and the total is compared with such totals."""
    scored = score(model, frame(without_values([hijacked(), *history(200, seed=2)])))
    assert scored.sessions["basis"].unique().to_list() == ["tools"]
    assert scored.sessions.select(pl.col("flow").max(), pl.col("given").max()).row(0) == (0, 0)
    assert np.mean(scored.sessions["anomaly"].to_numpy() > 0.9) < 0.2
    assert of(score(model, frame([hijacked()])), "bad")["basis"] == "full"


def test_a_history_without_fingerprints_can_be_learned() -> None:
    """A gateway that logs no content still has an order, company and bags to learn."""
    scored = score(
        train(frame(without_values(history()))), frame(without_values([hijacked(), *history(50, seed=2)]))
    )
    assert of(scored, "bad")["anomaly"] > 0.9


def test_a_history_that_saw_no_values_says_nothing_of_them() -> None:
    """What was never seen is not new: values are judged only where history had values, addresses where it had those."""
    blind = score(train(frame(without_values(history()))), frame(history(100, seed=2))).sessions
    assert blind["basis"].unique().to_list() == ["tools"]
    assert np.mean(blind["anomaly"].to_numpy() > 0.9) < 0.2
    unmarked = train(frame(history()).drop("args_addresses"))
    assert of(score(unmarked, frame([taken_over()])), "taken")["address"] == 0


def test_absent_columns_count_as_null_and_needed_ones_are_named(model: Model) -> None:
    """Columns that are not there are null; without one that is needed the error names it."""
    events = frame([hijacked()])
    bare = events.drop(
        "args_leaves", "result_leaves", "args_addresses", "client_name", "server_name", "user_id"
    )
    assert score(model, bare.to_arrow()).sessions["basis"].to_list() == ["tools"]
    with pytest.raises(ValueError, match="no column session"):
        score(model, events.drop("session"))
    with pytest.raises(ValueError, match="no tool call to learn from"):
        train(events.filter(pl.lit(False)))
    assert set(events.columns) == set(COLUMNS)


def test_what_is_no_tool_call_is_not_judged(model: Model) -> None:
    """Client events and events without a session or a tool are passed over; no events give no rows."""
    events = frame([hijacked()])
    other = events.with_columns(event_class=pl.lit("client_event"), event_id=pl.lit("x"))
    lost = events.with_columns(session=pl.lit(None, pl.String))
    assert score(model, pl.concat([events, other, lost])).calls.height == 4
    assert score(model, events.clear()).sessions.height == 0


def test_a_client_of_its_own_habits_is_forgiven_them() -> None:
    """What a client has always done is no anomaly there, and is one at a client that has never done it."""
    odd: list[Call] = [("list_orders", [], []), ("wipe_disk", [], [])]
    learned = train(frame([*history(), *((f"odd{n}", "janitor", odd) for n in range(40))]))
    scored = score(learned, frame([("mine", "janitor", odd), ("yours", "desk", odd)]))
    assert of(scored, "mine")["anomaly"] < of(scored, "yours")["anomaly"]


def test_a_client_is_compared_with_its_own_sessions_and_some_of_its_peers() -> None:
    """The share is (own sessions as surprising or more + 20 times the peers' share) over (own sessions + 20).

    It is never below a tenth of one in the history's sessions and one.
    """
    sessions = [*history(100), *history(50, seed=9, clients=("other",))]
    learned, judged = train(frame(sessions)), frame(history(40, seed=8))
    scored = score(learned, judged).sessions
    own = learned.full.total[learned.full.client == learned.clients.index("desk")]
    surprise = scored["surprise"].to_numpy()
    reached = (own[None, :] >= surprise[:, None]).sum(axis=1)
    expected = (reached + 20 * learned.full.all.share(surprise)) / (100 + 20)
    least = 1 / (10 * 151)
    assert scored["anomaly"].to_numpy() == pytest.approx((1 - least) * (1 - expected))


@pytest.mark.parametrize("sessions", [1, 2, 3, 10, 30, 100])
def test_a_short_history_claims_little(sessions: int) -> None:
    """However odd a session, it is no rarer than a tenth of once in the history; and all are told from each other."""
    judged = score(train(frame(history(sessions))), frame([hijacked(), *history(40, seed=8)])).sessions
    anomaly = judged["anomaly"].to_numpy()
    assert ((anomaly >= 0) & (anomaly <= 1 - 1 / (10 * (sessions + 1)))).all()
    if sessions >= 10:
        assert of(score(train(frame(history(sessions))), frame([hijacked()])), "bad")["anomaly"] > 0.9
        assert judged["surprise"].n_unique() > 3


STRANGE = {
    "one client": {"client_name": pl.lit("one")},
    "a client for every session": {"client_name": pl.col("session")},
    "no client": {"client_name": pl.lit(None, pl.String)},
    "other names of tools": {"tool_name": pl.col("tool_name").str.reverse()},
    "one instant a session": {"event_time": pl.col("event_time").min().over("session")},
    "no digests": {"args_hmac": pl.lit(None, pl.String)},
    "no addresses marked": {"args_addresses": pl.lit(None, pl.List(pl.Int64))},
    "no users": {"user_id": pl.lit(None, pl.String)},
}


@pytest.mark.parametrize("changed", STRANGE.values(), ids=STRANGE)
def test_strange_logs_are_judged_all_the_same(changed: dict[str, pl.Expr]) -> None:
    """What a log leaves out or names otherwise costs what it tells, and no more: the hijacked session is the oddest."""
    history_, judged = frame(history()), frame([hijacked(), *history(60, seed=2)])
    scored = score(train(history_.with_columns(**changed)), judged.with_columns(**changed))
    assert of(scored, "bad")["anomaly"] == scored.sessions["anomaly"].max()
    assert not scored.sessions["anomaly"].is_nan().any()


def test_short_values_are_judged_by_the_whole_of_their_arguments() -> None:
    """Where no value is long enough for a fingerprint, arguments nobody gave stand out, and known ones do not."""
    short = {
        name: pl.lit([], pl.List(pl.Int64)) for name in ("args_leaves", "result_leaves", "args_addresses")
    }
    errand: list[Call] = [("list_files", [], []), ("read_file", ["1"], [])]
    learned = train(frame([(f"h{n}", "desk", errand) for n in range(60)]).with_columns(**short))
    scored = score(learned, frame([
        ("same", "desk", errand), ("other", "desk", [errand[0], ("read_file", ["13"], [])]),
    ]).with_columns(**short))  # fmt: skip
    assert of(scored, "same")["whole"] == 0
    assert of(scored, "other")["whole"] > 3
    assert of(scored, "other")["anomaly"] > 0.95
    assert "was given arguments that none of the 60 sessions" in str(of(scored, "other")["reason"])


def test_a_model_is_plain_data_without_content(model: Model) -> None:
    """A model goes through Arrow unchanged; its only texts are names of tools, clients and users."""
    table = to_arrow(model)
    assert from_arrow(table).tools == model.tools
    assert to_arrow(from_arrow(table)).equals(table)
    judged = frame([hijacked(), *history(20, seed=2)])
    assert score(from_arrow(table), judged).sessions.equals(score(model, judged).sessions)
    texts = {text for held in table["text"].to_pylist() if held for text in held}
    assert texts == {*model.tools, *model.clients, *model.users}


def test_a_model_of_another_form_is_refused(model: Model) -> None:
    """A table that another version wrote is not misread: the error says to train again."""
    table = to_arrow(model)
    with pytest.raises(ValueError, match="train it again"):
        from_arrow(table.replace_schema_metadata({"tooltrail.anomaly": "0"}))
    with pytest.raises(ValueError, match="train it again"):
        from_arrow(pa.table({"name": ["x"]}))


def test_a_model_keeps_the_weights_it_was_trained_with() -> None:
    """Every part of a total is weighed, by the weights of the model: without any no session surprises."""
    none = Weights(**dict.fromkeys(vars(WEIGHTS), 0.0))
    model = from_arrow(to_arrow(train(frame(history(30)), none)))
    assert model.weights == none
    assert score(model, frame([hijacked()])).sessions["surprise"].to_list() == [0]

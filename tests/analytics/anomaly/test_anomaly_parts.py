"""What each part of the anomaly model promises, by itself."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from office import Call, frame

from analytics.anomaly.bags import Bags
from analytics.anomaly.calls import Calls, calls_of, coded
from analytics.anomaly.company import Company
from analytics.anomaly.doubt import Doubt
from analytics.anomaly.flows import flows_of
from analytics.anomaly.memory import folds_of
from analytics.anomaly.order import Order, Symbols, symbols_of, with_ends
from analytics.anomaly.tail import Tail
from analytics.anomaly.values import Values
from analytics.anomaly.wholes import Wholes

TOOLS = "abcdef"


def sessions(*runs: str, clients: str = "") -> tuple[Calls, Symbols]:
    """Return sessions in which each letter is a call of a tool."""
    names = clients or "x" * len(runs)
    events = frame((f"{n:04}", names[n], [(t, [], []) for t in run]) for n, run in enumerate(runs))
    calls = calls_of(events.with_columns(session=pl.col("event_id").str.slice(0, 4)))
    return calls, symbols(calls)


def symbols(calls: Calls) -> Symbols:
    """Return calls as numbers: tools a to f, clients x and y."""
    tool = coded(calls.tool, [f"{t} on office" for t in TOOLS])
    return symbols_of(calls, len(TOOLS), tool, coded(calls.client, ["x", "y"]))


def learned(calls: Calls, given_: Symbols) -> Order:
    """Return the order of sessions, their ends among it."""
    return Order.of(with_ends(calls, given_)[0])


def sums(order: Order, before: int, earlier: int, client: int) -> float:
    """Return the probabilities of all symbols after a context, summed."""
    many = len(TOOLS) + 3
    every = np.arange(many)
    context = [np.full(many, value) for value in (before, earlier, client)]
    return float(np.exp(-order.surprise(Symbols(len(TOOLS), every, *context))).sum())


# --- flows ------------------------------------------------------------------------------------------------------


def test_a_value_is_carried_from_the_first_result_that_showed_it() -> None:
    """The source of an argument's value is the earliest earlier result of the same session that held it."""
    calls = calls_of(frame([
        ("one", "x", [("a", [], ["v"]), ("b", [], ["v"]), ("c", ["v", "w"], []), ("d", ["v"], [])]),
        ("two", "x", [("c", ["v"], ["w"]), ("c", ["w"], [])]),
    ]))  # fmt: skip
    flows = flows_of(calls)
    by_id = {
        (calls.event_id[call], calls.event_id[source] if source >= 0 else None)
        for call, source in zip(flows.call.tolist(), flows.source.tolist(), strict=True)
    }
    assert by_id == {("one.2", "one.0"), ("one.2", None), ("two.0", None), ("two.1", "two.0")}
    assert len(flows.call) == 4


def test_a_value_given_before_it_was_shown_is_not_carried() -> None:
    """What the user had said already came from no result, though one repeats it; nor does a call carry from itself."""
    flows = flows_of(calls_of(frame([("one", "x", [("a", ["v"], ["v"]), ("b", ["v"], [])])])))
    assert flows.source.tolist() == [-1]


# --- order ------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(runs=st.lists(st.text(TOOLS, min_size=1, max_size=6), min_size=1, max_size=12), at=st.integers(0, 8))
def test_the_chances_of_what_may_follow_sum_to_one(runs: list[str], at: int) -> None:
    """After any context, known or not, the probabilities of all symbols make one."""
    order = learned(*sessions(*runs))
    assert sums(order, at, 0, 0) == pytest.approx(1)
    assert sums(order, at, at, 1) == pytest.approx(1)


def test_what_never_followed_surprises_more() -> None:
    """A usual step surprises least, a known tool in a new place more, an unknown tool most."""
    order = learned(*sessions(*["abc"] * 50, *["ab"] * 50, "e"))
    calls, given_ = sessions("abc", "abe", "abf")
    usual, new_place, unknown = order.surprise(given_)[[2, 5, 8]]
    assert len(calls) == 9
    assert usual < 1
    assert 3 < new_place < unknown


def test_a_client_with_a_history_is_judged_by_it() -> None:
    """What is usual for one client surprises less there than at its peers; without a history the peers decide."""
    order = learned(*sessions(*["ab"] * 30, *["ac"] * 30, clients="x" * 30 + "y" * 30))
    own, other = (order.surprise(sessions("ac", clients=who)[1])[1] for who in "yx")
    peers = order.surprise(sessions("ac", clients="z")[1])[1]
    assert own < peers < other


# --- company, bags, tail ----------------------------------------------------------------------------------------


def test_a_tool_in_strange_company_surprises_once() -> None:
    """A tool that sessions with these tools never use surprises at its first use, and not when it is repeated."""
    calls, given_ = sessions(*["abc"] * 40, *["de"] * 40)
    company = Company.of(calls.session, given_.tool, given_.many)
    judged, new = sessions("abce", "abcee", "deab")
    surprise = company.surprise(judged.session, new.tool, new.many)
    assert surprise[3] > 2.5
    assert surprise[1] < 0.5
    assert surprise[8] == 0


def test_company_grows_with_the_root_of_how_many_tools_it_strays_from() -> None:
    """A tool that is as strange after four tools as after one surprises twice as much: one tool may come by chance."""
    calls, given_ = sessions(*["abcd"] * 40, *["e"] * 40)
    company = Company.of(calls.session, given_.tool, given_.many)
    judged, new = sessions("ae", "abcde")
    surprise = company.surprise(judged.session, new.tool, new.many)
    assert surprise[6] == pytest.approx(2 * surprise[1])
    assert surprise[1] > 1


def test_what_the_best_match_covers_is_not_left_over() -> None:
    """Two errands in one session leave the smaller one over; one errand leaves nothing; more of the same a little."""
    calls, given_ = sessions(*["aab"] * 30, *["cd"] * 10)
    bags = Bags.of(calls.session, given_.tool, given_.many)
    judged, new = sessions("baa", "cd", "aabcd", "aaab")
    left = bags.left_over(judged.session, new.tool, new.many)
    rarity = bags.rarity
    assert left[:2].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert left[2] == pytest.approx(2 * min(rarity[0], rarity[1]) + rarity[1], rel=1e-5) or left[
        2
    ] == pytest.approx(min(2 * rarity[0] + rarity[1], rarity[2] + rarity[3]), rel=1e-5)
    assert left[3] == pytest.approx(rarity[0], rel=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    figures=st.lists(st.floats(0, 100), max_size=50),
    asked=st.lists(st.floats(0, 1e6), min_size=2, max_size=20),
)
def test_a_greater_figure_is_never_more_likely(figures: list[float], asked: list[float]) -> None:
    """Shares fall with the figure, stay above 0, and still fall beyond the greatest ever seen."""
    tail = Tail.of(np.array(figures))
    shares = tail.share(np.sort(np.array(asked)))
    assert ((shares > 0) & (shares <= 1)).all()
    assert (np.diff(shares) <= 1e-12).all()
    if figures:
        beyond = tail.share(np.array([101.0, 202.0, 404.0]))
        assert beyond[0] > beyond[1] > beyond[2]


# --- values and folds -------------------------------------------------------------------------------------------


def test_passing_on_what_is_always_new_is_learned() -> None:
    """A tool that takes a fresh id from the same list in every session surprises little; from elsewhere it does."""
    errands = [
        (f"{n:04}", "x", [("a", [], [f"id-{n}"]), ("b", [f"id-{n}"], []), ("d", [], [])]) for n in range(60)
    ]
    calls = calls_of(frame(errands))
    given_ = symbols(calls)
    values, new = Values.of(calls, flows_of(calls), given_.tool, given_.many, np.arange(60) % 5)
    assert new.all()
    judged = calls_of(frame([
        ("usual", "x", [("a", [], ["id-new"]), ("b", ["id-new"], [])]),
        ("other", "x", [("d", [], ["id-evil"]), ("b", ["id-evil"], [])]),
        ("known", "x", [("d", [], ["id-7"]), ("b", ["id-7"], [])]),
    ]))  # fmt: skip
    flows = flows_of(judged)
    surprise, source = values.passing(flows, values.new(flows), symbols(judged).tool, given_.many)
    found = dict(zip(judged.event_id, surprise, strict=True))
    assert found["usual.1"] < 0.1
    assert found["other.1"] > 3
    assert found["known.1"] == 0
    assert {judged.event_id[at] for at in source[source >= 0].tolist()} == {"usual.0", "other.0"}


def test_giving_more_new_values_than_usual_surprises() -> None:
    """A tool that gets one new text in every call surprises when it gets a second, and not for the first."""
    calls = calls_of(frame((f"{n:04}", "x", [("a", [f"text {n}"], [])]) for n in range(60)))
    tool = symbols(calls).tool
    values, _ = Values.of(calls, flows_of(calls), tool, len(TOOLS) + 3, np.arange(60) % 5)
    judged = calls_of(frame([("one", "x", [("a", ["t"], [])]), ("two", "x", [("a", ["t", "u"], [])])]))
    flows = flows_of(judged)
    surprise, held = values.giving(flows, values.new(flows), symbols(judged).tool)
    found = {i: (s, h) for i, s, h in zip(judged.event_id, surprise, held, strict=True)}
    assert found["one.0"][0] < 0.1
    assert found["two.0"][0] > 3
    assert found["two.0"][1] == 2


def test_sessions_of_one_sort_share_a_fold() -> None:
    """A sort of session is held out whole, unless it is most of the history: then it is spread."""
    calls, given_ = sessions(*["ab", "ba", "cd", "ef", "ad", "ce", "bf"] * 4)
    fold = folds_of(calls, given_.tool, tuple(f"{t} on office" for t in TOOLS), 5)
    sort = ["".join(sorted(run)) for run in ["ab", "ba", "cd", "ef", "ad", "ce", "bf"] * 4]
    found = {(s, at) for s, at in zip(sort, fold.tolist(), strict=True) if s != "ab"}
    assert len(found) == len({s for s, _ in found})
    assert len({at for s, at in zip(sort, fold.tolist(), strict=True) if s == "ab"}) > 1


# --- wholes and doubt -------------------------------------------------------------------------------------------


def test_arguments_too_short_for_fingerprints_are_known_as_a_whole() -> None:
    """What no call was ever given surprises though no value in it has a fingerprint; what one was given does not."""
    events = [(f"{n:04}", "x", [("a", [f"{n % 9}"], []), ("b", [f"b{n}"], [])]) for n in range(60)]
    calls = short(events)
    tool = symbols(calls).tool
    wholes, new = Wholes.of(calls, tool, len(TOOLS) + 3, np.arange(60) % 5)
    assert new.reshape(60, 2)[20:].mean(axis=0).tolist() == [0, 1], "b is always given something new"
    judged = short([("one", "x", [("a", ["3"], []), ("a", ["77"], []), ("b", ["b78"], [])])])
    told = np.zeros(3, np.bool_)
    known, strange, usual = wholes.surprise(wholes.new(judged), told, symbols(judged).tool).tolist()
    assert known == 0
    assert strange > 3
    assert usual < 0.5
    assert wholes.surprise(wholes.new(judged), ~told, symbols(judged).tool).max() == 0, (
        "a value told it already"
    )


def test_a_history_without_digests_says_nothing_of_whole_arguments() -> None:
    """Where digests were never stored none is new, and a call without one is not judged."""
    calls = short([("one", "x", [("a", ["3"], [])])], keep=False)
    wholes, new = Wholes.of(calls, symbols(calls).tool, len(TOOLS) + 3, np.zeros(1, np.int64))
    judged = short([("two", "x", [("a", ["4"], [])])])
    assert not new.any()
    assert not wholes.new(calls).any()
    assert wholes.surprise(wholes.new(judged), np.zeros(1, np.bool_), symbols(judged).tool).tolist() == [0]


def short(events: list[tuple[str, str, list[Call]]], *, keep: bool = True) -> Calls:
    """Return sessions whose values are too short to have fingerprints, with or without digests."""
    none = pl.lit([], pl.List(pl.Int64))
    events_ = frame(events).with_columns(args_leaves=none, result_leaves=none, args_addresses=none)
    return calls_of(events_ if keep else events_.drop("args_hmac"))


def test_a_value_passed_on_again_and_again_is_doubted_and_many_values_are_not() -> None:
    """In what came in together one value from a page in every third session surprises, sixty ids from a list do not."""
    honest = [(f"h{n}", "x", [("a", [], [f"id-{n}"]), ("b", [f"id-{n}"], [])]) for n in range(60)]
    hostile = [(f"e{n}", "x", [("c", [], ["evil"]), ("b", ["evil"], [])]) for n in range(30)]
    typed = [
        ("t", "x", [("b", ["own"], [])]),
        *((f"u{n}", "x", [("c", [], ["own"]), ("b", ["own"], [])]) for n in "12"),
    ]
    calls = calls_of(frame([*honest, *hostile, *typed]))
    nats, source = Doubt.of(calls).passing(calls, flows_of(calls))
    found = dict(zip(calls.event_id, nats.tolist(), strict=True))
    assert found["h7.1"] < 0.1
    assert found["e7.1"] > 3
    assert found["u1.1"] < 1.2, "one user in three gives it of himself"
    assert calls.event_id[int(source[calls.event_id.index_of("e7.1")])] == "e7.0"
    assert Doubt.of(calls).ways("c on office", "b on office") == (1, 62)


def test_what_was_known_before_is_not_doubted() -> None:
    """A value that came in earlier is trusted; one that was not counted is nothing to be said of."""
    calls = calls_of(frame([(f"e{n}", "x", [("c", [], ["evil"]), ("b", ["evil"], [])]) for n in range(9)]))
    assert Doubt.of(calls, np.unique(calls.args.value)).passing(calls, flows_of(calls))[0].max() == 0
    other = calls_of(frame([("o", "x", [("c", [], ["else"]), ("b", ["else"], [])])]))
    assert Doubt.of(calls).passing(other, flows_of(other))[0].max() == 0

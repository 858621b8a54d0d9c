"""The story: every sentence stands on listed events, says no more, and cannot be written by a tool's name."""

from datetime import timedelta

import pyarrow as pa
import pytest
from calls import ID, call, denied, told
from lakes import NOON, take_in

from analytics.ladder import ladder
from analytics.narrative import MOST_NOTABLE, story
from analytics.wording import named, short_ids
from store.tables import TABLES


def texts(found):
    """Return the sentences as one text."""
    return " ".join(sentence.text for sentence in story(found))


def test_every_sentence_cites_events_of_the_lake(lake):
    """Nothing is said without the events that show it."""
    found = told(
        lake,
        call(0, "search", result={"id": ID}),
        denied(
            5,
            "get_account",
            "billing",
            arguments={"id": ID},
            decision_reason="not for support",
            policy_id="p-1",
        ),
        call(9, "query", "warehouse", arguments={"sql": ID}),
    )
    known = set(found.rows.column("event_id").to_pylist())
    sentences = story(found)
    assert all(sentence.events for sentence in sentences)
    assert {event for sentence in sentences for event in sentence.events} <= known
    for part in (
        "ana (identity verified)", "desk (by its own account)", "the static key key-1",
        "was denied: “not for support” (policy p-1)", "That got around a refusal", "by another tool and server",
    ):  # fmt: skip
        assert part in texts(found)


def test_equal_events_give_equal_words(lake):
    """The story is made of the events alone."""
    found = told(lake, call(0, "search", result={"id": ID}), call(5, "get", arguments={"id": ID}))
    assert story(found) == story(ladder(lake, "session-1"))


def test_one_call_reads_as_prose(lake):
    """A single call has a beginning, a middle and an end."""
    text = texts(told(lake, call(0, "get")))
    assert (
        "In less than a second it asked for one call: it was answered; no calls handed something out" in text
    )
    assert "Not known: the client of its only event is only what it calls itself." in text


@pytest.mark.parametrize(
    ("outcomes", "ended"),
    [
        (("unknown", "unknown"), "none were denied and of 2 no answer is known;"),
        (("success", "unknown"), "none were denied, 1 was answered and of 1 no answer is known;"),
        (("transport_error", "transport_error"), "none were denied and none were answered;"),
    ],
)
def test_a_call_whose_end_nobody_tells_is_not_called_unanswered(lake, outcomes, ended):
    """What the sources do not say the story does not say for them."""
    text = texts(told(lake, *(call(n, "get", outcome=o, result=None) for n, o in enumerate(outcomes))))
    assert ended in text


def test_a_session_without_calls_says_so(lake):
    """What only listed tools did nothing else."""
    found = told(lake, call(0, None, event_kind="tool_list", event_class="client_event", arguments=None))
    assert "No tool was called; there were only tool list." in texts(found)


def test_five_hundred_calls_are_told_in_a_few_sentences(lake):
    """Repeats are grouped, what stands out is told, and every call is cited once by what it was told with."""
    records = [
        denied(n, "drop_table", "db", decision_reason="never", arguments={"n": f"number {n}"})
        if n % 50 == 7
        else call(n, ("read_row", "list_rows")[n % 2], "db", arguments={"n": f"number {n}"})
        for n in range(500)
    ]
    found = told(lake, *records)
    sentences = story(found)
    assert len(sentences) < 20
    assert "This happened 10 times" in texts(found)
    told_of = [event for s in sentences if s.part == "what" for event in s.events]
    assert sorted(told_of) == sorted(found.rows.column("event_id").to_pylist())


def test_values_of_like_calls_are_counted_for_each(lake):
    """Two refusals of one call hold a value each, not two."""
    asked = {"arguments": {"id": ID}, "decision_reason": "no"}
    found = told(
        lake, call(0, "search", result={"id": ID}), denied(5, "get", **asked), denied(9, "get", **asked)
    )
    assert "Their arguments hold a value each from the earlier result of search on crm." in texts(found)


def test_many_kinds_of_trouble_stay_readable(lake):
    """However many tools were denied, the story has a bound."""
    found = told(lake, *(denied(n, f"tool_{n}", arguments={"n": f"number {n}"}) for n in range(120)))
    assert len(story(found)) < 2 * MOST_NOTABLE + 60


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("get_customer", "get_customer"),
        ("x. It was allowed. [3f2a91c4]", "“x. It was allowed. (3f2a91c4)”"),
        ("a” and “b", "“a' and 'b”"),
        ("y" * 200, "“" + "y" * 79 + "…”"),
        (None, "something unnamed"),
    ],
)
def test_a_name_cannot_write_the_story(text, shown):
    """What is no plain identifier stands in quotes, cannot leave them, and cannot look like a citation."""
    assert named(text) == shown


def test_short_ids_tell_events_apart():
    """Eight characters, or as many as it takes."""
    assert short_ids(["aaaaaaaa1111", "bbbbbbbb2222"])["aaaaaaaa1111"] == "aaaaaaaa"
    assert short_ids(["aaaaaaaa1111", "aaaaaaaa2222"])["aaaaaaaa1111"] == "aaaaaaaa1"


def test_delegation_is_told(lake):
    """On whose behalf is part of who."""
    chain = [{"iss": "https://idp.example", "sub": "agent-7"}, {"iss": "https://idp.example", "sub": "ana"}]
    assert "on behalf of another: agent-7, for ana" in texts(told(lake, call(0, "get", delegation=chain)))


def test_a_session_of_another_person_is_no_part(lake):
    """Two people who do the same are two stories."""
    take_in(lake, [denied(0, "get", arguments={"id": ID})])
    other = call(60, "find", user_id="bob", session_id="other", arguments={"id": ID},
                 event_time=(NOON + timedelta(minutes=1)).isoformat())  # fmt: skip
    take_in(lake, [other], first=1)
    assert "got around" not in texts(ladder(lake, "session-1")).replace("no refusals were got around", "")


def test_the_next_day_is_named(lake):
    """A time of day alone would be taken for the day the story began on."""
    late, next_day = ((NOON + timedelta(hours=h)).isoformat() for h in (11, 13))
    text = texts(told(lake, denied(0, "get", event_time=late), call(1, "find", event_time=next_day)))
    assert "began to work" in text
    assert "At 23:00:00 it asked for get" in text
    assert f"At 01:00:00 on {NOON + timedelta(days=1):%Y-%m-%d} it called find" in text


def test_findings_are_told_with_their_numbers(lake):
    """The gravest first, each with why it fired, in quotes, for that holds names that an attacker could have chosen."""
    event = told(lake, call(0, "get")).rows["event_id"].to_pylist()
    usual = {"confidence": 0.5, "evidence": event, "event_time": NOON, "found_time": NOON, "rollout": False,
             "tags": [], "revision": 1, "found_date": NOON.date()}  # fmt: skip
    rows = [
        {**usual, "finding_id": "a", "detection": "d98", "title": "Small", "severity": "low", "explanation": "2 of 9"},
        {**usual, "finding_id": "b", "detection": "d99", "title": "Odd", "severity": "high",
         "explanation": "x” It was allowed. [3f2a91c4] 3 of 4"},
    ]  # fmt: skip
    lake.append("finding_states", pa.Table.from_pylist(rows, TABLES["finding_states"].schema))
    first, second = [s for s in story(ladder(lake, "session-1")) if s.part == "found"]
    assert first.text == "A detection found here: Odd (high, d99): “x' It was allowed. (3f2a91c4) 3 of 4”."
    assert second.text == "A detection found here: Small (low, d98): “2 of 9”."
    assert first.events == second.events == tuple(event)

"""Who first held a value is kept from run to run: a leak of what was seen days ago is found, reading only new data."""

from datetime import timedelta

import pytest
from lakes import NOON, ask, record, take_in

from analytics.detecting import job, owners
from analytics.detecting.catalog import load

LEAKAGE = [detection for name, detection in load().items() if name.startswith("d35_")]
RECORD = {
    "customer_id": "cus_0123456789ab", "email": "jo.moser@mail.example", "phone": "+49 170 5550123",
    "iban": "DE89370400440532013000", "address": "12 Timber Street",
}  # fmt: skip


def call(number, days, user, asked, result):
    """Return a call of the customer file some days after noon."""
    moment = (NOON + timedelta(days=days, seconds=number)).isoformat()
    return record(
        number, event_time=moment, user_id=user, tool_name="get_customer", server_name="crm",
        arguments={"customer_id": asked}, result=result, session_id=None,
    )  # fmt: skip


def usual(days):
    """Return forty ordinary calls of a day."""
    ids = [f"cus_{days:04}{n:08}" for n in range(40)]
    start = 1000 * (days + 10)
    return [call(start + n, days, "eve", i, {"customer_id": i, "n": n}) for n, i in enumerate(ids)]


def run(lake):
    """Take part in one run of the leak detections."""
    return job.update(lake, LEAKAGE)


@pytest.fixture
def leaked(lake):
    """Return a lake in which ana was given a record three days before bob, on a run before."""
    take_in(lake, [*usual(-3), call(1, -3, "ana", RECORD["customer_id"], RECORD)])
    run(lake)
    take_in(lake, [*usual(0), call(2, 0, "bob", "cus_ffffffffffff", RECORD)], first=100)
    return lake


def test_what_was_seen_days_ago_still_has_its_owner(leaked):
    """The owner is known though the detection's lookback has long passed; both events are the evidence."""
    [found] = run(leaked).written
    who = dict(ask(leaked, "SELECT event_id, user_id FROM events"))
    assert [who[event] for event in found.evidence] == ["ana", "bob"]
    assert "ana" in found.explanation


def test_no_value_is_shown(leaked):
    """A finding names kinds and counts, and the table of owners holds keyed numbers: never a value."""
    [found] = run(leaked).written
    told = f"{found}{ask(leaked, 'FROM owners')}"
    assert not [value for value in RECORD.values() if value in told]


def test_a_second_run_over_the_same_adds_nothing(leaked):
    """What is kept is the first time, once, however often a day is evaluated."""
    run(leaked)
    [(kept,)] = ask(leaked, "SELECT count(*) FROM owners")
    assert job.update(leaked, LEAKAGE, again=True).written == []
    assert ask(leaked, "SELECT count(*) FROM owners") == [(kept,)]


def test_what_comes_late_may_have_been_first(lake):
    """An earlier event that is taken in later becomes the first, and makes the later one a leak."""
    take_in(lake, [*usual(0), call(2, 0, "bob", "cus_ffffffffffff", RECORD)])
    assert run(lake).written == []
    take_in(lake, [*usual(-1), call(1, -1, "ana", RECORD["customer_id"], RECORD)], first=100)
    run(lake)
    [found] = job.update(lake, LEAKAGE, again=True).written
    assert len(found.evidence) == 2


def test_only_values_of_the_window_are_read(leaked):
    """What is kept of other values stays on disk: a run costs what is new."""
    run(leaked)
    window = (NOON.replace(hour=0), NOON.replace(hour=0) + timedelta(days=1))
    events = leaked.scan("events", owners.VALUES, between=window)
    read = owners.before(leaked, events, window)
    assert set(read["user_id"]) == {"ana", "bob", "eve"}
    assert not set(read.filter(read["event_time"] < window[0])["user_id"]) & {"eve"}


def test_no_more_people_are_kept_than_tell_anything(lake):
    """Of a value that everybody has, six holders are kept and no more: the table does not grow with the fleet."""
    shared = {"disclaimer": "confidential-and-privileged-2026"}
    take_in(lake, [call(n, 0, f"user-{n}", f"cus_{n:012}", shared) for n in range(20)])
    run(lake)
    take_in(lake, [call(50 + n, 1, f"late-{n}", f"cus_{50 + n:012}", shared) for n in range(5)], first=100)
    run(lake)
    held = ask(lake, "SELECT count(*) FROM owners WHERE returned GROUP BY leaf")
    assert max(n for (n,) in held) == owners.MOST


def test_what_all_have_read_stays_so(lake):
    """A page that many read is no one's after the horizon either: what is kept of it is kept up."""
    page = {k: f"{v}, as printed" for k, v in RECORD.items()}
    readers = {-31: range(5), -25: range(5, 6), -8: range(10, 18), 0: range(20, 21)}
    for part, (days, numbers) in enumerate(readers.items()):
        calls = [call(n, days, f"user-{n}", f"cus_{days % 100:04}{n:08}", page) for n in numbers]
        take_in(lake, [*usual(days), *calls], first=100 * part)
        assert run(lake).written == []


def test_what_was_found_becomes_no_habit(leaked):
    """A leak is not counted among what the tool does anyway, or the next would be let be."""
    run(leaked)
    assert ask(leaked, "SELECT sum(results), sum(strong) FROM tool_habits") == [(82, 0)]


def test_what_a_tool_did_some_times_is_expected_again(lake):
    """One more of what it did now and then before is no leak, however rare: of so many results one does it anyway."""
    records = [{name: f"{value}-{n}" for name, value in RECORD.items()} for n in range(9)]
    for days in range(-6, 1):
        some = {-6: records[:8], 0: records[8:]}.get(days, [])
        hers = [call(n, days, "ana", one["customer_id"], one) for n, one in enumerate(some)]
        his = [call(60 + n, days, "bob", f"cus_ffffffff{n:04}", one) for n, one in enumerate(some)]
        take_in(lake, [*usual(days), *hers, *his], first=100 * (days + 10))
        assert run(lake).written == []
    assert ask(lake, "SELECT sum(strong) FROM tool_habits") == [(9,)]


def prose(name, words):
    """Return a text of so many words that no other has."""
    return " ".join("".join(chr(97 + int(d)) for d in f"{name}{n}") for n in range(10, 10 + words))


@pytest.mark.parametrize(("passages", "believed"), [(0, False), (12, True)])
def test_a_phrase_is_believed_where_many_passages_come_across(lake, passages, believed):
    """Two shingles in common may be chance; on a day on which a dozen longer texts cross they are one more of them."""
    for days in range(-3, 0):
        take_in(lake, [*usual(days), call(0, days, "ana", "none", {"note": "x"})], first=100 * (days + 5))
        run(lake)
    texts = [prose(n, 60) for n in range(passages)]
    texts.append(" ".join(prose(99, 60).split()[:18]))
    hers = [
        call(n, 0, "ana", "none", {"note": f"{prose(50 + n, 20)} {text}"}) for n, text in enumerate(texts)
    ]
    his = [
        call(60 + n, 0, "bob", "some", {"note": f"{text} {prose(70 + n, 20)}"})
        for n, text in enumerate(texts)
    ]
    take_in(lake, [*usual(0), *hers, *his], first=900)
    assert any("passages: 2)" in found.explanation for found in run(lake).written) is believed

"""The report of a review: all its sections, small however many grants, and honest about what there is not."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from assessments import UNTIL, assessed
from lakes import record, take_in

from analytics.entitlements.catalog import load as load_formats
from analytics.entitlements.importing import take_in as import_grants
from analytics.entitlements.reading import File
from analytics.review import ledger
from analytics.review.basis import Scope
from analytics.review.deciding import Choice, decide
from reports.catalog import Request, load
from reports.review.context import SECTIONS, review_page
from store.errors import UsageError
from store.lake import Lake

MOST_BYTES = 5_000_000


def test_the_twenty_sections_are_there_in_order() -> None:
    """Each with a heading and an anchor, in a draft as in a campaign."""
    found, campaign = assessed(20)
    for page in (review_page(found), review_page(found, campaign)):
        html = page.html()
        assert re.findall(r'<section id="s-(\d+)"', html) == [str(n) for n in range(1, 21)]
        assert len(SECTIONS) == 20
        assert all(f"</span>{title}</h2>" in html for title in SECTIONS)


def test_what_it_cannot_say_comes_before_what_it_says() -> None:
    """Limits, silent servers and detections that could not be evaluated stand in the second section."""
    found, campaign = assessed(20)
    html = review_page(found, campaign).html()
    second = html[html.index('<section id="s-2"') : html.index('<section id="s-3"')]
    assert "5 % of calls name no person." in second
    assert "Granted, and not heard of in the period: quiet" in second
    assert "d24_scope_creep: 90 days, for want of scopes" in second


def test_numbers_lead_to_their_questions() -> None:
    """Each headline, and tables too, lead to the question behind them, which is on the page with its digest."""
    found, _ = assessed(20)
    html = review_page(found).html()
    assert html.count('<b><a href="#q-population">') == 6
    assert html.count('<a href="#q-population">how this was asked</a>') >= 3
    assert '<details id="q-population">' in html
    assert "ab" * 32 in html


@pytest.mark.slow
def test_fifty_thousand_grants_fit_and_the_files_have_all_of_them() -> None:
    """The page stays below five megabytes; it says how many there are and where they all are."""
    found, campaign = assessed(50_000)
    page = review_page(found, campaign)
    html = page.html()
    assert len(html.encode()) < MOST_BYTES
    assert page.tables["grants"].num_rows == 50_000
    wanted = sum(item.advice.value in ("revoke", "narrow", "confirm_denied") for item in found.items)
    assert f"The first 200 of {wanted:,}; all are in <code>review-2026-Q3.grants.csv</code>" in html


def test_a_table_that_is_cut_names_a_file_that_is_there() -> None:
    """Whatever the page leaves out is beside it."""
    found, campaign = assessed(2_000)
    page = review_page(found, campaign)
    named = {f"{page.stem}.{name}.csv" for name in page.tables}
    assert {shown.file for shown in page.context.lists.values()} <= named  # type: ignore[attr-defined]


@pytest.mark.parametrize("events", [0, 3])
def test_without_entitlements_it_says_so(lake: Lake, events: int) -> None:
    """An empty lake, and one without imports, have a report that says there is nothing to review."""
    if events:
        take_in(lake, [record(number, outcome="success") for number in range(events)])
    html = load("review").build(lake, Request()).html()
    assert "There is nothing to review." in html
    assert ("no entitlements were imported" in html) == bool(events)


@pytest.mark.slow
def test_asked_again_as_of_its_moment_it_is_the_same(lake: Lake) -> None:
    """The command on the page gives the same page, although the lake has learned more since."""
    take_in(lake, [record(number, outcome="success") for number in range(3)])
    bounds = Request(since=UNTIL - timedelta(days=9000), until=UNTIL + timedelta(days=9000))
    first = load("review").build(lake, bounds)
    as_of = first.about.command.rpartition(" ")[2]
    lake.append("report_runs", _run())
    again = Request(since=bounds.since, until=bounds.until, as_of=as_of)
    assert load("review").build(lake, again).html() == first.html()


@pytest.mark.slow
def test_a_campaign_has_a_report_with_what_was_decided(lake: Lake) -> None:
    """What was frozen is reported with the decisions so far, the same each time; its name is no path."""
    name = "../2026 q3"
    grants = b"principal,principal_kind,server,tool,owner\nana,human,files,read_*,bob\nbob,human,crm,*,ana\n"
    import_grants(lake, load_formats()["grants"], [File("grants.csv", grants)])
    take_in(lake, [record(number, outcome="success") for number in range(3)])
    ledger.begin(lake, ledger.Opening(name, "dora"), Scope())
    [item] = (row["item_id"] for row in ledger.items_of(lake, name) if row["principal"] == "ana")
    decide(lake, name, [Choice(item, "revoke", "she moved to another team", "dora")])
    page, again = (load("review").build(lake, Request(name)) for _ in range(2))
    html = page.html()
    assert html == again.html()
    assert re.fullmatch(r"review-2026-q3-[0-9a-f]{8}", page.stem)
    assert "she moved to another team" in html
    assert "Population 2 = reviewed 2" in html
    assert page.about.command == "tooltrail report review '../2026 q3'"
    with pytest.raises(UsageError, match="as it stands"):
        load("review").build(lake, Request(name, as_of=1))


def _run() -> object:
    import pyarrow as pa

    from store.tables import TABLES

    row = {"run_id": "r", "schedule": "s", "report": "weekly", "due_time": UNTIL, "state": "sent", "run_time": UNTIL,
           "run_date": UNTIL.date()}  # fmt: skip
    return pa.Table.from_pylist([row], TABLES["report_runs"].schema)

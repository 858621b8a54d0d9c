"""The session report: complete, accessible, and proof against what logs hold."""

import dataclasses
import re

import pytest
from lakes import record, take_in

from analytics.ladder import ladder
from reports.render import TEMPLATES, render
from reports.session.context import SessionPage, session_page
from reports.session.lanes import MOST_MARKS

HOSTILE = "</td><script>alert(1)</script>\x1b[31m\u202eevil"
REFUSED = {"event_class": "denial", "decision": "deny", "outcome": "denied", "decision_reason": HOSTILE}
ID = "cus_4711471147"


def page(lake, *records):
    """Return the page of the session that the records are."""
    take_in(lake, records)
    return render("session/page.html.j2", session_page(ladder(lake, "session-1")))


@pytest.fixture
def html(lake):
    """Return the page of a denial that was got around, hostile text everywhere."""
    names = {"client_name": HOSTILE, "credential_id": HOSTILE, "server_name": HOSTILE}
    return page(
        lake,
        record(0, tool_name="search", outcome="success", result={"id": ID}, **names),
        record(1, tool_name=HOSTILE, arguments={"id": ID, "x": HOSTILE}, **REFUSED, **names),
        record(2, tool_name="query", outcome="success", arguments={"id": ID}, **names),
        record(3, tool_name="send_email", outcome="success", arguments={"body": ID}, **names),
    )


def test_every_citation_leads_to_a_row_of_the_page(html):
    """A reader can go from any sentence and any mark to the event."""
    ids = set(re.findall(r'<tr id="([0-9a-f]{32})"', html))
    links = set(re.findall(r'href="#([0-9a-f]+)"', html))
    assert len(ids) == 4
    assert links
    assert links <= ids


def test_every_witness_has_a_row(lake):
    """Citations of a call that several saw lead somewhere, whichever witness they name."""
    seen = {"tool_call_id": "toolu_1", "outcome": "success"}
    html = page(
        lake,
        record(0, vantage="client", source_system="desk", **seen),
        record(1, vantage="gateway", source_system="gate", **seen),
    )
    assert len(re.findall(r"<tr id=", html)) == 2
    assert "as another witness saw it" in html


def test_the_ladder_the_ways_and_the_flow_are_tables_too(html):
    """What the drawing shows can be read without it."""
    for part in ("got around a refusal", "Denied, then reached", "Which argument came from which result",
                 "What the evidence cannot tell", "Every event", "leaves by mail"):  # fmt: skip
        assert part in html


def test_hostile_text_stays_text(html):
    """Markup, control characters and direction overrides from logs never act on the page."""
    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;" in html


def test_page_fetches_and_runs_nothing(html):
    """The page has no script, no address to fetch, and a policy that forbids both."""
    assert "default-src 'none'" in html
    assert not re.search(r"https?://|src=|@import|url\(|\son\w+=", html)


def test_equal_lakes_give_equal_bytes(lake):
    """The page is made of the events alone."""
    first = page(lake, record(0, outcome="success"))
    assert first == render("session/page.html.j2", session_page(ladder(lake, "session-1")))


def test_a_long_session_is_drawn_by_what_stands_out(lake):
    """What there is no room for is counted, and a denial is drawn before it."""
    records = [record(n, outcome="success", arguments={"n": f"number {n}"}) for n in range(MOST_MARKS + 20)]
    html = page(lake, *records, record(500, tool_name="drop", arguments={"n": "last of all"}, **REFUSED))
    assert "21 calls in which nothing stands out are not drawn" in html
    assert 'class="mark denied"' in html


def test_template_uses_every_documented_field():
    """What the context promises is what the page shows."""
    source = (TEMPLATES / "session/page.html.j2").read_text()
    assert [f.name for f in dataclasses.fields(SessionPage) if f.name not in source] == []
    assert all(f.metadata["help"] for f in dataclasses.fields(SessionPage))

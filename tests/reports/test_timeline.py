"""The page of a session: complete, and proof against what logs hold."""

import dataclasses
from datetime import UTC, datetime
from types import SimpleNamespace

from reports.render import TEMPLATES, render
from reports.timeline.context import TimelinePage, timeline_page

HOSTILE = "</td><script>alert(1)</script>\x1b[31m\u202eevil"


def page(text: str = "x") -> str:
    """Return a page made from rows that hold a text everywhere."""
    moment = datetime(2026, 10, 1, 12, tzinfo=UTC)
    summary = SimpleNamespace(
        session="ab" * 16, first=moment, last=moment, attempted=2, denied=1, reached=1,
        users=[text], clients=[text], credentials=[], servers=[text],
    )  # fmt: skip
    row = {
        "event_time": moment, "event_id": "e1", "event_class": "denial", "attempted": text, "arguments": text,
        "server_name": text, "resource_uri": None, "decision_reason": text, "error_message": None,
        "outcome": "denied", "mark": "denied", "reached": False, "link": None, "denied_tool": None,
    }  # fmt: skip
    around = row | {
        "event_id": "e2",
        "mark": "denied, then reached",
        "link": "same resource",
        "denied_tool": text,
    }
    return render("timeline/page.html.j2", timeline_page(summary, [row, around], 7))


def test_every_event_is_on_the_page_with_its_id_and_version():
    """A reader can go from any line to the event and the version it came from."""
    html = page()
    assert 'id="e1"' in html
    assert 'id="e2"' in html
    assert "version 7" in html
    assert "after x was denied (same resource)" in html


def test_hostile_text_stays_text():
    """Markup, control characters and direction overrides from logs never act on the page."""
    html = page(HOSTILE)
    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;" in html


def test_page_fetches_and_runs_nothing():
    """The page has no script, no link and a policy that forbids both."""
    html = page()
    assert "default-src 'none'" in html
    assert "http://" not in html
    assert "https://" not in html


def test_template_uses_every_documented_field():
    """What the context promises is what the page shows."""
    source = (TEMPLATES / "timeline/page.html.j2").read_text()
    assert [f.name for f in dataclasses.fields(TimelinePage) if f.name not in source] == []
    assert all(f.metadata["help"] for f in dataclasses.fields(TimelinePage))

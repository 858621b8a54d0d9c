"""`tooltrail report` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from story import Run

from console.reporting import as_pdf
from reports.catalog import names
from store.lake import Lake

HTML = "<!doctype html><title>x</title><img src='{}'><link rel=stylesheet href='{}'><p>text"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clients", "weekly"])
def test_a_report_is_a_page_with_its_tables_beside_it(
    run: Run, lake: Lake, tmp_path: Path, name: str
) -> None:
    """What was written is printed as rows with its digests; asked again the bytes are the same."""
    made = [run("report", name, "--lake", lake.path, "--out", tmp_path / place) for place in ("a", "b")]
    assert [done.returncode for done in made] == [0, 0]
    first, again = ([json.loads(line) for line in done.stdout.splitlines()] for done in made)
    assert [row["sha256"] for row in first] == [row["sha256"] for row in again]
    assert {Path(row["file"]).suffix for row in first} == {".html", ".csv", ".json"}
    assert all(Path(row["file"]).stat().st_size == row["bytes"] for row in first)


def test_a_session_is_the_page_of_the_timeline(run: Run, lake: Lake, tmp_path: Path) -> None:
    """There is one session report, whichever command writes it."""
    question = "SELECT session_key FROM events WHERE session_key IS NOT NULL ORDER BY ALL LIMIT 1"
    key = lake.sql(question).arrow()["session_key"][0].as_py()
    assert run("timeline", key, "--lake", lake.path, "--html", tmp_path / "one.html").returncode == 0
    assert run("report", "session", key, "--lake", lake.path, "--out", tmp_path).returncode == 0
    [page] = tmp_path.glob("session-*.html")
    assert page.read_bytes() == (tmp_path / "one.html").read_bytes()


def test_what_is_not_there_is_said(run: Run, lake: Lake, tmp_path: Path) -> None:
    """No incident, no such report, no such session: a message, a hint and a code."""
    nothing = run("report", "incident", "--lake", lake.path, "--out", tmp_path)
    assert (nothing.returncode, "there is no incident" in nothing.stderr) == (2, True)
    assert run("report", "weeky", "--lake", lake.path).returncode == 2
    assert run("report", "session", "--lake", lake.path).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_reports_are_known_by_their_folders() -> None:
    """A report is added by adding a folder."""
    assert names() == ["clients", "incident", "review", "session", "weekly"]


def test_a_pdf_is_made_without_fetching(tmp_path: Path) -> None:
    """An address in a page would be refused, not fetched, even one of this machine's files."""
    secret = tmp_path / "secret.css"
    secret.write_text("p::after { content: 'leaked' }")
    made = as_pdf(HTML.format("https://example.com/x.png", secret.as_uri()))
    assert made.startswith(b"%PDF-")


def test_equal_pages_give_equal_pdfs() -> None:
    """No moment and no random id is in a PDF."""
    assert as_pdf("<h1>one</h1>") == as_pdf("<h1>one</h1>")

"""Stories, profiles and the inventory as a user asks for them."""

import json
from pathlib import Path

import pytest
from story import SECRET, SESSION, Run

from store.lake import Lake


def asked(run: Run, lake: Lake, *arguments: str) -> str:
    """Return what a command prints."""
    done = run(*arguments, "--lake", str(lake.path))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_story_cites_ids_that_its_json_resolves(run: Run, lake: Lake) -> None:
    """Each short id of the text is the beginning of one event_id of the JSON form."""
    import re

    text = asked(run, lake, "story", SESSION, "--output", "table")
    sentences = json.loads(asked(run, lake, "story", SESSION, "--output", "json"))
    ids = {event for sentence in sentences for event in sentence["event_ids"]}
    cited = set(re.findall(r"\b[0-9a-f]{8}\b", " ".join(re.findall(r"\[([0-9a-f +]+)\]", text))))
    assert cited
    assert all(sum(event.startswith(short) for event in ids) == 1 for short in cited)
    assert "was denied by the policy engine: “needs approval” (policy p-12)" in " ".join(text.split())


def test_hostile_text_and_secrets_are_not_in_a_story(run: Run, lake: Lake) -> None:
    """What a terminal obeys is shown, and no secret is told."""
    text = asked(run, lake, "story", SESSION, "--output", "table")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert SECRET not in text


@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_a_story_fits_the_width(run: Run, lake: Lake, width: str) -> None:
    """Prose is wrapped, for wide terminals at a readable width."""
    out = run("story", SESSION, "--output", "table", "--lake", str(lake.path), COLUMNS=width).stdout
    assert max(map(len, out.splitlines())) <= min(int(width), 100)


def test_timeline_as_timesketch(run: Run, lake: Lake, tmp_path: Path) -> None:
    """The session's events, each in Timesketch's terms."""
    file = tmp_path / "session.jsonl"
    asked(run, lake, "timeline", SESSION, "--timesketch", str(file))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == 5
    assert {"message", "datetime", "timestamp", "timestamp_desc"} <= rows[0].keys()


def test_timeline_as_a_page(run: Run, lake: Lake, tmp_path: Path) -> None:
    """The report is one file."""
    file = tmp_path / "session.html"
    asked(run, lake, "timeline", SESSION, "--html", str(file))
    assert file.read_text("utf-8").startswith("<!doctype html>")


def test_who_for_a_person_and_for_machines(run: Run, lake: Lake) -> None:
    """First and last, how calls ended, and one row with lists for machines."""
    text = asked(run, lake, "who", "alice@example.com", "--output", "table")
    assert "4: 2 succeeded, 1 failed, 1 denied" in text
    assert "github.get_file: needs approval" in text
    [row] = json.loads(asked(run, lake, "who", "key-7", "--output", "json"))
    assert (row["kind"], row["calls"]) == ("credential", 5)


def test_who_is_nobody(run: Run, lake: Lake) -> None:
    """An unknown name is a usage error."""
    none = run("who", "nobody", "--lake", str(lake.path))
    assert (none.returncode, "hint:" in none.stderr) == (2, True)


def test_clients(run: Run, lake: Lake) -> None:
    """The inventory, and only what is new."""
    [row] = json.loads(asked(run, lake, "clients", "--output", "json"))
    assert (row["client"], row["identity"], row["denied"]) == ("claude-code", "self-reported", 1)
    assert json.loads(asked(run, lake, "clients", "--new-since", "2027-01-01", "--output", "json")) == []

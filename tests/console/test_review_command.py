"""`tooltrail review` as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from story import Run

CALLS = [
    {"event_time": f"2026-0{month}-10T09:00:00Z", "event_kind": "tool_call", "server_name": "github", "user_id": "ana",
     "tool_name": "list_repos", "native_event_id": f"n{month}", "outcome": "success", "decision": "allow"}
    for month in (1, 2, 3)
]  # fmt: skip


def prepared(folder: Path, run: Run) -> None:
    """Make a lake with calls, a roster and grants."""
    (folder / "calls.ndjson").write_text("".join(json.dumps(call) + "\n" for call in CALLS))
    (folder / "people.csv").write_text("user_id,email\nana,ana@x.org\nbob,bob@x.org\ndora,dora@x.org\n")
    (folder / "grants.csv").write_text(
        "id,principal,server,tool,granted_at\n1,ana,github,list_repos,2025-01-01\n2,bob,github,delete_repo,2025-01-01\n"
    )
    assert run("init", "lake").returncode == 0
    assert run("ingest", "file", "calls.ndjson").returncode == 0
    assert run("entitlements", "import", "roster", "people.csv").returncode == 0
    assert run("entitlements", "import", "grants", "grants.csv").returncode == 0


def fill(folder: Path, **decided: tuple[str, str]) -> None:
    """Fill in the form: decision and reason by principal."""
    with (folder / "todo.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["decision"], row["reason"] = decided[row["principal"]]
    with (folder / "todo.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
def test_a_review_from_beginning_to_seal(tmp_path: Path, run: Run) -> None:
    """Begun, decided by a form and by a second person, closed and checked; each step says what it did."""
    prepared(tmp_path, run)
    begun = run("review", "new", "q1", "--by", "dora")
    assert (begun.returncode, "2 items to decide" in begun.stderr) == (0, True)
    assert run("review", "show", "q1", "--to-decide", "--to", "todo.csv").returncode == 0
    refused = run("review", "close", "q1", "--by", "dora")
    assert (refused.returncode, "2 items are not decided" in refused.stderr) == (2, True)
    fill(tmp_path, ana=("keep", ""), bob=("revoke", ""))
    decided = run("review", "decide", "q1", "--file", "todo.csv", "--by", "dora")
    assert "2 decided, 0 of them as second; 1 are open" in decided.stderr
    [item] = [
        json.loads(line)["item_id"] for line in run("review", "show", "q1", "--open").stdout.splitlines()
    ]
    second = run("review", "decide", "q1", item[:8], "revoke", "--by", "ana")
    assert "1 decided, 1 of them as second; 0 are open" in second.stderr
    closed = run("review", "close", "q1", "--by", "dora")
    assert (closed.returncode, "closed and sealed" in closed.stderr) == (0, True)
    assert run("review", "check", "q1").returncode == 0
    [page] = (tmp_path / "lake/review-records").rglob("review-q1.html")
    assert "Closed by dora" in page.read_text()
    assert (page.parent / "review-q1.grants.csv").exists()
    summed = [json.loads(line) for line in run("review", "status", "q1").stdout.splitlines()]
    assert [(row["by"], row["outcome"], row["items"]) for row in summed] == [
        ("ana", "revoke", 1),
        ("dora", "keep", 1),
    ]
    rows = [json.loads(line) for line in run("review", "status", "q1", "--items").stdout.splitlines()]
    assert {row["principal"]: (row["outcome"], row["enforced"]) for row in rows} == {
        "ana": ("keep", None), "bob": ("revoke", "not_proven"),
    }  # fmt: skip
    [listed] = [json.loads(line) for line in run("review", "status").stdout.splitlines()]
    assert (listed["review"], listed["status"], listed["decided"]) == ("q1", "closed", 2)
    page.write_text(page.read_text().replace("dora", "ana", 1))
    assert run("review", "check", "q1").returncode == 4


@pytest.mark.slow
def test_a_faulty_form_is_told_by_line_and_column(tmp_path: Path, run: Run) -> None:
    """The place of what is wrong is named, with code 2, and nothing of the form is taken in."""
    prepared(tmp_path, run)
    run("review", "new", "q1", "--by", "dora")
    run("review", "show", "q1", "--to-decide", "--to", "todo.csv")
    fill(tmp_path, ana=("keep", ""), bob=("keep", ""))
    wrong = run("review", "decide", "q1", "--file", "todo.csv", "--by", "bob@x.org")
    assert wrong.returncode == 2
    assert "todo.csv:2:4: no one certifies their own access: bob@x.org is bob" in wrong.stderr
    assert "todo.csv:2:3: a reason is needed" in wrong.stderr
    assert len(run("review", "show", "q1", "--open").stdout.splitlines()) == 2
    unknown = run("review", "status", "q2")
    assert (unknown.returncode, "there is no review 'q2'" in unknown.stderr) == (2, True)


@pytest.mark.slow
def test_an_empty_lake_says_so(run: Run) -> None:
    """Nothing to review is told in words; a campaign over nothing is not begun."""
    assert run("init", "lake").returncode == 0
    shown = run("review", "show")
    assert (shown.returncode, shown.stdout) == (0, "")
    assert "there is nothing to review" in shown.stderr
    assert run("review", "new", "q1", "--by", "dora").returncode == 2
    assert run("review", "status").stdout == ""

"""`tooltrail entitlements` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from story import Run

SECRET = "ghp_" + "a1B2c3D4" * 4 + "e5F6"


@pytest.mark.slow
def test_import_show_diff_and_explain(tmp_path: Path, run: Run) -> None:
    """From two CSV files to an answer with its reasons, in rows that a program reads."""
    (tmp_path / "a.csv").write_text("id,principal,server,tool\n1,ana,github,*\n")
    (tmp_path / "b.csv").write_text("id,principal,server,tool\n1,ana,github,create_*\n2,bob,github,*\n")
    assert run("init", "lake").returncode == 0
    for name in ("a.csv", "b.csv"):
        assert run("entitlements", "import", "grants", name).returncode == 0
    shown = [
        json.loads(line) for line in run("entitlements", "show", "--principal", "bob").stdout.splitlines()
    ]
    assert [row["principal"] for row in shown] == ["bob"]
    table = run("entitlements", "diff", "1", "2", "--output", "table").stdout
    assert "tool_name: * -> create_*" in table
    legs = [
        json.loads(line)
        for line in run("entitlements", "explain", "ana", "github", "delete_repo").stdout.splitlines()
    ]
    assert (legs[-1]["leg"], legs[-1]["verdict"]) == ("effective", "denied")
    nobody = run("entitlements", "show", "--principal", "nobody")
    assert (nobody.returncode, nobody.stdout) == (0, "")
    assert "nothing is granted to 'nobody'" in nobody.stderr


@pytest.mark.slow
def test_a_faulty_file_is_told_by_line_and_column_and_a_secret_is_never_repeated(
    tmp_path: Path, run: Run
) -> None:
    """Wrong input ends with code 2 and its place; a secret is refused without being printed or stored."""
    (tmp_path / "bad.csv").write_text("principal,server,expires_at\nana,github,soon\n")
    (tmp_path / "keys.csv").write_text(f"credential_id,servers\nk1,github\n{SECRET},jira\n")
    assert run("init", "lake").returncode == 0
    bad = run("entitlements", "import", "grants", "bad.csv")
    assert (bad.returncode, "bad.csv:2:3" in bad.stderr) == (2, True)
    secret = run("entitlements", "import", "credentials", "keys.csv")
    assert (secret.returncode, "keys.csv:3:1" in secret.stderr, SECRET in secret.stderr) == (2, True, False)
    assert run("entitlements", "show").stdout == ""
    assert "did you mean grants" in run("entitlements", "import", "grnts", "bad.csv").stderr
    assert run("entitlements", "diff").returncode == 2

"""Each command on a lake with a small story in it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from story import SECRET, SESSION, Run

from store.lake import Lake


def rows(text: str) -> list[dict[str, object]]:
    """Return the objects of NDJSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_sql_answers_on_stdout_and_names_the_version_on_stderr(run: Run, lake: Lake) -> None:
    """Data and talk are apart, and every answer says which version it came from."""
    answer = run("sql", "SELECT count(*) AS n FROM events", "--lake", str(lake.path))
    assert rows(answer.stdout) == [{"n": 6}]
    assert answer.stderr == f"answered from events version {lake.snapshot('events').version}\n"
    assert answer.returncode == 0


def test_sql_of_an_earlier_version(run: Run, lake: Lake) -> None:
    """--as-of answers as the lake was then; a version that never was is a wrong question."""
    before = run("sql", "SELECT count(*) AS n FROM events", "--as-of", "0", "--lake", str(lake.path))
    assert rows(before.stdout) == [{"n": 0}]
    assert run("sql", "FROM events", "--as-of", "999", "--lake", str(lake.path)).returncode == 2


@pytest.mark.parametrize(
    "query", ["DROP TABLE events", "SELECT 1; SELECT 2", "SELEC 1", "FROM nowhere", "COPY events TO 'x'"]
)
def test_sql_only_reads(run: Run, lake: Lake, query: str) -> None:
    """Anything but one question is a usage error without traceback."""
    wrong = run("sql", query, "--lake", str(lake.path))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: ")
    assert "Traceback" not in wrong.stderr


def test_sql_from_a_file_and_from_stdin(run: Run, lake: Lake, tmp_path: Path) -> None:
    """A question may come from a file or a pipe, but not from two places."""
    (tmp_path / "q.sql").write_text("SELECT 7 AS n")
    assert rows(run("sql", "--file", "q.sql", "--lake", str(lake.path)).stdout) == [{"n": 7}]
    assert rows(run("sql", "--file", "-", "--lake", str(lake.path), stdin="SELECT 8 AS n").stdout) == [
        {"n": 8}
    ]
    assert run("sql", "SELECT 1", "--file", "q.sql").returncode == 2
    assert run("sql").returncode == 2


def test_sql_to_a_spreadsheet_is_harmless(run: Run, lake: Lake) -> None:
    """A formula in a user name reaches a spreadsheet as text."""
    query = "SELECT user_id, -1 AS n FROM events WHERE user_id LIKE '=%'"
    out = run("sql", query, "--output", "csv", "--lake", str(lake.path)).stdout
    assert out == "user_id,n\n'=cmd|' /C calc'!A0,-1\n".replace(
        "'=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""
    )


def test_a_missing_lake_says_how_to_make_one(run: Run) -> None:
    """Exit code 3, the place, and the next step."""
    gone = run("sql", "SELECT 1")
    assert gone.returncode == 3
    assert "tooltrail init" in gone.stderr


def test_query_settings_bound_a_question(run: Run, lake: Lake) -> None:
    """[query] max_rows cuts what is printed, and --limit comes before it."""
    lake_ = ("--lake", str(lake.path))
    assert len(rows(run("sql", "FROM range(9)", *lake_, TOOLTRAIL_QUERY_MAX_ROWS="3").stdout)) == 3
    assert (
        len(rows(run("sql", "FROM range(9)", "--limit", "5", *lake_, TOOLTRAIL_QUERY_MAX_ROWS="3").stdout))
        == 5
    )


def test_shell_goes_on_after_an_error(run: Run, lake: Lake) -> None:
    """Piped questions are all answered; the exit code tells a wrong one; a text or comment may hold a ;."""
    script = "SELECT ';' AS a, -- no; end\n 1 AS b;\nSELEC;\n.output csv\nSELECT 2 AS c; SELECT 3 AS d"
    out = run("shell", "--lake", str(lake.path), stdin=script)
    assert out.stdout.splitlines() == ['{"a":";","b":1}', "c", "2", "d", "3"]
    assert out.returncode == 1
    assert "error: " in out.stderr


def test_shell_commands(run: Run, lake: Lake) -> None:
    """The dot commands answer, wrong ones say so, and .quit leaves."""
    out = run("shell", "--lake", str(lake.path), stdin=".help\n.schema\n.output nope\n.nope\n.as-of 0\n"
              "SELECT count(*) AS n FROM events;\n.quit\nSELECT 1;\n")  # fmt: skip
    assert ".schema NAME" in out.stdout
    assert '"name":"tool_calls"' in out.stdout
    assert out.stdout.splitlines()[-1] == '{"n":0}'
    assert "there is no output 'nope'" in out.stderr


def test_history_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past questions name people: only their owner may read them."""
    from console.shell import history_file

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert stat.S_IMODE(history_file().stat().st_mode) == 0o600


def test_enter_waits_for_the_semicolon() -> None:
    """A question may span lines; Enter submits when it is complete."""
    from console.prompt import complete_input, completer

    assert all(complete_input(text) for text in ("", ".help", "SELECT 1;", "SELECT ';'; "))
    assert not any(complete_input(text) for text in ("SELECT 1", "SELECT ';", "SELECT 1; SELECT", "/* ;"))
    assert {"events", "tool_calls", "session_key", "who_called", "SELECT"} <= set(completer().words)


def test_timeline_tells_the_story(run: Run, lake: Lake) -> None:
    """Who, what was attempted, what was denied and why, what was reached, and the way around a denial."""
    out = run("timeline", SESSION, "--output", "table", "--lake", str(lake.path)).stdout
    for part in (
        "alice@example.com (verified)", "claude-code", "key-7 (static_key)",
        "4 attempted, 1 denied, 3 reached",
        "09:00:04.000  DENIED    get_file on github", "denied by policy engine: needs approval (policy p-12)",
        "denied, then reached: get_file was denied at 09:00:04", "␛[31m", "mailbox full␊sorry",
    ):  # fmt: skip
        assert part in out
    assert SECRET not in out
    assert "\x1b" not in out


@pytest.mark.parametrize("width", ["80", "120", "200"])
def test_timeline_fits_the_width(run: Run, lake: Lake, width: str) -> None:
    """The story is readable on any terminal."""
    out = run("timeline", SESSION, "--output", "table", "--lake", str(lake.path), COLUMNS=width).stdout
    assert max(map(len, out.splitlines())) <= int(width)


def test_timeline_by_key_prefix_and_for_machines(run: Run, lake: Lake) -> None:
    """A session is named by its raw id, its key or the beginning of one; machines get one row per event."""
    key = lake.session_key(SESSION)
    by_key, by_prefix, by_id = (
        run("timeline", name, "--lake", str(lake.path)).stdout for name in (key, key[:6].upper(), SESSION)
    )
    assert by_key == by_prefix == by_id
    marks = [row["mark"] for row in rows(by_key)]
    assert marks == [None, None, "denied", "denied, then reached", None]


def test_timeline_of_nobody(run: Run, lake: Lake) -> None:
    """A session that is not there is a usage error with a way to find those that are."""
    none = run("timeline", "no-such-session", "--lake", str(lake.path))
    assert none.returncode == 2
    assert "hint:" in none.stderr


def test_schema_needs_no_lake(run: Run) -> None:
    """What can be asked is told by the program itself."""
    names = {row["name"] for row in rows(run("schema").stdout)}
    assert {"events", "dead_letters", "gaps", "tool_calls", "denials", "client_events"} <= names
    columns = {row["column"]: row["type"] for row in rows(run("schema", "denials").stdout)}
    assert (columns["event_time"], columns["user_groups"], columns["tool_name"]) == (
        "time",
        "list of text",
        "text",
    )
    assert "CREATE MACRO" in run("schema", "reached", "--output", "table").stdout
    assert "did you mean events?" in run("schema", "event").stderr


def test_schema_for_a_person_fits(run: Run) -> None:
    """The page of columns is wrapped, with what a missing value means."""
    out = run("schema", "events", "--output", "table", COLUMNS="80").stdout
    assert max(map(len, out.splitlines())) <= 80
    assert "Null: the source did not say." in " ".join(out.split())


def test_init_makes_a_lake_with_a_starter_file(run: Run, tmp_path: Path) -> None:
    """A fresh lake answers questions at once; a second init refuses."""
    assert run("init").returncode == 0
    assert "# flush_rows = 120000" in (tmp_path / "lake" / "tooltrail.toml").read_text()
    assert rows(run("sql", "SELECT count(*) AS n FROM events").stdout) == [{"n": 0}]
    assert run("init").returncode == 2


def test_init_with_the_key_in_the_environment(run: Run, tmp_path: Path) -> None:
    """The key never lies beside the data, and a lake without it does not open."""
    assert run("init", "a", "--site-key-env", "MY_KEY").returncode == 2
    assert run("init", "b", "--site-key-env", "MY_KEY", MY_KEY="ab" * 32).returncode == 0
    assert not (tmp_path / "b" / "site.key").exists()
    assert run("sql", "SELECT 1", "--lake", "b").returncode == 2
    assert run("sql", "SELECT 1", "--lake", "b", MY_KEY="ab" * 32).returncode == 0


def test_config_show(run: Run, tmp_path: Path) -> None:
    """Every setting with its origin; a wrong file stops with its line."""
    (tmp_path / "my.toml").write_text("[kafka]\nsasl_password = 'hunter2'\n")
    out = run("config", "show", "--config", "my.toml", TOOLTRAIL_QUERY_THREADS="2").stdout
    shown = {row["setting"]: (row["value"], row["origin"]) for row in rows(out)}
    assert shown["kafka.sasl_password"] == ("set", "my.toml:2")
    assert shown["query.threads"] == ("2", "TOOLTRAIL_QUERY_THREADS")
    (tmp_path / "my.toml").write_text(
        '[alerts.soc]\nkind = "email"\nto = ["a@b.example"]\n[alerts.hook]\nkind = "webhook"\nurl = "https://hooks.example/T0/s3cret"\n'
    )
    out = run("config", "show", "--config", "my.toml").stdout
    assert "s3cret" not in out
    assert {r["setting"]: (r["value"], r["origin"]) for r in rows(out)}["alerts.soc.to"] == (
        "a@b.example",
        "my.toml:3",
    )
    (tmp_path / "my.toml").write_text('[schedule.x]\nreport = "weekly"\ncron = "never"\n')
    wrong = run("config", "show", "--config", "my.toml")
    assert (wrong.returncode, "my.toml:3: [schedule.x]" in wrong.stderr) == (2, True)
    (tmp_path / "my.toml").write_text("[kafka]\n\ntopic = 1\n")
    wrong = run("config", "show", TOOLTRAIL_CONFIG="my.toml")
    assert (wrong.returncode, "my.toml:3" in wrong.stderr) == (2, True)


def test_formats_list_and_show(run: Run) -> None:
    """Formats name how they are recognised; a typo gets the nearest."""
    assert "native" in {row["format"] for row in rows(run("formats", "list").stdout)}
    assert "it has event_time, event_kind" in run("formats", "show", "native").stdout
    assert "did you mean native?" in run("formats", "show", "nativ").stderr


def test_formats_try_shows_what_a_record_becomes(run: Run, story: Path) -> None:
    """The format and why, the columns, what would be a dead letter; secrets are out, nothing stored."""
    out = run("formats", "try", str(story), "--records", "9", "--output", "table").stdout
    assert "record 1: native (it has event_time, event_kind" in out
    assert "tool_name               get_file" in out
    assert "[REDACTED:github_token:" in out
    assert "would be a dead letter" in out
    assert "records tried: 7, would be rows: 6, would be dead letters: 1" in out
    tried = run("formats", "try", str(story), "--records", "9").stdout
    assert [row["format"] for row in rows(tried)] == ["native"] * 6 + [None]
    assert SECRET not in out + tried
    assert run("formats", "try", "none.jsonl").returncode == 3


def test_dead_letters_are_listed_and_shown(run: Run, lake: Lake) -> None:
    """A record that became no row can be found, with its place, and read."""
    letters = rows(run("deadletters", "list", "--lake", str(lake.path)).stdout)
    assert [(row["phase"], row["place"]) for row in letters] == [("detect", "story.jsonl:7")]
    out = run("deadletters", "show", letters[0]["id"], "--output", "table", "--lake", str(lake.path)).stdout
    assert "no record of any format" in out
    assert run("deadletters", "show", "ffff", "--lake", str(lake.path)).returncode == 2

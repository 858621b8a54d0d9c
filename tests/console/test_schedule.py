"""Reports on a schedule: each made once, whatever crashes; handed on until it has arrived; all of it written down."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lakes import ask, record, take_in

from console.schedule import attaching, runner
from console.schedule.runner import Runner
from console.schedule.settings import Schedule, read
from store.errors import TooltrailError, UsageError
from store.lake import Lake
from store.settings import Settings

MONDAY = datetime(2026, 10, 5, 7, 0, tzinfo=UTC)


def schedule(**given: Any) -> Schedule:
    """Return a schedule of Mondays at seven."""
    return Schedule(**{"name": "fleet", "report": "clients", "cron": "0 7 * * 1", **given})


def runs(lake: Lake, clock: list[datetime], settings: Settings | None = None) -> Runner:
    """Return a runner whose clock says what the list's only entry says."""
    return Runner(lake, settings or Settings(), now=lambda: clock[0])


def states(lake: Lake) -> list[tuple[Any, ...]]:
    """Return state and target of everything that was written down."""
    return ask(lake, "SELECT state, target FROM report_runs ORDER BY run_time")


@pytest.fixture
def lake(empty_lake: Path, tmp_path: Path) -> Lake:
    """Return an empty lake of this test's own."""
    return Lake.open(shutil.copytree(empty_lake, tmp_path / "lake"))


@pytest.fixture
def hook() -> Iterator[SimpleNamespace]:
    """Return a webhook that answers as told, then with 200."""
    state = SimpleNamespace(answers=[], took=[])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = state.answers.pop(0) if state.answers else 200
            if status == 200:
                state.took.append((dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


# --- when ---------------------------------------------------------------------------------------------------------


def test_a_run_is_made_when_it_is_due_and_once(lake: Lake, tmp_path: Path) -> None:
    """Not for the time before it was first seen, not twice, and again when it is due again."""
    clock = [MONDAY - timedelta(hours=1)]
    run, fleet = runs(lake, clock), schedule(folder=str(tmp_path / "out"))
    assert run.look(fleet) == "idle"
    clock[0] = MONDAY - timedelta(seconds=1)
    assert run.look(fleet) == "idle"
    clock[0] = MONDAY
    assert (run.look(fleet), run.look(fleet), runs(Lake.open(lake.path), clock).look(fleet)) == (
        "done",
        "idle",
        "idle",
    )
    clock[0] = MONDAY + timedelta(days=7, minutes=3)
    assert run.look(fleet) == "done"
    assert states(lake) == [
        ("registered", None), ("began", None), ("made", None), ("sent", "folder"),
        ("began", None), ("made", None), ("sent", "folder"),
    ]  # fmt: skip
    assert not any((lake.path / "outbox").iterdir())


def test_of_missed_runs_the_last_is_made(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four weeks off give one report, that says how many there were not."""
    clock = [MONDAY]
    run, fleet = runs(lake, clock), schedule(folder=str(tmp_path / "out"))
    run.look(fleet)
    clock[0] = MONDAY + timedelta(days=28, hours=5)
    assert (run.look(fleet), run.look(fleet)) == ("done", "idle")
    assert ask(lake, "SELECT due_time, missed FROM report_runs WHERE state = 'began'") == [
        (MONDAY + timedelta(days=28), 3)
    ]
    assert "3 earlier runs were missed" in capsys.readouterr().err


def test_two_processes_make_one(lake: Lake, tmp_path: Path) -> None:
    """The claim is a commit that only one can make, without a lock in common."""
    clock = [MONDAY - timedelta(hours=1)]
    one, fleet = runs(lake, clock), schedule(folder=str(tmp_path / "out"))
    one.look(fleet)
    clock[0] = MONDAY
    other = runs(Lake.open(lake.path), clock)
    assert other.ledger.claimed(fleet) == MONDAY - timedelta(hours=1)
    assert one.ledger.claim(fleet, MONDAY, 0) is not None
    assert other.ledger.claim(fleet, MONDAY, 0) is None


def test_a_crash_is_gone_on_from(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claimed and not made is made; made and not sent is sent as it was made; nothing is done twice."""
    clock = [MONDAY]
    fleet = schedule(folder=str(tmp_path / "out"))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(runner, "load", crash)
        with pytest.raises(KeyboardInterrupt):
            runs(lake, clock).once(fleet, again=False)
    with monkeypatch.context() as broken:
        broken.setattr(runner, "deliver", crash)
        with pytest.raises(KeyboardInterrupt):
            runs(lake, clock).once(fleet, again=False)
    take_in(lake, [record(1, client_name="later")])
    assert runs(lake, clock).once(fleet, again=False) == "done"
    assert [state for state, _ in states(lake)] == ["began", "made", "sent"]
    [page] = (tmp_path / "out").glob("fleet/*/clients.html")
    assert "later" not in page.read_text("utf-8")
    assert runs(lake, clock).once(fleet, again=False) == "idle"
    assert runs(lake, clock).once(fleet, again=True) == "done"
    assert "later" in page.read_text("utf-8")


def test_time_zones_and_changes_of_the_clock() -> None:
    """Seven in the morning is seven in Paris, before and after the clocks change; an hour that is not, is made up."""
    paris = schedule(cron="0 7 * * 1", timezone="Europe/Paris")
    assert paris.next(datetime(2026, 10, 20, tzinfo=UTC)) == datetime(2026, 10, 26, 6, 0, tzinfo=UTC)
    assert paris.due(datetime(2026, 10, 25, tzinfo=UTC)) == datetime(2026, 10, 19, 5, 0, tzinfo=UTC)
    night = schedule(cron="30 2 * * *", timezone="Europe/Paris")
    assert night.next(datetime(2026, 3, 29, 0, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


# --- where to -----------------------------------------------------------------------------------------------------


def test_a_folder_gets_the_files_and_an_index(lake: Lake, tmp_path: Path) -> None:
    """The index names what is there, the newest first, and leads to it."""
    clock, folder = [MONDAY], tmp_path / "out"
    take_in(lake, [record(1, client_name="cursor")])
    for _ in range(2):
        assert runs(lake, clock).once(schedule(folder=str(folder)), again=False) == "done"
        clock[0] += timedelta(days=7)
    index = (folder / "index.html").read_text("utf-8")
    first, second = (f"fleet/2026-10-{day}T0700/clients.html" for day in (12, "05"))
    assert 0 < index.index(first) < index.index(second)
    assert {f.name for f in (folder / first).parent.iterdir()} == {
        "clients.html", "clients.json", "clients.clients.csv"}  # fmt: skip
    told = json.loads((folder / first).with_suffix(".json").read_bytes())
    assert [row["client"] for row in told["tables"]["clients"]] == ["cursor"]


def test_mail_goes_by_tls_with_the_page_attached(lake: Lake, mails: SimpleNamespace) -> None:
    """A real server that wants STARTTLS and a password takes it; a repeat has the same Message-ID."""
    take_in(lake, [record(1, client_name="cursor\r\nBcc: evil@example.com")])
    run = runs(lake, [MONDAY], mails.settings)
    fleet = schedule(to=("grc@acme.example", "ciso@acme.example"), pdf=True)
    assert (run.once(fleet, again=False), run.once(fleet, again=True)) == ("done", "done")
    first, again = mails.took
    assert (first["To"], first["Bcc"]) == ("grc@acme.example, ciso@acme.example", None)
    assert first["Subject"] == "[Tooltrail] Clients that were seen"
    assert first["Message-ID"] == "<fleet-20261005T0700@tooltrail>"
    assert again["Message-ID"] != first["Message-ID"]
    names = [part.get_filename() for part in first.iter_attachments()]
    assert names == ["clients.html", "clients.pdf"]
    html, pdf = (part.get_content() for part in first.iter_attachments())
    assert "Content-Security-Policy" in html
    assert pdf.startswith(b"%PDF-")
    assert "clients seen: 1" in first.get_body().get_content()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"password": "wrong"}, "535"), ({"security": "none"}, "not sent in the clear"),
        ({"ca_file": None}, "CERTIFICATE_VERIFY_FAILED"), ({"port": 1}, "refused"), ({"host": None}, "no mail server"),
    ],
)  # fmt: skip
def test_mail_that_is_not_taken_is_a_failure_without_the_password(
    lake: Lake, mails: SimpleNamespace, change: dict[str, Any], reason: str
) -> None:
    """Why is written down; the password is not."""
    from dataclasses import replace

    settings = Settings(mail=replace(mails.settings.mail, **change))
    assert runs(lake, [MONDAY], settings).once(schedule(to=("grc@acme.example",)), again=False) == "failed"
    [(error,)] = ask(lake, "SELECT error FROM report_runs WHERE state = 'failed'")
    assert reason in error
    assert "right" not in error
    assert "wrong" not in error
    assert mails.took == []


def test_a_failure_is_tried_again_later_and_the_rest_is_not_repeated(
    lake: Lake, tmp_path: Path, hook: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder has it at once; the webhook after it failed twice, no sooner than the pause, under one key."""
    monkeypatch.setenv("HOOK_TOKEN", "t0ken")
    new_year = datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC)
    clock = [new_year - timedelta(days=1)]
    fleet = schedule(cron="0 0 1 1 *", folder=str(tmp_path / "out"), webhook=hook.url, token_env="HOOK_TOKEN")
    run = runs(lake, clock)
    run.look(fleet)
    clock[0] = new_year
    hook.answers = [503, 302]
    assert run.look(fleet) == "failed"
    run_time = ask(lake, "SELECT max(run_time) FROM report_runs")[0][0]
    clock[0] = run_time + timedelta(seconds=4)
    assert run.look(fleet) == "idle"
    clock[0] = run_time + timedelta(seconds=6)
    assert run.look(fleet) == "failed"
    clock[0] += timedelta(seconds=60)
    assert (run.look(fleet), run.look(fleet)) == ("done", "idle")
    [(headers, body)] = hook.took
    assert (headers["Idempotency-Key"], headers["Authorization"]) == (
        f"fleet-{new_year:%Y}0101T0000",
        "Bearer t0ken",
    )
    assert body["files"][1]["name"] == "clients.html"
    assert [s for s, target in states(lake) if target == "folder"] == ["sent"]


def test_what_never_works_is_given_up(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """After many failures a run is left; the next one is made all the same."""
    monkeypatch.setattr(runner, "MOST_FAILURES", 2)
    clock = [MONDAY]
    fleet = schedule(report="incident", folder="/nowhere")
    assert [runs(lake, clock).once(fleet, again=False) for _ in range(2)] == ["failed", "failed"]
    assert [state for state, _ in states(lake)] == ["began", "failed", "gave_up"]
    clock[0] += timedelta(days=7)
    assert runs(lake, clock).once(fleet, again=False) == "failed"


def test_a_bug_in_a_report_is_a_failure_that_quotes_no_log(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon goes on with the others; what is written down is the kind of bug."""

    def broken(_name: str) -> None:
        raise KeyError("s3cret of a log")

    monkeypatch.setattr(runner, "load", broken)
    assert runs(lake, [MONDAY]).once(schedule(folder=str(tmp_path)), again=False) == "failed"
    [(error,)] = ask(lake, "SELECT error FROM report_runs WHERE state = 'failed'")
    assert ("KeyError" in error, "s3cret" in error) == (True, False)


def test_a_held_lock_is_another_process_at_work(lake: Lake, tmp_path: Path) -> None:
    """The daemon leaves it alone; a command says so."""
    from store.locks import alone

    fleet = schedule(folder=str(tmp_path))
    with alone(lake, "schedule-fleet"):
        assert runs(lake, [MONDAY]).look(fleet) == "idle"
        with pytest.raises(TooltrailError, match="another run"):
            runs(lake, [MONDAY]).once(fleet, again=False)


# --- how it is told -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('report = "weekly"\ncron = "0 7 * *"\nfolder = "x"', 3, "five fields"),
        ('report = "weekly"\ncron = "61 7 * * 1"\nfolder = "x"', 3, "Bad minute"),
        ('report = "weeky"\ncron = "0 7 * * 1"', 2, "report is one of"),
        ('cron = "0 7 * * 1"\nreport = "weekly"\ntimezone = "Mars/Olympus"\nfolder = "x"', 4, "not known"),
        ('report = "weekly"\ncron = "0 7 * * 1"', 1, "a folder, recipients"),
        ('report = "weekly"\ncron = "0 7 * * 1"\nwebhook = "http://a:b@c/"', 4, "without a password"),
        ('report = "weekly"\ncron = "0 7 * * 1"\nto = "x@y"', 4, "list of texts"),
        ('report = "weekly"\ncorn = "0 7 * * 1"', 3, "unknown key 'corn'"),
        ('report = "weekly"\ntoken = "s3cret"', 3, "unknown key 'token'"),
        ('report = "weekly"\ndays = true', 3, "wrong type"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    """The file, the line, the section and the key."""
    file = tmp_path / "tooltrail.toml"
    file.write_text(f"[schedule.fleet]\n{text}\n")
    with pytest.raises(UsageError, match=reason) as caught:
        read(file)
    assert str(caught.value.where).startswith(f"{file}:{line}: [schedule.fleet]")
    assert "s3cret" not in str(caught.value)


def test_a_name_cannot_leave_its_folder(tmp_path: Path) -> None:
    """A schedule's name is a folder's."""
    file = tmp_path / "tooltrail.toml"
    file.write_text('[schedule."../x"]\nreport = "weekly"\ncron = "0 7 * * 1"\nfolder = "x"\n')
    with pytest.raises(UsageError, match="letters, digits"):
        read(file)


def test_tables_to_decide_by_go_along_until_they_are_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables of evidence stay in folders; those people decide by go by mail as far as there is room, in their order."""
    for name, size in (("q.html", 900), ("q.json", 60), ("q.grants.csv", 50), ("q.not_granted.csv", 60),
                       ("q.attempts.csv", 1)):  # fmt: skip
        (tmp_path / name).write_bytes(b"x" * size)
    files = sorted(tmp_path.iterdir())

    def names(*tables: str) -> tuple[list[str], list[str]]:
        goes, left = attaching.attached("q.html", files, tables)
        return [file.name for file in goes], [file.name for file in left]

    assert names() == (["q.html"], [])
    both = ("grants", "not_granted")
    assert names(*both) == (["q.html", "q.grants.csv", "q.not_granted.csv", "q.json"], [])
    monkeypatch.setattr(attaching, "TABLES", 100)
    assert names(*both) == (["q.html", "q.grants.csv"], ["q.not_granted.csv", "q.json"])
    told = attaching.told(attaching.attached("q.html", files, both)[1])
    assert told.startswith("Too large to be attached: q.not_granted.csv (60 bytes), q.json (60 bytes).")


def test_a_review_by_mail_has_what_a_reviewer_fills_in(lake: Lake, mails: SimpleNamespace) -> None:
    """The grants and the uses without one, as CSV and JSON, beside the page."""
    take_in(lake, [record(1)])
    review = schedule(report="review", to=("grc@acme.example",))
    assert runs(lake, [MONDAY], mails.settings).once(review, again=False) == "done"
    [mail] = mails.took
    kinds = {part.get_filename().split(".", 1)[1]: part for part in mail.iter_attachments()}
    assert list(kinds) == ["html", "grants.csv", "not_granted.csv", "json"]
    assert kinds["grants.csv"].get_content_type() == "text/csv"
    assert kinds["grants.csv"].get_content().startswith("item_id,")
    assert json.loads(kinds["json"].get_content())["report"] == "Entitlement review"
    assert "Too large" not in mail.get_body().get_content()

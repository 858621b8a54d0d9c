"""`tooltrail ingest otlp` as a process: killed, stopped, watched; what it prints and what it never prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker import free_port
from lakes import letters, one
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from otlp_harness import BAD, JSON, PROTOBUF, logs, post, wait_for

from store.lake import Lake

MAIN = "import sys; from console.cli import main; sys.exit(main())"
DIES_BEFORE_ANSWERING = """
import os, signal, sys
from console.cli import main
from ingest.otlp_commit import Committer

def die(self, letters):
    os.kill(os.getpid(), signal.SIGKILL)

Committer._answers = die
sys.exit(main())
"""
"""The program, killed at the worst moment: the commit is durable, and its sender does not know."""


class Running:
    """A receiver process."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.logs = f"http://127.0.0.1:{port}/v1/logs"
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines += self.process.stderr

    def wait_ready(self) -> None:
        """Wait until it listens."""
        assert self.process.stderr is not None
        wait_for(lambda: self.process.poll() is not None or _answers(self.logs))
        assert self.process.poll() is None

    def stop(self) -> str:
        """Ask it to end as a service manager does; return what it printed on stdout."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0
        self._reader.join(10)
        assert self.process.stdout is not None
        return self.process.stdout.read()


def _answers(url: str) -> bool:
    try:
        return post(url, b"", "text/plain").status in (401, 415)
    except OSError:
        return False


@contextmanager
def running(
    lake: Lake, *arguments: str, program: str = MAIN, port: int | None = None, **variables: str
) -> Iterator[Running]:
    """Run `tooltrail ingest otlp` while the block runs."""
    at = port or free_port()
    command = [sys.executable, "-c", program, "ingest", "otlp", "--lake", str(lake.path)]
    command += ["--listen", f"127.0.0.1:{at}", *arguments]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TOOLTRAIL_")} | variables
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    ) as process:
        found = Running(process, at)
        try:
            found.wait_ready()
            yield found
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.slow
def test_killed_between_commit_and_answer_nothing_is_doubled_or_lost(lake: Lake) -> None:
    """The SDK sends again what was never answered; rows and dead letters are there once each."""
    port = free_port()
    exporter = OTLPLogExporter(endpoint=f"http://127.0.0.1:{port}/v1/logs", timeout=30)
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=50))
    body = logs(20).SerializeToString()
    with running(lake, program=DIES_BEFORE_ANSWERING, port=port) as first:
        for number in range(30):
            provider.get_logger("x").emit(
                timestamp=1_790_000_000_000_000_000 + number, body="claude_code.user_prompt"
            )
        first.process.wait(30)
    for sent, kind in ((body, PROTOBUF), (BAD, JSON)):
        with running(lake, program=DIES_BEFORE_ANSWERING) as other, pytest.raises(OSError):  # noqa: PT011 - a lost answer
            post(other.logs, sent, kind)
    before = Lake.open(lake.path).snapshot("events").rows
    assert before >= 20 + 1
    with running(lake, port=port) as last:
        assert provider.force_flush(30_000)
        assert post(last.logs, body).status == 200
        assert b'"rejectedLogRecords":"1"' in post(last.logs, BAD, JSON).body
        last.stop()
    provider.shutdown()
    assert one(lake, "SELECT count(*) FROM events") == 50
    assert one(lake, "SELECT count(DISTINCT event_id) FROM events") == 50
    assert len(letters(lake)) == 1


def test_it_drains_and_sums_up_on_sigterm(lake: Lake) -> None:
    """SIGTERM ends it with exit code 0 and a summary in which every event is accounted for."""
    with running(lake, "--output", "json") as receiver:
        assert post(receiver.logs, logs(12).SerializeToString()).status == 200
        post(receiver.logs, BAD, JSON)
        post(receiver.logs, b"[", JSON)
        summary = json.loads(receiver.stop())
    assert (summary["in"], summary["rows"], summary["dead"], summary["replayed"]) == (14, 12, 2, 0)
    assert summary["answered"]["200"] == 2
    assert summary["answered"]["400"] == 1
    assert any("listening on http://127.0.0.1:" in line for line in receiver.lines)


def test_it_tells_how_it_stands_and_never_a_token(lake: Lake, tmp_path: Path) -> None:
    """Progress as JSON lines, metrics for Prometheus; tokens from file and environment, and nowhere else."""
    file = tmp_path / "tokens"
    file.write_text("token-of-the-file\n\ntoken-of-last-week\n")
    metrics = free_port()
    options = ("--json-logs", "--token-file", str(file), "--metrics-listen", f"127.0.0.1:{metrics}")
    with running(lake, *options, TOOLTRAIL_OTLP_TOKEN="token-of-the-environment") as receiver:
        for token in ("token-of-the-file", "token-of-last-week", "token-of-the-environment", "a-wrong-token"):
            reply = post(receiver.logs, logs(3).SerializeToString(), authorization=f"Bearer {token}")
            assert reply.status == (401 if "wrong" in token else 200)
        wait_for(lambda: any('"200": 3' in line for line in receiver.lines))
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as page:
            text = page.read().decode()
        out = receiver.stop()
    assert 'tooltrail_otlp_requests_total{code="200"} 3.0' in text
    assert 'tooltrail_events_total{outcome="rows"} 3.0' in text
    assert 'tooltrail_events_total{outcome="replayed"} 6.0' in text
    assert [json.loads(line) for line in receiver.lines][-1]["rows"] == 3
    assert "token-of" not in out + text + "".join(receiver.lines)
    assert "a-wrong-token" not in out + text + "".join(receiver.lines)


def test_an_empty_token_file_is_refused(lake: Lake, tmp_path: Path) -> None:
    """A file without a token would let in everyone, or no one: neither is guessed."""
    file = tmp_path / "tokens"
    file.write_text("\n")
    command = [
        sys.executable,
        "-c",
        MAIN,
        "ingest",
        "otlp",
        "--lake",
        str(lake.path),
        "--token-file",
        str(file),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert str(file) in ended.stderr

"""How long one waits for the report, the story and the timeline of one long session, from the command to the file.

    python -m bench.session_report [--events 1000 10000] [--rounds 3]

A session of so many calls on three servers, one in 37 denied, is taken in and stitched. Each command then runs as a
user runs it, in a process of its own. Printed are the quietest round's CPU seconds, all threads together and with the
imports, and its wall seconds, which on a busy machine are more.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics.stitching import job
from bench.leaks import take_in
from store.lake import Lake

_BEGIN = datetime(2026, 10, 5, 8, tzinfo=UTC)
_SESSION = "long-session"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per size and command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.session_report", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--events", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    print(f"{'events':>7}  {'command':10}  {'CPU s':>6}  {'wall s':>6}   load {os.getloadavg()[0]:.0f}")
    for events in chosen.events:
        with tempfile.TemporaryDirectory() as folder:
            lake = Lake.create(Path(folder) / "lake")
            take_in(lake, [_call(n) for n in range(events)])
            job.update(lake)
            for name, words in _commands(Path(folder)).items():
                cpu, wall = min(_run(words, lake.path) for _ in range(chosen.rounds))
                print(f"{events:7,}  {name:10}  {cpu:6.2f}  {wall:6.2f}", flush=True)
    return 0


def _commands(folder: Path) -> dict[str, list[str]]:
    return {
        "report": ["timeline", _SESSION, "--html", str(folder / "session.html")],
        "story": ["story", _SESSION, "--output", "table"],
        "timeline": ["timeline", _SESSION, "--output", "table"],
    }


def _run(words: Sequence[str], lake: Path) -> tuple[float, float]:
    """Return the CPU and wall seconds of a command."""
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "console.cli", *words, "--lake", str(lake)]
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - began, os.times()
    return after[2] + after[3] - before[2] - before[3], wall


def _call(number: int) -> bytes:
    chance = random.Random(number)  # noqa: S311 - the same calls every time
    denied = number % 37 == 5
    fields = {
        "event_time": (_BEGIN + timedelta(seconds=number)).isoformat(), "native_event_id": f"n{number}",
        "event_kind": "tool_call", "user_id": "ana", "client_name": "desk", "session_id": _SESSION,
        "server_name": ("crm", "billing", "files")[number % 3],
        "tool_name": ("get_customer", "list_invoices", "read_file", "send_message")[number % 4],
        "arguments": {"customer_id": f"cus_{chance.randrange(400):012d}", "page": number},
        "decision": "deny" if denied else "allow", "outcome": "denied" if denied else "success",
    }  # fmt: skip
    if denied:
        fields["decision_reason"] = "not granted"
    else:
        fields["result"] = {"id": f"cus_{chance.randrange(400):012d}", "mail": f"user{number}@acme.example"}
    return json.dumps(fields).encode()


if __name__ == "__main__":
    sys.exit(main())

"""`detect --follow`: findings of commits that land are printed, and a signal ends it in order."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import pytest
from lakes import record, take_in

from store.lake import Lake

RULE = """
title: Secret file
logsource: {product: mcp}
detection: {sel: {arguments.path|endswith: 7.txt}, condition: sel}
"""


@pytest.fixture
def lake(empty_lake, tmp_path):
    """Return an empty lake of the test's own: the story's is shared."""
    return Lake.open(shutil.copytree(empty_lake, tmp_path / "lake"))


def test_what_lands_is_found(lake, tmp_path):
    """What was there is evaluated first, then what is committed while it runs; nothing is told twice."""
    (tmp_path / "rule.yml").write_text(RULE)
    take_in(lake, [record(n) for n in range(10)])
    command = [sys.executable, "-m", "console.cli", "detect", "--follow", "--sigma", str(tmp_path),
               "--lake", str(lake.path), "--only", "sigma_secret_file"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            first = json.loads(running.stdout.readline())
            take_in(lake, [record(n) for n in range(10, 20)], first=10)
            second = json.loads(running.stdout.readline())
        finally:
            running.send_signal(signal.SIGTERM)
        rest, _ = running.communicate(timeout=60)
    assert (first["title"], second["title"]) == ("Secret file", "Secret file")
    assert first["finding_id"] != second["finding_id"]
    assert rest == b""
    assert running.returncode == 0

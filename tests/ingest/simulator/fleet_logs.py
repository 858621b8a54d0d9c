"""One simulated fleet for all tests of the simulator, and readers of its formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingest.simulator import SimulationOptions, simulate

_PAIR = re.compile(r'([\w.]+)=("(?:[^"\\]|\\.)*"|\S+)')


@cache
def _lines(folder: Path) -> list[bytes]:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir())).splitlines()


@cache
def _records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) if line[:1] == b"{" else text_line(line) for line in _lines(folder)]


@dataclass(frozen=True)
class Logs:
    """A simulation's folder with its truth."""

    folder: Path
    truth: dict[str, Any]

    def lines(self, name: str) -> list[bytes]:
        """Return a format's lines in the order of its files."""
        return _lines(self.folder / name)

    def records(self, name: str) -> list[dict[str, Any]]:
        """Return a format's lines as objects, agentgateway's text lines as their pairs."""
        return _records(self.folder / name)

    def incidents(self, kind: str) -> list[dict[str, Any]]:
        """Return the planted incidents of a kind."""
        return [incident for incident in self.truth["incidents"] if incident["kind"] == kind]


def text_line(line: bytes) -> dict[str, Any]:
    """Read one of agentgateway's text lines: time, level, then pairs."""
    moment, level, rest = line.decode().split("\t")
    assert level == "info"
    assert rest.startswith("request ")
    pairs = {key: json.loads(value) if value[0] == '"' else value for key, value in _PAIR.findall(rest)}
    return {"time": moment, **pairs}


def client_records(logs: Logs) -> Iterator[dict[str, Any]]:
    """Return Claude Code's records as plain attributes."""
    for request in logs.records("claude_code"):
        for record in request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
            yield {item["key"]: next(iter(item["value"].values())) for item in record["attributes"]}


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """Simulate 10,000 records over a week, in every format."""
    folder = tmp_path_factory.mktemp("fleet")
    simulate(folder, SimulationOptions(events=10_000, seed=5))
    return Logs(folder, json.loads((folder / "truth.json").read_text()))

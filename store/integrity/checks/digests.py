"""Hourly digests that were kept elsewhere, against the log as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from store.errors import IntegrityError
from store.integrity.checks.report import Report
from store.integrity.digest import hours
from store.integrity.log import Log


def check_digests(log: Log, files: Sequence[Path], report: Report) -> None:
    """Compare each line of each file with the hour it is about."""
    if not files:
        return
    try:
        known = {hour.hour: asdict(hour) for hour in hours(log)}
    except IntegrityError as error:
        report.fault("digest", error.where or log.folder, error.message)
        return
    for file in files:
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
            if line.strip():
                _compare(f"{file}:{number}", line, known, report)


def _compare(where: str, line: str, known: dict[str, dict[str, object]], report: Report) -> None:
    try:
        told = json.loads(line)
        hour, size = str(told["hour"]), int(told["size"])
    except (ValueError, KeyError, TypeError):
        report.fault("digest", where, "this is no line of `tooltrail digest --output ndjson`")
        return
    report.covered["digests"] += 1
    now = known.get(hour)
    if now is None:
        report.fault("digest", where, f"the log has no such hour as {hour}", size - 1)
    elif told != now:
        other = sorted(key for key in told.keys() | now.keys() if told.get(key) != now.get(key))
        report.fault("digest", where, f"the hour {hour} is another in the log: {', '.join(other)}", size - 1)

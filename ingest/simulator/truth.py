"""The answer sheet: what was planted, when, by whom, and in which records it can be found."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass
class Incident:
    """One planted incident; `records` are filled in while the files are written."""

    kind: str
    when: str
    user: str
    client: str
    what: str
    credential: str | None = None
    credential_in: dict[str, str] = field(default_factory=dict)
    address: str | None = None
    victim: str | None = None
    revoked_at: str | None = None
    values: list[str] = field(default_factory=list)
    session_ids: list[str] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)


class Truth:
    """Collects the incidents of a run and writes truth.json; calls with two witnesses go to `calls` one by one."""

    def __init__(self, incidents: list[Incident], calls: IO[str] | None = None) -> None:
        self.incidents = incidents
        self.calls = calls

    def same_call(self, tool_call_id: str, name: str, record_id: str) -> None:
        """Add that a gateway's record tells of the client's call of this id."""
        if self.calls is not None:
            self.calls.write(
                json.dumps({"tool_call_id": tool_call_id, "format": name, "id": record_id}) + "\n"
            )

    def note(self, incident: int, record: dict[str, Any], line: bytes | None, session_id: str | None) -> None:
        """Add one record of an incident; `line` is the whole line of the file where it is one record."""
        planted = self.incidents[incident]
        if line is not None:
            record["raw_sha256"] = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
        record["session_id"] = session_id
        planted.records.append(record)
        if session_id and session_id not in planted.session_ids:
            planted.session_ids.append(session_id)

    def write(self, path: Path, about: dict[str, Any], id_fields: dict[str, str]) -> None:
        """Write the answer sheet, incidents and records in time order."""
        for planted in self.incidents:
            planted.records.sort(key=lambda record: (record["time"], record["format"], record["id"]))
        ordered = sorted(self.incidents, key=lambda planted: (planted.when, planted.kind))
        sheet = {
            "about": about,
            "id_fields": id_fields,
            "incidents": [{"number": number, **asdict(planted)} for number, planted in enumerate(ordered, 1)],
        }
        path.write_text(json.dumps(sheet, indent=1) + "\n", encoding="utf-8")

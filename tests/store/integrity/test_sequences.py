"""Producers that number their events tell which never came."""

from __future__ import annotations

import json

from lakes import ask, record, rows_of, take_in

from store.integrity.verify import Options, verify
from store.lake import Lake


def numbered(session: str, numbers: list[int], place: int) -> list[dict[str, object]]:
    """Return rows of a session that Claude Code numbered."""
    return [
        {
            "source_format": "claude_code", "session_key": session, "source_topic": session, "source_offset": place + n,
            "event_id": f"{place + n:032x}", "unmapped": json.dumps({"/attributes/event.sequence": n}),
        }
        for n in numbers
    ]  # fmt: skip


def test_numbers_that_never_came_are_told(lake: Lake) -> None:
    """A session without holes is not told of, nor one whose numbering began before it, nor events without numbers."""
    lake.append("events", rows_of(*numbered("a" * 32, [1, 2, 5, 9], 0), *numbered("b" * 32, [7, 8, 9], 100)))
    take_in(lake, [record(0)])
    assert ask(lake, "SELECT session_key, first_number, last_number, came, missing FROM sequence_gaps") == [
        ("a" * 32, 1, 9, 4, 5)
    ]
    report = verify(lake, Options())
    assert report.faults == []
    assert ["5 events that Claude Code numbered in 1 sessions" in text for text in report.uncovered][:1] == [
        True
    ]

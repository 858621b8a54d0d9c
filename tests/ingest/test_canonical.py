"""What an event is, where its format says it in pieces."""

from __future__ import annotations

import pytest
from lakes import one, record, take_in

from store.lake import Lake


@pytest.mark.parametrize(
    ("told", "event_class"),
    [
        ({"decision": "deny", "outcome": None}, "denial"),
        ({"decision": None, "outcome": "denied"}, "denial"),
        ({"decision": "allow", "outcome": "tool_error"}, "tool_call"),
        ({"decision": None, "outcome": None}, "tool_call"),
    ],
)
def test_a_call_that_was_refused_is_a_denial(
    lake: Lake, told: dict[str, str | None], event_class: str
) -> None:
    """Whether a gateway states its decision or only how the call ended; an error is no refusal."""
    take_in(lake, [record(**told)])
    assert one(lake, "SELECT event_class FROM events") == event_class

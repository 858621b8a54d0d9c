"""A timeline for a person: calls told once, with who saw them and where their data came from."""

import shutil
from pathlib import Path

import pytest
from lakes import record, take_in

from analytics.ladder import ladder
from console.timeline import timeline_lines
from store.lake import Lake

ID = "cus_4711471147"


@pytest.fixture
def fresh(empty_lake: Path, tmp_path: Path) -> Lake:
    """Return an empty lake: the one of this folder's other tests is only read."""
    return Lake.open(shutil.copytree(empty_lake, tmp_path / "lake"))


def test_the_terminal_tells_a_call_once_unless_asked_for_every_witness(fresh):
    """One line for a call that several saw; with witnesses, one for each."""
    seen = {"tool_call_id": "toolu_1", "tool_name": "get", "server_name": "crm", "arguments": {"id": ID}}
    records = [
        record(0, native_event_id="a", vantage="client", source_system="desk", **seen),
        record(0, native_event_id="b", vantage="gateway", source_system="gate", **seen),
    ]
    take_in(fresh, records)
    found = ladder(fresh, "session-1")
    once, each = ("\n".join(timeline_lines(found, 100, witnesses=every)) for every in (False, True))
    assert (once.count("get on crm"), each.count("get on crm")) == (1, 2)
    assert "seen by 2 witnesses: client, gateway" in once
    assert "the same call, as the client saw it" in each


def test_where_data_came_from_and_by_which_way_it_can_leave(fresh):
    """Values of a result are named in the call that holds them, and so is a call by which they can leave."""
    take_in(
        fresh,
        [
            record(0, tool_name="get", outcome="success", result={"id": ID}),
            record(1, tool_name="send_email", outcome="success", arguments={"body": ID}),
        ],
    )
    told = "\n".join(timeline_lines(ladder(fresh, "session-1"), 100))
    assert "1 value from the result of get at 12:00:00" in told
    assert "leaves by mail: values of earlier results are in it" in told

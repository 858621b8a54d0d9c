"""What a detection sees is what it names."""

from __future__ import annotations

from dataclasses import replace

from analytics.detecting import catalog, world

ANY = next(iter(catalog.load().values()))


def test_only_named_columns_are_read() -> None:
    """A column is read when a detection names it, in whatever case, in its SQL, header or sentence; else it is not."""
    quiet = replace(ANY, sql="SELECT Policy_ID FROM events", explain="by {model_name}", requires=("issuer",))
    columns = set(world.columns_for([quiet]))
    assert {"policy_id", "model_name", "issuer", "event_id", "event_time", "user_id"} <= columns
    assert "conversation_id" not in columns


def test_a_function_may_ask_for_every_column() -> None:
    """What a detection in Python will ask for cannot be read off it: all columns are there."""
    assert world.columns_for([replace(ANY, find=lambda *_: None)]) == world.COLUMNS

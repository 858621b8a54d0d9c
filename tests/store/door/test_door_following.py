"""The door goes by its configuration as it is at each question."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import guarded
from lakes import ask

from store.door.connection import open_door
from store.door.door import Caller, Question
from store.errors import DeniedError
from store.lake import Lake

ROLE = '[roles.all]\nviews = ["events"]\n[people]\n'


def test_a_grant_taken_away_is_gone_with_the_next_question(tmp_path: Path) -> None:
    """So is one that is given; a file that is wrong, or gone, lets nobody in until it is mended; all is recorded."""
    lake = guarded.make(tmp_path / "lake", "a")
    file, said = tmp_path / "lake" / "tooltrail.toml", list[str]()
    file.write_text(f'{ROLE}"{getpass.getuser()}" = ["all"]\n')
    door = open_door(lake, say=said.append)
    caller, question = (
        Caller.of(os.getuid(), "test"),
        Question("SELECT count(*) AS n FROM events", "all", "CASE-1"),
    )

    def asked() -> str:
        try:
            return str(door.ask(caller, question).rows)
        except DeniedError as error:
            return error.reason

    assert asked() == "1"
    file.write_text(ROLE)
    assert asked() == "you do not have this role"
    file.write_text(f'{ROLE}"*" = ["al"]\n')
    assert asked() == "the configuration of this door is broken"
    file.write_text(f'{ROLE}"*" = ["all"]\n[roles.all.filter]\nevents = "no_such_column = 1"\n')
    assert asked() == "the configuration of this door is broken"
    file.unlink()
    assert asked() == "you do not have this role"
    file.write_text(f'{ROLE}"*" = ["all"]\n[access]\nreason_pattern = "CASE-[2-9]"\n')
    assert asked() == "the reason is not of the form that is required"
    file.write_text(f'{ROLE}"*" = ["all"]\n')
    assert asked() == "1"
    assert [text.split(":")[0] for text in said] == [
        "the configuration was read again", "nobody is let in until the configuration is mended",
        "nobody is let in until the configuration is mended", *["the configuration was read again"] * 3,
    ]  # fmt: skip
    assert f"{file}:4" in said[1]
    rows = ask(Lake.open(lake.path), "SELECT outcome, count(*) FROM access_log GROUP BY ALL ORDER BY ALL")
    assert rows == [("answered", 2), ("denied", 5)]

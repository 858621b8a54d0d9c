"""The guarded door for the console: one question through it, and the service itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from console.exits import say
from console.options import Place
from console.output import Output

if TYPE_CHECKING:
    from store.door.door import Door, Question


def ask(place: Place, socket: Path | None, question: Question, output: Output) -> int:
    """Answer a question on stdout; say on stderr where its record is. Returns the number of rows."""
    if socket is not None:
        from store.door import wire

        answer = wire.ask(socket, question)
    else:
        from store.door.door import Caller

        answer = _open(place).ask(Caller.this("command"), question)
    said = ", ".join(f"{table} version {version}" for table, version in sorted(answer.versions.items()))
    say(f"answered from {said or 'no table'}; recorded as {answer.access_id}")
    if answer.cut:
        say(f"(cut at {answer.rows:,} rows, the limit of the role)")
    return output.write(answer)


def serve(place: Place, socket: Path | None) -> None:
    """Answer questions until stopped; every role is tried on an empty lake first."""
    from store.door import policy
    from store.door.restricted import check_role
    from store.door.serving import Service
    from store.settings import find_file

    chosen = place.settings().access
    known = policy.read(find_file(place.path, place.config))
    for role in known.roles.values():
        check_role(role)
    path = socket or chosen.socket or place.path.absolute() / "door.sock"
    service = Service(_open(place, ahead=True), path, group=chosen.group, questions=chosen.max_questions)
    say(f"the door is open at {path}: {len(known.roles)} roles, {len(known.people)} people; Ctrl-C closes it")
    try:
        service.serve_forever()
    finally:
        service.server_close()


def _open(place: Place, *, ahead: bool = False) -> Door:
    from ingest.redact import Redactor
    from store.door.connection import open_door

    lake = place.open()
    redactor = Redactor(lake.site_key)
    return open_door(
        lake, place.config, ahead=ahead, clean=lambda text: str(redactor.text(text).text), say=say
    )

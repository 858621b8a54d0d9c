"""The door from Python: in this process for whoever owns the lake, or over the socket for everyone else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from store.door import wire
from store.door.answer import Answer
from store.door.door import Caller, Door, Question
from store.door.following import Following
from store.lake import AsOf, Lake


def _silent(_text: str) -> None:
    return


@dataclass(frozen=True)
class Connection:
    """Asks in one role and for one reason; each question is recorded."""

    role: str
    why: str | None
    _ask: Callable[[Question], Answer]

    def sql(self, statement: str, as_of: AsOf = None) -> Answer:
        """Answer one SELECT over the role's views.

        Raises DeniedError for what is not allowed, StoppedError at a limit of the role, UsageError for a wrong
        question.
        """
        when = as_of.isoformat() if isinstance(as_of, datetime) else as_of
        return self._ask(Question(statement, self.role, self.why, as_of=None if when is None else str(when)))


def connect(
    lake: str | Path | None = None, *, role: str, why: str | None = None, socket: str | Path | None = None
) -> Connection:
    """Return a connection through the door of a lake: by its socket, or else by opening the lake.

    The lake's tooltrail.toml (or TOOLTRAIL_CONFIG) says who has which roles.
    """
    if socket is not None:
        path = Path(socket)
        return Connection(role, why, lambda question: wire.ask(path, question))
    door = open_door(Lake.open(lake if lake is not None else "lake"))
    return Connection(role, why, lambda question: door.ask(Caller.this("python"), question))


def open_door(
    lake: Lake,
    config: Path | None = None,
    *,
    ahead: bool = False,
    clean: Callable[[str], str] = str,
    say: Callable[[str], None] = _silent,
) -> Door:
    """Return the door of a lake in this process, with the roles and people its configuration has at each question.

    `say` is told when the configuration was read again, and what is wrong with it.
    """
    followed = Following(lake.path, config, say)
    first = followed.now()
    threads = followed.settings.query.threads
    return Door(
        lake, first.policy, first.access, threads=threads, ahead=ahead, clean=clean, rules=followed.now
    )

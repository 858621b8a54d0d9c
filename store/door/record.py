"""The access log: one row for each question, written before its answer is given out."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from store.keys import Hmac
from store.tables.access import ACCESS_LOG

if TYPE_CHECKING:
    from store.lake import Lake

OUTCOMES = ("answered", "denied", "failed", "killed")


@dataclass(frozen=True)
class Access:
    """A row of `access_log`."""

    access_id: str
    asked_time: datetime
    os_user: str
    os_uid: int
    stated: str | None
    via: str
    role: str
    why: str | None
    statement: str
    statement_digest: str
    outcome: str
    reason: str | None
    events_version: int | None
    versions: str | None
    rows: int | None
    result_digest: str | None
    duration_ms: int
    access_date: date = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "access_date", self.asked_time.astimezone(UTC).date())


def keep(lake: Lake, accesses: Sequence[Access]) -> None:
    """Make rows of the access log durable, in one commit."""
    lake.append(
        ACCESS_LOG.name, pa.Table.from_pylist([asdict(access) for access in accesses], ACCESS_LOG.schema)
    )


@dataclass
class _Waiting:
    access: Access
    done: bool = False
    error: BaseException | None = None


class Recorder:
    """Makes records durable one commit after another; those that come during one share the next."""

    def __init__(self, keep: Callable[[Sequence[Access]], None]) -> None:
        self._keep = keep
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()
        self._commit = threading.Lock()

    def record(self, access: Access) -> None:
        """Return when the record is durable; raises what kept it from being so."""
        mine = _Waiting(access)
        with self._lock:
            self._waiting.append(mine)
        with self._commit:
            if not mine.done:
                self._commit_all()
        if mine.error is not None:
            raise mine.error

    def _commit_all(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        error: BaseException | None = None
        try:
            self._keep([waiting.access for waiting in batch])
        except BaseException as raised:  # noqa: BLE001 - whoever waits is told
            error = raised
        for waiting in batch:
            waiting.done, waiting.error = True, error


# --- a statement without what was written into it -----------------------------------------------------------------

_WORD = re.compile(r"[A-Za-z_]\w*")
_KEPT = 8192


def tokenised(statement: str, key: Hmac) -> str:
    """Return a statement with each literal, and each name that is not the lake's own, as a keyed token.

    Equal values have equal tokens, so that it can be seen that two people asked for the same one. Comments are left
    out. What sqlglot cannot cut into tokens is not kept at all.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    from store.door.statement import LONGEST

    if len(statement) > LONGEST:
        return f"[too long: {len(statement)} characters]"
    try:
        tokens = sqlglot.tokenize(statement, read="duckdb")
    except (SqlglotError, ValueError, RecursionError):
        return f"[unreadable: {len(statement)} characters]"
    parts = [_shown(token, key) for token in tokens]
    return " ".join(parts)[:_KEPT]


def _shown(token: Any, key: Hmac) -> str:
    text = str(token.text)
    if token.token_type.name not in _VALUES and (text.upper() in _keywords() or text.lower() in ordinary()):
        return text
    kind = "name" if _WORD.fullmatch(text) and token.token_type.name not in _VALUES else "value"
    return f"[{kind}:{key.digest(text.encode(errors='replace'))[:12]}]"


_VALUES = frozenset({
    "STRING", "NUMBER", "RAW_STRING", "HEREDOC_STRING", "UNICODE_STRING", "NATIONAL_STRING", "BYTE_STRING",
    "BIT_STRING", "HEX_STRING",
})  # fmt: skip


@cache
def _keywords() -> frozenset[str]:
    from sqlglot.dialects.duckdb import DuckDB

    tokenizer = DuckDB.tokenizer_class
    return frozenset({*tokenizer.KEYWORDS, *tokenizer.SINGLE_TOKENS})


@cache
def ordinary() -> frozenset[str]:
    """Return the names that say nothing of a case: of the lake's views and columns, and of functions."""
    from store.door.policy import columns, relations
    from store.door.statement import functions

    known = functions()
    return frozenset(columns() | relations() | known.plain | known.tables | known.refused)

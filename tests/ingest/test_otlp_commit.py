"""Group commit without HTTP: positions, what is known again, and a crash between the two commits of a flush."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from lakes import ask, letters, one
from otlp_harness import logs

from ingest.loop import IngestOptions, Pipeline
from ingest.otlp_commit import CommitOptions, Committer
from ingest.otlp_export import Answer, Export
from ingest.otlp_proto import log_records
from store.errors import UsageError
from store.lake import Lake

BAD = [b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"flags":{"a":%d}}]}]}]}' % i for i in range(4)]


def committer(lake: Lake, name: str = "default") -> Committer:
    """Return a committer as a process has it that has just started."""
    fresh = Lake.open(lake.path)
    return Committer(
        fresh, lambda: Pipeline(fresh, IngestOptions()), CommitOptions(name, 0.0), lambda _: None
    )


def commit(chosen: Committer, *requests: Sequence[bytes] | tuple[bytes, str]) -> list[Answer]:
    """Hand in requests that share one commit; return what each is answered."""
    exports = [
        Export(unreadable=r) if isinstance(r, tuple) else Export(r) for r in requests  # type: ignore[arg-type]
    ]  # fmt: skip
    for export in exports:
        chosen.offer(export)
    while not all(export.answer.done() for export in exports):
        chosen._commit(chosen._collect())
    return [export.answer.result() for export in exports]


def good(count: int, first: int = 0) -> list[bytes]:
    """Return log records that become rows."""
    return log_records(logs(count, first).SerializeToString())


def test_positions_go_on_where_the_table_ends(lake: Lake) -> None:
    """Records are counted through restarts, one position each, in an order without holes."""
    for start in range(0, 9, 3):
        commit(committer(lake), good(3, start))
    assert ask(lake, "SELECT source_topic, source_offset, sub_index FROM events ORDER BY ALL") == [
        ("otlp/default", position, 0) for position in range(9)
    ]


def test_rows_and_letters_are_known_after_a_restart(lake: Lake) -> None:
    """What is sent again to a new process is counted as replayed; its letters are counted in the answer again."""
    requests = [*good(2), BAD[0]], [BAD[1]]
    broken = (b"[", "not JSON")
    first = commit(committer(lake), *requests, broken)
    chosen = committer(lake)
    again = commit(chosen, *requests, broken)
    assert [a.rejected for a in first] == [a.rejected for a in again] == [1, 1, 1]
    assert "flags" in first[0].reason
    assert (chosen.pipeline.counts.records, chosen.pipeline.counts.replayed) == (5, 5)
    assert (one(lake, "SELECT count(*) FROM events"), len(letters(lake))) == (2, 3)


def test_a_crash_between_letters_and_rows(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters that became durable without their rows are known, and their positions are used for nothing else."""
    dying = committer(lake)
    with monkeypatch.context() as patched:

        def crash(*_: Any) -> int:
            raise MemoryError

        patched.setattr(Pipeline, "_write_rows", crash)
        with pytest.raises(MemoryError):
            commit(dying, [*good(3), BAD[0]])
    assert (one(lake, "SELECT count(*) FROM events"), len(letters(lake))) == (0, 1)
    chosen = committer(lake)
    other, same = commit(chosen, [BAD[1], *good(2, 10)], [*good(3), BAD[0]])
    assert (other.rejected, same.rejected) == (1, 1)
    assert one(lake, "SELECT count(*) FROM events") == 5
    found = letters(lake)
    assert sorted(letter["raw"] for letter in found) == BAD[:2]
    assert len({(letter["source_offset"], letter["sub_index"]) for letter in found}) == 2


def test_names_that_cannot_be(lake: Lake) -> None:
    """A name with a colon would make places of records a part of what they are: it is refused."""
    for name in ("a:b", "", "a/b", "é"):
        with pytest.raises(UsageError, match="listener"):
            committer(lake, name)


def test_each_name_counts_for_itself(lake: Lake) -> None:
    """Two receivers with names of their own write to one lake without fencing each other."""
    one_, other = committer(lake, "a"), committer(lake, "b")
    for number in range(3):
        commit(one_, good(2, 4 * number))
        commit(other, good(2, 4 * number + 2))
    found = ask(
        lake, "SELECT source_topic, count(*), max(source_offset) FROM events GROUP BY ALL ORDER BY ALL"
    )
    assert found == [("otlp/a", 6, 5), ("otlp/b", 6, 5)]

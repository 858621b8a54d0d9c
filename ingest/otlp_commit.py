"""Group commit: the requests of many OTLP senders become durable together, and only then is each answered.

OTLP has no offsets. The stream of a listener is counted here, one position for each record, going on from the
table's own transaction. Positions say where a record stands; what keeps a request that is sent again from being
taken in twice is what it holds: a row's identity is made of its record's bytes (the topic has no colon, see
ingest/rows.py), and dead letters are remembered by theirs. A letter that comes again is read at its old position,
where the pipeline knows it.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from ingest.deadletters import DeadLetter, lately
from ingest.delivery import Batch, Stream, Unreadable
from ingest.loop import Flushed, Pipeline
from ingest.otlp_export import Answer, Export, NotDurableError
from store.errors import FencedError, UnreachableError, UsageError
from store.lake import Lake

REMEMBERED = 100_000
"""How many dead letters of the listener are known again when they come a second time."""

_TICK = 0.2
_COMPANY = 0.01
"""Seconds a request waits for those sent at the same moment when no commit was made lately."""

_MAX_FENCES = 20
_RETRY_SECONDS = 5.0
_REASON = 300
_ENDED = "the receiver has stopped"

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
"""Names of listeners. A colon would make the record's place a part of its identity (ingest/rows.py)."""

Key = tuple[bytes, int]


@dataclass(frozen=True)
class CommitOptions:
    """Under which name the listener counts, and how far commits are apart: what comes meanwhile shares one."""

    listener: str = "default"
    interval: float = 0.5


class Committer:
    """Takes exports from any thread; one thread runs it."""

    def __init__(
        self,
        lake: Lake,
        pipeline: Callable[[], Pipeline],
        options: CommitOptions,
        say: Callable[[str], None],
    ) -> None:
        if not _NAME.fullmatch(options.listener):
            raise UsageError(
                f"otlp.listener cannot be {options.listener!r}",
                hint="letters, digits, dots, dashes, underscores",
            )
        self.stream = Stream(f"otlp/{options.listener}", 0, f"otlp/{options.listener}")
        self.trouble: UnreachableError | None = None
        self.version: int | None = None
        self.committed: float | None = None
        self._lake = lake
        self._new_pipeline = pipeline
        self._interval = options.interval
        self._say = say
        self._queue: queue.SimpleQueue[Export] = queue.SimpleQueue()
        self._letters: dict[Key, int] = {}
        self._next = 0
        self._began: list[int] = []
        self._known: list[int] = []
        self._started = 0.0
        self._retry_at = 0.0
        self._ended = False
        self.pipeline = pipeline()
        self._learn()

    def offer(self, export: Export) -> None:
        """Hand in a request; its `answer` is given once it is durable, or NotDurableError."""
        self._queue.put(export)
        if self._ended:
            self._refuse_waiting(_ENDED)

    def run(self, over: threading.Event) -> None:
        """Commit until `over` is set, which is when nobody waits for an answer any more."""
        group: list[Export] = []
        try:
            while not over.is_set():
                if self.trouble is not None:
                    self._recover()
                    continue
                group = self._collect()
                if group:
                    self._commit(group)
        except BaseException:
            _refuse(group, _ENDED)
            raise
        finally:
            self._ended = True
            self._refuse_waiting(_ENDED)

    def hurry(self) -> None:
        """Wait for nobody any more: senders are being let go."""
        self._interval = 0.0

    # --- one commit ---

    def _collect(self) -> list[Export]:
        """Take in what comes until a commit is due, and then what waits already; returns the requests."""
        try:
            group = [self._queue.get(timeout=_TICK)]
        except queue.Empty:
            return []
        due = max(time.monotonic() + _COMPANY, self._started + self._interval)
        self._began, self._known = [], []
        self._add(group[0])
        waiting: int | None = None
        while not self.pipeline.is_full():
            left = due - time.monotonic() if self._interval else 0.0
            if left <= 0:
                waiting = self._queue.qsize() if waiting is None else waiting - 1
                if waiting <= 0:
                    break
            with suppress(queue.Empty):
                export = self._queue.get(timeout=max(0.0, min(_TICK, left)))
                group.append(export)
                self._add(export)
        self._started = time.monotonic()
        return group

    def _commit(self, group: list[Export]) -> None:
        try:
            flushed = self._flush(group)
        except UnreachableError as error:
            self._say(f"the lake cannot be written, senders are told to wait: {error}; still trying")
            self.trouble, self._retry_at = error, time.monotonic() + _RETRY_SECONDS
            _refuse(group, "the lake cannot be written")
            return
        self.version, self.committed = flushed.version, time.monotonic()
        letters = flushed.letters.get(self.stream, ())
        for letter in letters:
            self._remember(_key(letter), int(letter.row["source_offset"]))
        for export, answer in zip(group, self._answers(letters), strict=True):
            with suppress(Exception):  # a sender that has gone has cancelled it
                export.answer.set_result(answer)

    def _flush(self, group: list[Export]) -> Flushed:
        for _ in range(_MAX_FENCES):
            try:
                return self.pipeline.flush()
            except FencedError as error:
                self._say(f"another receiver counts as {self.stream.topic}: {error}")
                self._renew()
                self._began, self._known = [], []
                for export in group:
                    self._add(export)
        raise FencedError(
            "another receiver keeps taking over",
            where=self.stream.topic,
            hint="give each process a name of its own: --listener or otlp.listener",
        )

    def _answers(self, letters: Sequence[DeadLetter]) -> list[Answer]:
        """Tell, for each request, how many of its records are dead letters, and why the first of them."""
        counts, reasons = list(self._known), [""] * len(self._known)
        for letter in letters:
            index = bisect_right(self._began, int(letter.row["source_offset"])) - 1
            counts[index] += 1
            reasons[index] = reasons[index] or str(letter.row["error"])[:_REASON]
        return [Answer(count, reason) for count, reason in zip(counts, reasons, strict=True)]

    # --- positions ---

    def _learn(self) -> None:
        """Start from what the table holds: its position, and the dead letters that came lately."""
        self.pipeline.resume(self.stream)
        name = self.stream.transaction
        reached = [self._lake.position(table, name)[0] for table in ("events", "dead_letters")]
        self._next = max(-1 if last is None else last for last in reached) + 1
        self._letters = lately(self._lake, self.stream, REMEMBERED)

    def _renew(self) -> None:
        """Go on with a new pipeline, which reads what is in the lake: a commit that failed may have been made."""
        fresh = self._new_pipeline()
        fresh.counts = self.pipeline.counts
        self.pipeline = fresh
        self._learn()

    def _recover(self) -> None:
        """Refuse who waits, and see now and then whether the lake can be written again."""
        self._refuse_waiting("the lake cannot be written")
        time.sleep(_TICK)
        if time.monotonic() < self._retry_at:
            return
        try:
            self._renew()
        except UnreachableError as error:
            self.trouble = error
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        else:
            self._say("the lake can be written again")
            self.trouble = None

    def _add(self, export: Export) -> None:
        self._began.append(self._next)
        self._known.append(0)
        again, first = self._again(export), self._next
        if again:
            self._known[-1] = len(again)
            self._add_again(export, again)
        fresh = [i for i in range(len(export.records)) if i not in again] if again else None
        records = export.records if fresh is None else [export.records[i] for i in fresh]
        subs = export.subs if fresh is None or export.subs is None else [export.subs[i] for i in fresh]
        broken = []
        if export.unreadable is not None and not again:
            broken = [Unreadable(first, *export.unreadable)]
        if records or broken:
            self._next += len(records) + len(broken)
            places = range(first, first + len(records))
            self.pipeline.add(Batch(self.stream, records, places, self._next, subs=subs, unreadable=broken))

    def _again(self, export: Export) -> dict[int, int]:
        """Map the records that are dead letters already, by their place in the request, to their positions."""
        if not self._letters:
            return {}
        records = [export.unreadable[0]] if export.unreadable is not None else export.records
        subs = export.subs or [0] * len(records)
        found = {}
        for i, (record, sub) in enumerate(zip(records, subs, strict=True)):
            position = self._letters.get((sha256(record).digest(), sub))
            if position is not None:
                found[i] = position
        return found

    def _add_again(self, export: Export, again: dict[int, int]) -> None:
        if export.unreadable is not None:
            piece = Unreadable(again[0], *export.unreadable)
            self.pipeline.add(Batch(self.stream, [], [], self._next, unreadable=[piece]))
            return
        order = sorted(again, key=lambda i: again[i])
        subs = None if export.subs is None else [export.subs[i] for i in order]
        records, places = [export.records[i] for i in order], [again[i] for i in order]
        self.pipeline.add(Batch(self.stream, records, places, self._next, subs=subs))

    def _remember(self, key: Key, position: int) -> None:
        self._letters[key] = position
        if len(self._letters) > REMEMBERED:
            del self._letters[next(iter(self._letters))]

    def _refuse_waiting(self, why: str) -> None:
        waiting = []
        with suppress(queue.Empty):
            while True:
                waiting.append(self._queue.get_nowait())
        _refuse(waiting, why)


def _key(letter: DeadLetter) -> Key:
    return bytes.fromhex(letter.row["raw_sha256"]), int(letter.row["sub_index"])


def _refuse(group: list[Export], why: str) -> None:
    for export in group:
        with suppress(Exception):
            export.answer.set_exception(NotDurableError(why))

"""What was acknowledged is there once, what was expired or erased is not, and every claim can be proven.

Whatever is done to the lake, in whatever order, with processes that die and power that fails in the middle of it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from lakes import batch, record, rows_of
from mishaps import Disk

from ingest.delivery import Stream
from ingest.fingerprint import Fingerprinter
from ingest.loop import IngestOptions, Pipeline
from store.commit import Advance
from store.errors import FencedError
from store.integrity.verify import Options, verify
from store.keeping import approving, doctor, erasing, holding
from store.keeping.backing_up import back_up, backups, read_backup
from store.keeping.compacting import compact
from store.keeping.expiring import Periods, expire_held
from store.keeping.maintaining import Upkeep, maintain
from store.keeping.restoring import restore
from store.keeping.vacuuming import Ages
from store.lake import MARKER, Lake
from store.locks import alone
from store.tables import TABLES

PEOPLE = ("ana.lima", "bo.chen", "cy.diaz")
STREAMS = (Stream("calls", 0, "calls[0]"), Stream("calls", 1, "calls[1]"))
BRIEF = "brief"
"""The tenant whose events are over after a month; what others send is kept for ever."""
PERIODS = Periods(tenants={BRIEF: 30 * 86_400.0})
AT_ONCE = Ages(grace=-1.0, orphans=-1.0)
"""No question is asked and nobody writes while upkeep is done here."""

Key = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True)
class Mishap:
    """What happens in the middle of something: the process dies at a step; if `cut`, the power fails with it."""

    step: int
    cut: bool
    seed: int | None
    mends: bool


MISHAPS = st.none() | st.builds(
    Mishap,
    st.integers(0, 60) | st.integers(60, 900),
    st.booleans(),
    st.none() | st.integers(0, 1000),
    st.booleans(),
)
PARTS = st.sampled_from((0, 1))
SIZES = st.integers(1, 6)


def broken(offset: int) -> bool:
    """Say whether the source has no event at an offset but something unreadable."""
    return offset % 5 == 4


def brief(offset: int) -> bool:
    """Say whether the event at an offset is of the tenant whose events are over some day."""
    return offset % 2 == 1


def source(part: int, offset: int) -> bytes:
    """Return what a stream holds at an offset, the same whenever it is read."""
    if broken(offset):
        return b"no event: %d %d" % (part, offset)
    return record(
        part * 10_000 + offset, user_id=PEOPLE[offset % 3], org_id=BRIEF if brief(offset) else "lasting"
    )


def leaves_of(lake: Lake, names: Sequence[str]) -> list[int]:
    """Return the fingerprints of names, as ingest makes them."""
    found, _ = Fingerprinter(lake.site_key).fingerprint([json.dumps(name).encode() for name in names])
    return sorted({int(value) for value in found.values})


@dataclass
class Model:
    """What must be in the lake: of each acknowledged event the person, None once erased; letters; who is held.

    `waiting` are erasures that were approved and not carried out; `half` are people of whom some may be gone.
    """

    events: dict[Key, str | None] = field(default_factory=dict)
    letters: set[Key] = field(default_factory=set)
    holds: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    half: set[str] = field(default_factory=set)

    def take(self, part: int, offsets: range) -> None:
        """Acknowledge a range."""
        for offset in offsets:
            if broken(offset):
                self.letters.add((part, offset))
            else:
                self.events[part, offset] = PEOPLE[offset % 3]

    def is_held(self, key: Key) -> bool:
        """Say whether a hold covers an event."""
        whom = self.holds.values()
        return self.events[key] in whom or (BRIEF in whom and brief(key[1]))

    def protects(self, person: str) -> bool:
        """Say whether a hold keeps a person from being erased."""
        theirs = [key for key, who in self.events.items() if who == person]
        return person in self.holds.values() or any(map(self.is_held, theirs))

    def expire(self) -> None:
        """Take away what is over."""
        gone = [key for key in self.events if brief(key[1]) and not self.is_held(key)]
        for key in gone:
            del self.events[key]

    def erase(self, person: str) -> None:
        """Forget who someone was."""
        self.events = {key: None if who == person else who for key, who in self.events.items()}
        self.half.discard(person)


class Machine(RuleBasedStateMachine):
    """One lake, its backups, its sources, and the writers that sleep."""

    empty: Path
    proven: list[int]
    """How many events were acknowledged in each life that was lived to its end and found right."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tooltrail-machine-"))
        self.patch = pytest.MonkeyPatch()
        root = self.folder / "disk"
        root.mkdir()
        self.path = Path(shutil.copytree(self.empty, root / "lake"))
        self.ledger, self.backups = root / "elsewhere" / "ledger.ndjson", root / "backups"
        self.disk = Disk(root, self.patch)
        self.lake = Lake.open(self.path)
        self.model = Model()
        self.erased: dict[str, str] = {}
        self.kept: dict[str, tuple[Model, set[object]]] = {}
        self.zombies: list[tuple[Pipeline, int, int | None, range]] = []
        self.lakes = 1

    def teardown(self) -> None:
        """Prove every claim once more, and clean up."""
        try:
            self.check()
            assert verify(Lake.open(self.path), Options()).faults == []
            self.proven.append(len(self.model.events))
        finally:
            self.patch.undo()
            shutil.rmtree(self.folder)

    # --- doing something, and what comes between ---------------------------------------------------------------

    def do(
        self, work: Callable[[], object], after: Model, mishap: Mishap | None,
        landed: Callable[[], bool] | None = None,
    ) -> bool:  # fmt: skip
        """Do something after which the lake is as `after` says; if it was interrupted, `landed` says whether it is.

        Where that is not given, the events say it.
        """
        if self.disk.run(work, None if mishap is None else mishap.step):
            self.model = after
            return True
        assert mishap is not None
        self.start_again(mishap)
        before = self.model
        made = landed() if landed is not None else self.events() == Counter(after.events.items())
        self.model = after if made else before
        return False

    def start_again(self, mishap: Mishap) -> None:
        """Come back after an interruption, with the doctor where it takes one."""
        if mishap.cut:
            self.zombies = []
            self.disk.cut(None if mishap.seed is None else Random(mishap.seed))  # noqa: S311 - not a secret
        if mishap.cut or mishap.mends:
            self.mend()
        self.lake = Lake.open(self.path)
        if self.lake.log is not None:
            self.lake.log.follow()

    def mend(self) -> None:
        """Let the doctor repair; nothing grave may be left."""
        _, left = doctor.repair(self.path, AT_ONCE, ledger=self.ledger)
        assert [fault for fault in left if fault.grave] == []
        self.resume()

    def resume(self) -> None:
        """Carry out in the model what upkeep carries out."""
        for erasure, person in list(self.model.waiting.items()):
            if not self.model.protects(person):
                self.finish(self.model, erasure, person)

    def finish(self, model: Model, erasure: str, person: str) -> None:
        """End an erasure in a model."""
        model.erase(person)
        model.waiting.pop(erasure, None)
        self.erased[erasure] = person

    # --- looking ----------------------------------------------------------------------------------------------

    def events(self) -> Counter[tuple[Key, str | None]]:
        """Return what the lake holds, each event with its person."""
        rows = self.lake.scan("events", ["source_partition", "source_offset", "user_id"]).collect()
        return Counter(((part, offset), who) for part, offset, who in rows.iter_rows())

    def letters(self) -> set[Key]:
        """Return the places of the dead letters, none of which is there twice."""
        rows = self.lake.scan("dead_letters", ["source_partition", "source_offset"]).collect().rows()
        assert len(rows) == len(set(rows))
        return set(rows)

    def position(self, part: int) -> int:
        """Return how many of a stream's offsets the lake has taken in."""
        last, _ = self.lake.position("events", STREAMS[part].transaction)
        return 0 if last is None else last + 1

    @invariant()
    def check(self) -> None:
        """Every acknowledged event is there once, as who it was, and nothing else is."""
        found = self.events()
        assert {key: n for (key, _), n in found.items() if n != 1} == {}
        there = dict(found.keys())
        assert len(there) == len(found)
        assert there.keys() == self.model.events.keys()
        for key, who in self.model.events.items():
            assert there[key] == who or (who in self.model.half and there[key] is None), (
                key,
                who,
                there[key],
            )
        letters = self.letters()
        assert letters >= self.model.letters
        assert all(broken(offset) for _, offset in letters)
        assert set(self.model.holds) == {hold.hold_id for hold in holding.in_force(self.lake)}

    # --- ingest -----------------------------------------------------------------------------------------------

    def pipeline(self, part: int, offsets: range) -> Pipeline:
        """Return a writer with a range in its buffer."""
        pipeline = Pipeline(Lake.open(self.path), IngestOptions())
        pipeline.resume(STREAMS[part])
        pipeline.add(batch([source(part, n) for n in offsets], offsets.start, STREAMS[part]))
        return pipeline

    @rule(part=PARTS, size=SIZES, back=st.sampled_from((0, 0, 0, 1, 3, 100)), mishap=MISHAPS)
    def take_in(self, part: int, size: int, back: int, mishap: Mishap | None) -> None:
        """Take in what comes next, after some that came before."""
        first = self.position(part)
        after = deepcopy(self.model)
        after.take(part, range(first, first + size))
        offsets = range(max(0, first - back), first + size)
        self.do(
            lambda: self.pipeline(part, offsets).flush(), after, mishap,
            lambda: self.position(part) == first + size,
        )  # fmt: skip

    @rule(part=PARTS, size=SIZES)
    def deliver_old(self, part: int, size: int) -> None:
        """Deliver nothing but what is there already."""
        first = self.position(part)
        offsets = range(max(0, first - size), first)
        flushed = self.pipeline(part, offsets).flush()
        assert (flushed.counts.rows, flushed.counts.replayed) == (0, len(offsets))

    @rule(part=PARTS)
    def append_behind(self, part: int) -> None:
        """Commit rows at a position that has passed."""
        first = self.position(part)
        if first:
            with pytest.raises(FencedError):
                self.lake.append("events", rows_of({}), [Advance(STREAMS[part].transaction, None, first)])

    @precondition(lambda self: len(self.zombies) < 3)
    @rule(part=PARTS, size=SIZES)
    def fall_asleep(self, part: int, size: int) -> None:
        """Let a writer sleep with a range in its buffer, as one that a rebalance takes for dead."""
        first = self.position(part)
        offsets = range(first, first + size)
        self.zombies.append((self.pipeline(part, offsets), part, first, offsets))

    @precondition(lambda self: self.zombies)
    @rule(mishap=MISHAPS)
    def wake_up(self, mishap: Mishap | None) -> None:
        """Let it write: it may, if nobody else has written in its place."""
        pipeline, part, first, offsets = self.zombies.pop(0)
        after = deepcopy(self.model)
        if self.position(part) == first:
            after.take(part, offsets)
        fenced = []

        def flush() -> None:
            try:
                pipeline.flush()
            except FencedError:
                fenced.append(True)

        before = self.model
        end = first + len(offsets)
        done = self.do(flush, after, mishap, lambda: self.position(part) == end)
        if fenced and done:
            self.model = before
        assert fenced or not done or self.position(part) == end

    # --- keeping and forgetting ---------------------------------------------------------------------------------

    @rule(mishap=MISHAPS)
    def compact(self, mishap: Mishap | None) -> None:
        """Join small files."""
        self.do(lambda: compact(self.lake), deepcopy(self.model), mishap)

    @rule(mishap=MISHAPS)
    def expire(self, mishap: Mishap | None) -> None:
        """Let two months pass for what is kept one."""
        after = deepcopy(self.model)
        after.expire()

        def work() -> None:
            with alone(self.lake, "keeping"):
                expire_held(self.lake, PERIODS, datetime.now(UTC) + timedelta(days=60))

        self.do(work, after, mishap)

    @rule(mishap=MISHAPS)
    def maintain(self, mishap: Mishap | None) -> None:
        """Do a round of upkeep."""
        if self.do(
            lambda: maintain(self.lake, Upkeep(ages=AT_ONCE, ledger=self.ledger)),
            deepcopy(self.model),
            mishap,
        ):
            self.resume()
        else:
            self.half_erased()

    @rule(whom=st.sampled_from((*PEOPLE, BRIEF)), mishap=MISHAPS)
    def hold(self, whom: str, mishap: Mishap | None) -> None:
        """Hold a person's events, or a tenant's."""
        covers = {"conditions": [f"org_id={BRIEF}"]} if whom == BRIEF else {"subject": whom}
        self.do(
            lambda: holding.put(self.lake, "case", "dee", second_copy=self.ledger, **covers),
            self.model,
            mishap,
        )
        for held in holding.in_force(self.lake):
            self.model.holds.setdefault(held.hold_id, whom)

    @precondition(lambda self: self.model.holds)
    @rule(mishap=MISHAPS)
    def release(self, mishap: Mishap | None) -> None:
        """Release the oldest hold."""
        hold = next(iter(self.model.holds))
        done = self.do(
            lambda: holding.lift(self.lake, hold, "over", "dee", second_copy=self.ledger), self.model, mishap
        )
        if done or hold not in {held.hold_id for held in holding.in_force(self.lake)}:
            del self.model.holds[hold]

    @rule(person=st.sampled_from(PEOPLE), mishap=MISHAPS)
    def erase(self, person: str, mishap: Mishap | None) -> None:
        """Erase a person; when that was interrupted, it is done once it was approved."""
        results = []

        def work() -> None:
            subject, _ = erasing.whom(self.lake, [person], leaves_of)
            request = erasing.propose(self.lake, subject, "asked for", "dee")
            approved = approving.decide(self.lake, request.request_id, "eve", approve=True)
            with alone(self.lake, "keeping"):
                results.append(erasing.carry_out(self.lake, approved, self.ledger))

        known = {request.request_id for request in approving.requests(self.lake)}
        self.do(work, self.model, mishap)
        for result in results:
            assert (result.state == "restricted") == self.model.protects(person)
            # what a writer that died left may be a slow writer's: it goes when it is a day old
            live = {path for name in TABLES for path in self.lake.snapshot(name).paths()}
            assert live.isdisjoint(str(residue.path) for residue in result.residue)
        for request in approving.requests(self.lake):
            if request.request_id not in known and request.state == "approved":
                self.model.waiting[request.request_id] = person
                self.half_erased()
            elif request.request_id not in known and request.state == "done":
                self.finish(self.model, request.request_id, person)

    def half_erased(self) -> None:
        """Expect that of those who wait to be erased and are not held some may be gone."""
        self.model.half |= {p for p in self.model.waiting.values() if not self.model.protects(p)}

    # --- backups ------------------------------------------------------------------------------------------------

    @rule(mishap=MISHAPS)
    def back_up(self, mishap: Mishap | None) -> None:
        """Make a backup; one whose list is there is a backup, however the process ended."""
        self.do(lambda: back_up(self.lake, self.backups, with_keys=True), self.model, mishap)
        for file in backups(self.backups):
            taken = read_backup(self.backups, file.stem.removeprefix("backup-")).taken
            self.kept.setdefault(taken, (deepcopy(self.model), erasing.ended(self.lake)))

    @precondition(lambda self: self.kept)
    @rule(which=st.integers(0, 5), mishap=MISHAPS)
    def restore(self, which: int, mishap: Mishap | None) -> None:
        """Put a backup back beside the lake and go on with that; who was erased stays erased, what is held held."""
        taken = sorted(self.kept)[which % len(self.kept)]
        target = self.path.with_name(f"lake-{self.lakes}")
        ledgers = [place for place in (self.ledger, self.path) if place.exists()]

        def work() -> None:
            restore(self.backups, target, leaves_of, taken=taken, ledgers=ledgers)

        if not self.disk.run(work, None if mishap is None else mishap.step):
            assert mishap is not None
            self.start_again(mishap)
            self.half_erased()
            if not (target / MARKER).exists():
                work()
        self.lakes += 1
        shutil.rmtree(self.path)
        self.path, self.zombies = target, []
        self.lake = Lake.open(target)
        kept, over = self.kept[taken]
        holds, self.model = self.model.holds, deepcopy(kept)
        self.model.waiting, self.model.holds = {}, self.holds_again(holds)
        for erasure, person in self.erased.items():
            if erasure not in over:
                self.erase_again(erasure, person)

    def holds_again(self, before: dict[str, str]) -> dict[str, str]:
        """Expect the holds of before, and those that the ledger had heard of when the process died that set them."""
        found = {held.hold_id: held.selector.subject or BRIEF for held in holding.in_force(self.lake)}
        assert before.items() <= found.items()
        return found

    def erase_again(self, erasure: str, person: str) -> None:
        """Expect of a lake that was put back what the ledgers say."""
        if person in self.model.events.values():
            if self.model.protects(person):
                self.model.waiting[erasure] = person
            else:
                self.model.erase(person)


def run(empty_lake: Path, examples: int, steps: int) -> list[int]:
    """Let machines of their own run, each so many steps at most; return how many events each had at its end."""
    machine = type("LakeMachine", (Machine,), {"empty": empty_lake, "proven": []})
    run_state_machine_as_test(machine, settings=settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck),
    ))  # fmt: skip
    return machine.proven


def test_a_lake_survives_what_is_done_to_it(empty_lake: Path) -> None:
    """A few short lives of a lake, each checked after every step and proven whole at its end."""
    assert len(run(empty_lake, examples=3, steps=12)) >= 3


@pytest.mark.slow
def test_a_lake_survives_a_long_life(empty_lake: Path) -> None:
    """Many long ones, in which events were kept."""
    lives = run(empty_lake, examples=60, steps=40)
    assert len(lives) >= 60
    assert any(lives), "no life kept an event: nothing was tried"

"""Join events into sessions, each join with its log-odds and its reason.

Events of one principal (a person with a client) stand in a row. Between two neighbours the evidence adds up: how long
the pause was (`gaps`), which tool follows which (`habits`), whether an argument came from a result on the other side
(`flow`). Where the sum is positive they are one piece of work. Ids that deserve belief (`trust`) join what shares
them, whatever the pause, and part what does not: two believed session ids are never one session by pauses alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.stitching import flow, gaps, trust
from analytics.stitching.gaps import USUAL, Gaps
from analytics.stitching.habits import Counter, Habits

NAMING = ("session_key", "conversation_id")
"""Ids of work, the stronger first: the first that an event has and that is believed names its session."""
KEYS = (*NAMING, "trace_id", "tool_call_id")
"""Ids whose events are one session; a trace or a call joins what stands near, and names nothing."""
_FLOW, _NO_FLOW = 2.0, 0.5
_ROUNDS = 4
_NEVER = -99.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Model:
    """What was learned of pauses, per client and over all, and of tools."""

    clients: dict[str, Gaps] = field(default_factory=dict)
    usual: Gaps = USUAL
    habits: Habits = field(default_factory=Habits)


@dataclass(frozen=True)
class Stitched:
    """`links`: per event its session, joined_by, log_odds (null: an id makes it certain) and linked_to."""

    links: pl.DataFrame
    merges: pl.DataFrame
    doubts: list[trust.Doubt]
    model: Model


def stitch(events: pl.DataFrame, model: Model | None = None) -> Stitched:
    """Join events into sessions.

    `events` has one row per event: event_id, event_time (µs), person, person_kind, client, product (the client
    without what changes in its name), credential_id, client_address, source_system, source_instance, event_kind,
    tool, the KEYS, args_leaves, result_leaves, and `known`: the session of an event that was joined earlier and is
    here as context, else null. Where `root` is not null it is the session that the event's strongest believed id
    stands for by now.
    """
    model = model or Model()
    frame = _in_order(events)
    learned = _fitted(frame, model)
    frame = frame.with_columns(near=pl.Series(_pauses(frame, learned) > 0) & frame["same"])
    doubts = []
    for key in KEYS:
        values, found = trust.believed(frame, key, naming=key in NAMING)
        frame = frame.with_columns(values.alias(key))
        doubts += found
    frame = frame.with_columns(own=own_session())
    steps = _steps(frame, learned)
    label = _components(frame, steps.linked)
    return _told(frame, steps, label, doubts)


@dataclass
class _Steps:
    """For each event in order, the step from its neighbour before it."""

    score: Floats
    linked: Flags
    by_flow: Flags
    source: Ints
    model: Model


def _in_order(events: pl.DataFrame) -> pl.DataFrame:
    nobody = pl.concat_str(pl.lit("?"), "source_system", pl.col("source_instance").fill_null("")).alias(
        "nobody"
    )
    who = pl.coalesce("person", "credential_id", "client_address", nobody)
    frame = events.with_columns(
        principal=pl.struct(who.alias("who"), pl.col("product")).rank("dense").cast(pl.Int64),
        seconds=pl.col("event_time").dt.epoch("us") / 1e6,
    ).sort("principal", "event_time", "event_id")
    return frame.with_columns(
        place=pl.int_range(pl.len(), dtype=pl.Int64),
        same=(pl.col("principal") == pl.col("principal").shift()).fill_null(value=False),
        pause=(pl.col("seconds") - pl.col("seconds").shift()).fill_null(0.0),
        product=pl.col("product").fill_null(""),
    )


def _fitted(frame: pl.DataFrame, model: Model) -> Model:
    """Fit pauses over all, then per client with what holds over all as the prior."""
    inner = frame.filter("same")
    usual = gaps.fit(inner["pause"].to_numpy(), model.usual)
    clients = dict(model.clients)
    for (name,), rows in inner.group_by(["product"], maintain_order=True):
        clients[str(name)] = gaps.fit(rows["pause"].to_numpy(), clients.get(str(name), usual))
    return Model(clients, usual, model.habits)


def _pauses(frame: pl.DataFrame, model: Model) -> Floats:
    score = np.full(frame.height, _NEVER)
    places = frame.filter("same").group_by("product").agg("place", "pause")
    for name, place, pause in places.iter_rows():
        score[place] = model.clients.get(name, model.usual).log_odds(np.array(pause))
    return score


def _steps(frame: pl.DataFrame, model: Model) -> _Steps:
    same = frame["same"].to_numpy()
    pause = _pauses(frame, model)
    source, spanned = _spans(frame)
    asked = (frame["args_leaves"].list.len().fill_null(0) > 0).to_numpy()
    evidence = np.where(spanned, _FLOW, np.where(asked, -_NO_FLOW, 0.0))
    names = frame["tool"].unique().sort().to_list()
    tool = frame["tool"].cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
    before = np.concatenate(([0], tool[:-1]))
    counter = Counter(names, model.habits)
    base = np.where(same, pause + evidence, _NEVER)
    linked = same & (base > 0)
    score = base
    for _ in range(_ROUNDS):
        score = np.where(same, base + counter.log_odds(before, tool, linked), _NEVER)
        linked = _parted(frame, score, same & (score > 0))
    by_flow = linked & (source >= 0) & (score - evidence <= 0)
    fresh = frame["known"].is_null().to_numpy()
    habits = counter.learned(before, tool, linked, fresh)
    return _Steps(score, linked, by_flow, source, Model(model.clients, model.usual, habits))


def _spans(frame: pl.DataFrame) -> tuple[Ints, Flags]:
    """Return where each event's argument came from (-1: nowhere), and which steps lie between a value's two places."""
    found = flow.sources(frame)
    place, origin = found["place"].to_numpy(), found["source"].to_numpy()
    source = np.full(frame.height, -1, dtype=np.int64)
    source[place] = origin
    edges = np.zeros(frame.height + 1, dtype=np.int64)
    np.add.at(edges, origin + 1, 1)
    np.add.at(edges, place + 1, -1)
    return source, np.cumsum(edges)[:-1] > 0


def _parted(frame: pl.DataFrame, score: Floats, linked: Flags) -> Flags:
    """Cut between two events whose believed session, or known session, differs: at the weakest step between them."""
    anchor = pl.coalesce("known", "session_key")
    steps = frame.select("principal", "place", anchor=anchor).with_columns(score=pl.Series(score))
    steps = steps.with_columns(last=pl.col("anchor").shift().forward_fill().over("principal"))
    steps = steps.with_columns(next=pl.col("anchor").backward_fill().over("principal"))
    between = steps.filter(pl.col("last").is_not_null() & (pl.col("last") != pl.col("next")))
    between = between.with_columns(part=(pl.col("last").rle_id() + pl.col("next").rle_id()))
    weakest = between.group_by("principal", "part").agg(pl.col("place").sort_by("score").first())["place"]
    linked = linked.copy()
    linked[weakest.to_numpy()] = False
    certain = steps.filter(pl.col("anchor").is_not_null() & (pl.col("anchor") == pl.col("last")))["place"]
    linked[certain.to_numpy()] = True
    return linked


def _components(frame: pl.DataFrame, linked: Flags) -> Ints:
    """Return a label per event: the same where steps or believed ids connect them."""
    label = np.cumsum(~linked).astype(np.int64)
    groups = [_numbered(frame, key) for key in (*KEYS, "own", "root", "known")]
    while True:
        before = label.copy()
        for group in groups:
            _spread(label, group)
        _spread(label, before)
        if np.array_equal(label, before):
            return label


def _numbered(frame: pl.DataFrame, key: str) -> Ints:
    """Return each event's group by a key, -1 for none."""
    numbers = frame.select(pl.when(pl.col(key).is_not_null()).then(pl.col(key).rank("dense").cast(pl.Int64)))
    return numbers.to_series().fill_null(-1).to_numpy()


def _spread(label: Ints, group: Ints) -> None:
    """Give every member of a group the least label in it."""
    member = group >= 0
    if not member.any():
        return
    least = np.full(int(group.max()) + 1, len(label) + 1, dtype=np.int64)
    np.minimum.at(least, group[member], label[member])
    label[member] = least[group[member]]


def own_session() -> pl.Expr:
    """Name the session an event's strongest believed id stands for: the session key itself, or a hash of the other."""
    named = [
        pl.concat_str(pl.lit(f"{key}\0"), key).map_elements(session_id, pl.String, skip_nulls=True)
        for key in NAMING[1:]
    ]
    return pl.coalesce("session_key", *named)


def session_id(basis: str) -> str:
    """Return the id of a session from what it was first known by: 128 bits of SHA-256 in hex."""
    return sha256(f"session\0{basis}".encode()).hexdigest()[:32]


def _told(frame: pl.DataFrame, steps: _Steps, label: Ints, doubts: Sequence[trust.Doubt]) -> Stitched:
    frame = frame.with_columns(
        label=pl.Series(label), score=pl.Series(steps.score), linked=pl.Series(steps.linked),
        by_flow=pl.Series(steps.by_flow), source=pl.Series(steps.source),
    )  # fmt: skip
    frame = frame.sort("event_time", "event_id")
    roots = _roots(frame)
    frame = frame.join(roots, on="label", how="left", maintain_order="left")
    merges = _merges(frame)
    origin = frame.select("place", source_event="event_id")
    frame = frame.join(origin, left_on="source", right_on="place", how="left", maintain_order="left")
    links = frame.with_columns(
        session=pl.coalesce("known", "own", "chosen"),
        first=pl.col("event_id").cum_count().over("label") == 1,
        previous=pl.col("event_id").shift().over("label"),
    ).with_columns(joined_by=_reason())
    links = links.with_columns(log_odds=_log_odds(), linked_to=_linked_to())
    fresh = links.filter(pl.col("known").is_null())
    columns = ("event_id", "event_time", "session", "joined_by", "log_odds", "linked_to")
    return Stitched(fresh.select(columns), merges, list(doubts), steps.model)


def _roots(frame: pl.DataFrame) -> pl.DataFrame:
    """Choose each component's session: the earliest one known, else its first id, else named for its first event."""
    known = pl.coalesce("known", "root").drop_nulls().first()
    first = pl.col("event_id").first().map_elements(session_id, pl.String)
    return frame.group_by("label", maintain_order=True).agg(
        chosen=pl.coalesce(known, pl.col("own").drop_nulls().first(), first)
    )


def _merges(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions that turned out to be part of another one, and the event that showed it."""
    told = pl.col("root").is_not_null() & (pl.col("root") == pl.col("chosen"))
    own = pl.when(~told).then("own").alias("session")
    names = pl.concat(
        [
            frame.select("chosen", "event_id", "event_time", s)
            for s in (pl.col("known").alias("session"), pl.col("root").alias("session"), own)
        ]
    )
    parted = names.filter(pl.col("session").is_not_null() & (pl.col("session") != pl.col("chosen")))
    return (
        parted.sort("event_time", "event_id")
        .group_by("session", maintain_order=True)
        .agg(merged_into=pl.col("chosen").first(), event_id=pl.col("event_id").last())
    )


def _reason() -> pl.Expr:
    first = pl.when(pl.col("first")).then(pl.lit("start"))
    words = zip(KEYS, ("session_id", "conversation", "trace", "tool_call"), strict=True)
    again = [pl.when(_seen_before(key)).then(pl.lit(word)) for key, word in words]
    flow = pl.when(pl.col("by_flow") & pl.col("source_event").is_not_null()).then(pl.lit("data_flow"))
    pause = pl.when(pl.col("linked")).then(pl.lit("pause"))
    return pl.coalesce(first, *again, flow, pause, pl.lit("start"))


def _seen_before(key: str) -> pl.Expr:
    return pl.col(key).is_not_null() & (pl.col("place").cum_count().over("label", key) > 1)


def _log_odds() -> pl.Expr:
    """Return the evidence for the join, or against it at a start; null where an id makes it certain."""
    by_evidence = pl.col("joined_by").is_in(["data_flow", "pause"])
    alone = (pl.col("joined_by") == "start") & pl.col("same") & pl.col("own").is_null()
    return pl.when(by_evidence).then(pl.col("score")).when(alone).then(-pl.col("score"))


def _linked_to() -> pl.Expr:
    return (
        pl.when(pl.col("joined_by") == "data_flow").then(pl.col("source_event"))
        .when(pl.col("joined_by") != "start").then(pl.col("previous"))
    )  # fmt: skip

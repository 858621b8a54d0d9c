"""What there is to beat: scores a person would think of first, each on the same sessions and histories."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import polars as pl

from analytics.anomaly.calls import Calls, Floats, calls_of, coded
from analytics.anomaly.flows import flows_of

Scores = tuple[list[str], Floats]
ENTITY = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+|(?:https?://|www\.)[^\s\"'<>]+|\b[A-Z]{2}\d{10,30}\b")


def bigram_max(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    """Return the greatest surprise of a tool after the one before, with one added to each count."""
    calls, surprise = _bigrams(history, judged)
    return calls.over_sessions(surprise)


def bigram_sum(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    """Return the summed surprise."""
    calls, surprise = _bigrams(history, judged)
    return calls.over_sessions(surprise, np.add)


def tool_rarity(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    """Return the rarity of the rarest tool, by sessions of history that use it."""
    old, new = calls_of(history), calls_of(judged)
    names = tuple(old.tool.unique().sort())
    pairs = np.unique(old.session * len(names) + coded(old.tool, names)) % len(names)
    used = np.append(np.bincount(pairs, minlength=len(names)), 0)
    return new.over_sessions(-np.log((used + 0.5) / (len(old.sessions) + 1))[coded(new.tool, names)])


def calls_made(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:  # noqa: ARG001 - it learns nothing
    """Return the number of calls: a control."""
    return calls_of(judged).lengths.astype(np.float64)


def carried(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:  # noqa: ARG001 - it learns nothing
    """Return how many values of arguments were first seen in an earlier result."""
    calls = calls_of(judged)
    flows = flows_of(calls)
    return np.bincount(calls.session[flows.call[flows.carried]], minlength=len(calls.sessions)).astype(
        np.float64
    )


def unseen_entities(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    """Return how many e-mail addresses, URLs and IBANs of the arguments history does not know. Reads content."""
    known = {entity for text in history["args_json"].drop_nulls() for entity in ENTITY.findall(text)}
    found: dict[str, set[str]] = {}
    for session, text in judged.select("session", "args_json").drop_nulls().iter_rows():
        found.setdefault(session, set()).update(set(ENTITY.findall(text)) - known)
    return np.array([len(found.get(session, ())) for session in calls_of(judged).sessions], np.float64)


def isolation_forest(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    """Return scikit-learn's isolation forest of 200 trees, over counts of tools and the number of calls."""
    from sklearn.ensemble import IsolationForest

    old, new = _vectors(history, judged)
    forest = IsolationForest(n_estimators=200, random_state=0).fit(old)
    return np.asarray(-forest.score_samples(new))


def ecod(history: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    """Return ECOD (Li et al., IEEE TKDE 2022), upper tails: summed -log of each count's empirical tail."""
    old, new = _vectors(history, judged)
    total = np.zeros(len(new))
    for column in range(old.shape[1]):
        figures = np.sort(old[:, column])
        reached = len(figures) - np.searchsorted(figures, new[:, column], "left")
        total -= np.log((reached + 1) / (len(figures) + 1))
    return total


BASELINES: dict[str, Callable[[pl.DataFrame, pl.DataFrame], Floats]] = {
    "tool bigram, max": bigram_max, "tool bigram, sum": bigram_sum, "tool rarity, max": tool_rarity,
    "isolation forest": isolation_forest, "ECOD": ecod, "number of calls": calls_made,
    "unseen e-mail, URL, IBAN": unseen_entities, "value carried from a result": carried,
}  # fmt: skip


def _bigrams(history: pl.DataFrame, judged: pl.DataFrame) -> tuple[Calls, Floats]:
    old, new = calls_of(history), calls_of(judged)
    names = tuple(old.tool.unique().sort())
    many = len(names) + 2
    counts = np.ones((many, many))
    np.add.at(counts, _steps(old, names), 1)
    before, tool = _steps(new, names)
    return new, -np.log(counts[before, tool] / counts[before].sum(axis=1))


def _steps(calls: Calls, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    tool = coded(calls.tool, names)
    before = np.roll(tool, 1)
    before[calls.first[:-1]] = len(names) + 1
    return before, tool


def _vectors(history: pl.DataFrame, judged: pl.DataFrame) -> tuple[Floats, Floats]:
    old, new = calls_of(history), calls_of(judged)
    names = tuple(old.tool.unique().sort())
    found = []
    for calls in (old, new):
        table = np.zeros((len(calls.sessions), len(names) + 2))
        np.add.at(table, (calls.session, coded(calls.tool, names)), 1)
        table[:, -1] = calls.lengths
        found.append(table)
    return found[0], found[1]

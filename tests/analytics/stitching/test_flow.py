"""Which argument came from which result."""

import polars as pl

from analytics.stitching.flow import edges


def frame(*rows):
    """Return calls of one principal in order: the values of their arguments and of their results."""
    kinds = {"place": pl.Int64, "principal": pl.Int32, "seconds": pl.Float64}
    leaves = {"args_leaves": pl.List(pl.Int64), "result_leaves": pl.List(pl.Int64)}
    return pl.DataFrame(
        [(n, 0, 0.0, a, r) for n, (a, r) in enumerate(rows)], schema=kinds | leaves, orient="row"
    )


def test_values_are_counted_per_pair_of_calls():
    """Each pair of calls has one edge with how many values it carries; the latest result that gave a value counts."""
    found = edges(frame(([], [1, 2, 3]), ([1, 2], [3]), ([3], [])))
    assert found.select("source", "place", "shared").rows() == [(0, 1, 2), (1, 2, 1)]


def test_an_echo_is_no_source():
    """What arguments held before, or with, the result that shows it came from no result."""
    assert edges(frame(([1], [1]), ([1], []))).height == 0


def test_common_values_prove_nothing():
    """A value in more than twenty calls and one of fifty is left out."""
    assert edges(frame(([], [1]), *[([1], [])] * 30)).height == 0


def test_nothing_seen_is_no_edge():
    """Without arguments or results there is nothing to say."""
    assert edges(frame((None, None), ([], []))).height == 0

"""The leak benchmark in small: planted leaks are found through the real ingest, and nothing where there are none."""

import pytest

from bench.leak_corpus import MECHANISMS, corpus
from bench.leaks import measure


def test_the_corpus_is_what_its_seed_says():
    """The same seed gives the same records, every mechanism is planted, and a corpus without leaks has no label."""
    one, two = corpus(1500, 24, 12), corpus(1500, 24, 12)
    assert one.records == two.records
    assert {mechanism for mechanism, _ in one.leaks.values()} == set(MECHANISMS)
    assert corpus(1500, 24, 0).leaks == {}


@pytest.mark.slow
def test_planted_leaks_are_found_and_nothing_else():
    """Most whole records that reach another are found, and little besides, though one event in forty is a leak."""
    planted = corpus(4000, 60, 24)
    found = {name for name, _ in measure(planted)[0]}
    whole = {name for name, (_, kind) in planted.leaks.items() if kind == "verbatim"}
    assert len(found & whole) >= 0.75 * len(whole)
    assert len(found - set(planted.leaks)) <= 0.1 * len(found)


@pytest.mark.slow
def test_a_fleet_without_leaks_has_no_finding():
    """Shared tickets, templates, mails and public pages are no leaks."""
    assert measure(corpus(4000, 60, 0))[0] == []

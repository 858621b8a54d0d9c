"""Pauses inside work and between: learned, and never absurd."""

import numpy as np
import pytest

from analytics.stitching.gaps import USUAL, fit


def pauses(inside, between, share, count=4000, seed=7):
    """Return log-normal pauses around two centres."""
    random = np.random.default_rng(seed)
    short = random.lognormal(np.log(inside), 0.8, int(count * share))
    return np.concatenate((short, random.lognormal(np.log(between), 1.0, count - len(short))))


@pytest.mark.parametrize(("inside", "between"), [(2.0, 2400.0), (20.0, 7200.0), (60.0, 40000.0)])
def test_a_client_gets_its_own_idea_of_a_long_pause(inside, between):
    """The pause at which the evidence turns lies between the two kinds of pause the client makes."""
    fitted = fit(pauses(inside, between, 0.8))
    odds = fitted.log_odds(np.array([inside, between]))
    assert odds[0] > 0 > odds[1]


def test_longer_pauses_never_speak_more_for_one_piece_of_work():
    """Evidence for a join never rises with the pause, not even beyond what was ever seen."""
    odds = fit(pauses(2.0, 2400.0, 0.8)).log_odds(np.geomspace(0.001, 1e8, 500))
    assert (np.diff(odds) <= 1e-9).all()


def test_few_pauses_change_little():
    """Ten odd pauses of a new client do not overthrow what holds for all."""
    fitted = fit(np.full(10, 500.0), USUAL)
    assert abs(fitted.inside - USUAL.inside) < 0.6


def test_no_pause_at_all_gives_the_prior_back():
    """A client seen once is judged by what is usual."""
    assert fit(np.array([])).inside == pytest.approx(USUAL.inside)


def test_bursts_do_not_make_every_wait_a_long_one():
    """Thousands of calls in one moment say nothing of how long a client waits between two bursts."""
    bursts, waits = np.zeros(5000), np.full(60, 90.0)
    odds = fit(np.concatenate((bursts, waits, np.full(20, 7200.0)))).log_odds(np.array([90.0, 7200.0]))
    assert odds[0] > 0 > odds[1]

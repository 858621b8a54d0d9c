"""Every fault of the list is injected, or it is said where else or why not; and the lake survives what is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.faults.catalog import elsewhere, injected
from bench.faults.fault import Fault, Trial
from bench.faults.stores import STORES

ROOT = Path(__file__).parents[2]


def test_every_fault_of_the_list_is_accounted_for() -> None:
    """No number is left out, none told twice; the soak of minutes is beside the list, which has one of a week."""
    numbers = [fault.number for fault in injected()] + [one.number for one in elsewhere()]
    assert sorted(numbers) == list(range(1, 42))


def test_tests_that_are_named_exist() -> None:
    """A page that points at a test that is gone would claim what nobody shows."""
    for one in elsewhere():
        assert (one.test is None) != (one.why is None)
        if one.test is not None:
            file, _, name = one.test.partition("::")
            assert not name or re.search(rf"^def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), (
                one.test
            )
            assert (ROOT / file).exists(), one.test


@pytest.mark.slow
@pytest.mark.parametrize("fault", injected(), ids=lambda fault: f"{fault.number}")
def test_the_lake_survives(fault: Fault, tmp_path: Path) -> None:
    """What was acknowledged is there once, or it was said before anybody asked."""
    if (why := fault.needs()) is not None:
        pytest.skip(why)
    tally = fault.run(Trial(STORES["ours"], tmp_path, 7, fault.small))
    assert tally.trials > 0
    assert (tally.failed, str(tally)) == (0, str(tally))


@pytest.mark.slow
def test_the_judge_sees_a_loss(tmp_path: Path) -> None:
    """The library alone, handed an old range again, doubles rows: a judge that let that pass would be worth nothing."""
    [again] = [fault for fault in injected() if fault.number == 19]
    assert again.run(Trial(STORES["shipped"], tmp_path, 7, 1)).failed == 1

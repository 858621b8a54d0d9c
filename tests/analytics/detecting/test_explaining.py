"""What a finding says of itself is made of its row."""

import pytest

from analytics.detecting.evaluate import _explained


@pytest.mark.parametrize(
    ("template", "row", "said"),
    [
        ("{n} values in {h} hours", {"n": 1, "h": 2}, "1 value in 2 hours"),
        ("{n} addresses, {m} matches", {"n": 1, "m": 1}, "1 address, 1 match"),
        ("{n} calls", {"n": 1200}, "1,200 calls"),
        ("{who} was there {n} s later", {"who": "ana", "n": 1}, "ana was there 1 s later"),
        ("{n} was asked for", {"n": 1}, "1 was asked for"),
        ("{n} times by {who}", {"n": 0.5, "who": None}, "0.5 times by not known"),
    ],
)
def test_what_there_is_one_of_takes_no_plural(template, row, said):
    """A number and the noun after it agree, whatever the number is."""
    assert _explained(template, row) == said

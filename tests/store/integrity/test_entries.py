"""What the log says can be read, or is said to be none of its entries."""

import pytest

from store.integrity import entries

IDLE = {"type": "idle", "time": "2026-10-01T02:00:00.000Z", "since": "2026-10-01T01:00:00.000Z", "heads": {}}


def test_an_entry_comes_back_as_it_was():
    """Decoding undoes encoding."""
    assert entries.decode(entries.encode(IDLE)) == IDLE


@pytest.mark.parametrize("without", ["type", "time", "since", "heads"])
def test_an_entry_that_lacks_what_is_read_of_it_is_none(without):
    """A check may rely on these fields: who forges an entry without them gets a fault named, not a crash."""
    forged = {name: value for name, value in IDLE.items() if name != without}
    if without == "type":
        forged["type"] = 7
    with pytest.raises(ValueError, match="not an entry"):
        entries.decode(entries.encode(forged))

"""What the log was when it had told of a commit can be said again later, however long it has grown."""

from __future__ import annotations

from lakes import record, take_in

from store.lake import Lake


def test_the_log_up_to_a_commit_stays_as_it_was(lake: Lake) -> None:
    """Size and root are those of the checkpoint that was signed then; of what it never told of there is none."""
    assert lake.log is not None
    then = {}
    for part in range(3):
        take_in(lake, [record(part)], first=part)
        head = lake.log.head()
        assert head is not None
        then[lake.snapshot("events").version] = head.checkpoint
    assert {version: lake.log.told("events", version) for version in then} == then
    assert len({checkpoint.root for checkpoint in then.values()}) == 3
    assert lake.log.told("events", 99) is None

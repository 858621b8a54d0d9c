"""The log by the hour, for people: what came in, which files, and the root at the hour's end, each chained to the last.

A line that is kept elsewhere, in a mail or on paper, holds the log to all that was in it then, as a checkpoint does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from store.integrity.entries import encode
from store.integrity.log import Log


@dataclass(frozen=True)
class Hour:
    """One hour of the log: UTC, what its entries tell of, and how many entries (`size`) the `root` is over.

    `previous` is the SHA-256 of the hour before as JSON, keys sorted and without spaces; of the first it is empty.
    """

    log: str
    hour: str
    entries: int
    events: int
    files_added: int
    files_removed: int
    size: int
    root: str
    previous: str = ""

    @property
    def digest(self) -> str:
        """What the next hour is chained by."""
        return sha256(encode(asdict(self))).hexdigest()


def hours(log: Log) -> Iterator[Hour]:
    """Yield the hours that are over and have entries: an hour is over when a later one has an entry.

    An entry that is dated before the one it follows, as when a clock is set back, counts to the hour of that. So what
    was told of an hour never changes. IntegrityError for a log that cannot be read.
    """
    head = log.head()
    if head is None:
        return
    current, previous = Hour(head.checkpoint.origin, "", 0, 0, 0, 0, 0, ""), ""
    for index, body in log.entries(0, head.checkpoint.size):
        hour = f"{body['time'][:13]}:00Z"
        if hour > current.hour:
            if current.entries:
                done = replace(current, root=log.tiles.root(index).hex(), previous=previous)
                previous = done.digest
                yield done
            current = Hour(current.log, hour, 0, 0, 0, 0, index, "")
        current = replace(
            current,
            entries=current.entries + 1,
            events=current.events + sum(stream["rows"] for stream in body.get("streams", ())),
            files_added=current.files_added + len(body.get("added", ())),
            files_removed=current.files_removed + len(body.get("removed", ())),
            size=index + 1,
        )

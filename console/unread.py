"""What to do about records that are in no format: said once, at the end of an ingest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from console.terminal import visible

if TYPE_CHECKING:
    from store.lake import Lake

_UNREAD = """
SELECT count(*) AS records, arg_min(place, (source_topic, source_partition, source_offset)) AS place
FROM dead_letters WHERE ends_with(error, $unread) AND ingest_time >= $since
"""


def unread_advice(lake: Lake, since: datetime) -> str | None:
    """Return what a person does about records since a time that no format recognised; None without any."""
    from ingest.catalog import UNREAD

    [found] = lake.sql(_UNREAD, {"since": since, "unread": UNREAD}).arrow().to_pylist()
    if not found["records"]:
        return None
    return (
        f"{found['records']:,} of them are in no format that is read, the first at {visible(found['place'])}\n"
        "  tooltrail formats list                       which formats are read, and by what each is known\n"
        "  tooltrail formats try FILE                   what they make of your records\n"
        "  tooltrail formats try FILE --skeleton        a mapping file to begin with: save it in a folder DIR\n"
        "  tooltrail ingest ... --format ID             read every record as one of them\n"
        "  docs/gateways.md                             how to add a format: a mapping file or an adapter\n"
        "  tooltrail deadletters replay --adapters DIR  then takes these in, without their session ids"
    )

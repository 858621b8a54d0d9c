"""An open review can be closed whatever is done to the lake meanwhile, and its records are part of the lake."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from company import END, ROSTER, START, call, filled, granted, imported

from analytics.review import closing, ledger
from analytics.review.basis import Scope
from analytics.review.closing import close, report_text
from analytics.review.deciding import Choice, decide
from analytics.review.ledger import Opening, begin
from store.errors import UnreachableError
from store.keeping.backing_up import back_up
from store.keeping.expiring import Periods
from store.keeping.maintaining import Upkeep, maintain
from store.keeping.pinning import lacking, pinned_files
from store.keeping.restoring import restore
from store.keeping.vacuuming import Ages, find_unneeded, vacuum_held
from store.lake import Lake
from store.locks import alone

SCOPE = Scope(since=START, until=END)
AT_ONCE = Ages(grace=-1.0)


@pytest.fixture
def begun(lake: Lake) -> Lake:
    """Return a lake of two small files of events with an open review of one used grant, all decided."""
    filled(lake, *(call(day, "ana", "list_repos") for day in range(1, 90)))
    filled(lake, *(call(day + 0.5, "ana", "list_repos", source_offset=1000 + day) for day in range(1, 90)))
    imported(lake, "roster", ROSTER)
    granted(lake, "1,ana,human,github,list_repos,permit,2025-01-01,,dora")
    begin(lake, Opening("q1", "dora"), SCOPE)
    [item] = ledger.items_of(lake, "q1")
    decide(lake, "q1", [Choice(item["item_id"], "keep", "", "dora")])
    return lake


def frozen_text(lake: Lake) -> str:
    """Return the data of the report of what was frozen."""
    return report_text(ledger.frozen_assessment(lake, ledger.campaign_row(lake, "q1")))


def upkeep(lake: Lake, periods: Periods | None = None) -> None:
    """Compact, expire and vacuum with no grace."""
    maintain(lake, Upkeep(periods or Periods(), ages=AT_ONCE))


@pytest.mark.slow
def test_upkeep_leaves_what_an_open_review_is_frozen_on(begun: Lake) -> None:
    """Compacted and expired rows leave the newest version; the report is the same, until the review is closed."""
    before = frozen_text(begun)
    everything = Periods(events=timedelta(days=1).total_seconds())
    filled(begun, call(89.95, "bob", "list_repos", source_offset=5000))
    upkeep(begun)
    upkeep(begun, everything)
    kept = pinned_files(begun)
    assert kept.isdisjoint(file.path for file in begun.snapshot("events").files)
    assert frozen_text(begun) == before
    close(begun, "q1", "dora")
    going = {str(unneeded.path) for unneeded in find_unneeded(begun, AT_ONCE)}
    assert {str(begun.path / "events" / path) for path in kept} <= going
    upkeep(begun)
    assert not any((begun.path / "events" / path).exists() for path in kept)


@pytest.mark.slow
def test_what_was_erased_does_not_keep_a_review_from_being_closed(begun: Lake) -> None:
    """An erasure takes what was frozen; closing says so and what to do, and without the report it is closed."""
    upkeep(begun)
    version = ledger.campaign_row(begun, "q1")["events_version"]
    assert lacking(begun, version) == []
    with alone(begun, "keeping"):
        vacuum_held(begun, AT_ONCE, reviews=False)
    assert lacking(begun, version)
    with pytest.raises(UnreachableError, match=r"not there any more.*events version 2") as told:
        close(begun, "q1", "dora")
    assert "tooltrail review close q1 --by WHO --without-report" in str(told.value)
    assert not closing.record_folder(begun, "q1").exists()
    seal = close(begun, "q1", "dora", with_report=False).seal
    assert seal is not None
    assert set(seal.files) == {"items.ndjson", "decisions.ndjson", "verdicts.ndjson"}
    assert closing.check_seal(begun, "q1") == []


@pytest.mark.slow
def test_a_backup_holds_reviews_open_and_closed(begun: Lake, tmp_path: Path) -> None:
    """Put back, an open review is closed with the same report, and the records of a closed one are whole."""
    begin(begun, Opening("q2", "dora"), SCOPE)
    close(begun, "q1", "dora")
    records = {f"review-records/{closing.record_folder(begun, 'q1').name}/{name}" for name in
               ("items.ndjson", "decisions.ndjson", "verdicts.ndjson", "report.json")}  # fmt: skip
    upkeep(begun)
    backup = back_up(begun, tmp_path / "backup", with_keys=True)
    assert records <= {held.path for held in backup.files}
    back = restore(tmp_path / "backup", tmp_path / "back", lambda _lake, _names: []).lake
    assert closing.check_seal(back, "q1") == []
    again, here = (ledger.frozen_assessment(lake, ledger.campaign_row(lake, "q2")) for lake in (back, begun))
    assert report_text(again) == report_text(here)
    [item] = ledger.items_of(back, "q2")
    decide(back, "q2", [Choice(item["item_id"], "keep", "", "dora")])
    assert close(back, "q2", "dora").status == "closed"

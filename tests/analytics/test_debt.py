"""Trust debt: the arithmetic to the digit, and what is not known said and kept apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lakes import rows_of

from analytics.debt import ShortLife, TrustDebt, debt
from store.errors import UsageError
from store.lake import Lake

DAY = datetime(2026, 10, 5, tzinfo=UTC)  # a Monday
COVERED = 900 / 86400


def at(days: float, hours: float = 0, minutes: float = 0) -> datetime:
    """Return a time after the first midnight."""
    return DAY + timedelta(days=days, hours=hours, minutes=minutes)


def use(when: datetime, key: str | None = "key-1", **fields: Any) -> dict[str, Any]:
    """Return a call with a static key that reads from one server."""
    usual = {
        "event_time": when, "credential_id": key, "credential_kind": "static_key",
        "server_name": "wiki", "tool_name": "read_page", "user_id": "ana",
        "issued_at": at(-100), "auth_method": "api_key",
    }  # fmt: skip
    return usual | fields


def proof(when: datetime, **fields: Any) -> dict[str, Any]:
    """Return a call with a token that lives an hour."""
    life = {"issued_at": when, "expires_at": when + timedelta(hours=1), "auth_method": "oauth_jwt"}
    return use(when, "jti-1", **{"credential_kind": "oauth_access_token", **life, **fields})


def owed(lake: Lake, *events: dict[str, Any], days: int = 1, **options: Any) -> TrustDebt:
    """Return the debt of the first days of a lake that saw all of them."""
    edges = [use(at(-1), None, server_name="edge"), use(at(30), None, server_name="edge")]
    told = [
        {"event_id": f"{n:032x}", "event_date": e["event_time"].date()} | e
        for n, e in enumerate([*events, *edges], 1)
    ]
    lake.append("events", rows_of(*told))
    found = debt(lake, at(0), at(days), **options)
    assert found is not None
    return found


def row(found: TrustDebt, key: str = "key-1") -> dict[str, Any]:
    """Return what is known of one key."""
    [one] = [r for r in found.by("credential").to_pylist() if r["credential_id"] == key]
    return one


def test_the_worked_example(lake: Lake) -> None:
    """A key valid all day and used for one call has covered 0.0104, and owes 0.99 key-days a day."""
    found = owed(lake, use(at(0, 9)), proof(at(-3)))
    [day] = found.days.sql("SELECT idle, debt, structural FROM days WHERE credential_id = 'key-1'").fetchall()
    assert round(COVERED, 4) == 0.0104
    assert day == pytest.approx((1 - COVERED, 1 - COVERED, 0), abs=1e-12)
    assert round(row(found)["debt"], 2) == 0.99
    assert row(found)["weight"] == 1


def test_uses_that_overlap_cover_once(lake: Lake) -> None:
    """Covered is a union: uses at 9:00, 9:05 and 9:10 cover 25 minutes; and a repeated one nothing more."""
    uses = [use(at(0, 9, minute)) for minute in (0, 5, 10, 10)]
    found = owed(lake, *uses, proof(at(-3)))
    assert row(found)["debt"] == pytest.approx(1 - 25 / 1440, abs=1e-12)


def test_a_short_life_of_its_own_holds_on_its_server(lake: Lake) -> None:
    """A long cover is not ended by a later, shorter one within it."""
    uses = [use(at(0, 9)), use(at(0, 9, 10), server_name="slow"), use(at(0, 9, 20))]
    lives = ShortLife(timedelta(minutes=15), {"slow": timedelta(hours=2)})
    found = owed(lake, *uses, proof(at(-3)), proof(at(-3), server_name="slow"), short_life=lives)
    assert row(found)["weight"] == 2
    assert row(found)["debt"] == pytest.approx(2 * (1 - 130 / 1440), abs=1e-12)


def test_a_cover_over_midnight_belongs_to_both_days(lake: Lake) -> None:
    """Fifteen minutes from 23:50 are ten of one day and five of the next; those from before the period count too."""
    found = owed(lake, use(at(-1, 23, 55)), use(at(0, 23, 50)), proof(at(-3)), days=2)
    days = found.days.sql("SELECT idle FROM days WHERE credential_id = 'key-1' ORDER BY day").fetchall()
    assert [idle for (idle,) in days] == pytest.approx([1 - 20 / 1440, 1 - 5 / 1440], abs=1e-12)


def test_a_key_owes_from_its_issue_to_its_end(lake: Lake) -> None:
    """Of days on which it was issued or expired only the valid part counts, and of a use only what was valid."""
    life = {"issued_at": at(1, 12), "expires_at": at(3, 6)}
    found = owed(lake, use(at(2, 9), **life), use(at(3, 5, 50), **life), proof(at(-3)), days=7)
    assert row(found)["debt"] == pytest.approx(1.75 - (15 + 10) / 1440, abs=1e-12)
    assert (row(found)["issued"], row(found)["ended"], row(found)["pace"]) == ("said", "expires", 0)
    assert found.pay_first().num_rows == 0


def test_a_revoked_key_owes_no_more(lake: Lake) -> None:
    """What was taken away is paid."""
    change = use(
        at(2), event_kind="entity_change", event_class="client_event", decision_reason="key was revoked"
    )
    found = owed(lake, use(at(0, 9)), change, proof(at(-3)), days=7)
    assert row(found)["debt"] == pytest.approx(2 - COVERED, abs=1e-12)
    assert row(found)["ended"] == "revoked"


def test_an_unknown_issue_date_counts_from_first_seen_and_says_so(lake: Lake) -> None:
    """Nothing is held against a key for a time in which nobody saw it."""
    found = owed(lake, use(at(1), issued_at=None), proof(at(-3)), days=3)
    assert row(found)["debt"] == pytest.approx(2 - COVERED, abs=1e-12)
    assert (row(found)["issued"], row(found)["ended"]) == ("first seen", "not known")


def test_without_proof_it_is_structural(lake: Lake) -> None:
    """Debt is only what could be avoided; the proof is named and holds for 90 days."""
    events = [use(at(0, 9)), use(at(0, 9), server_name="old"), proof(at(-3), event_id="e" * 32)]
    stale = proof(at(-91), server_name="old", event_id="d" * 32)
    found = owed(lake, *events, stale)
    servers = {r["server_name"]: r for r in found.by("server").to_pylist()}
    assert (servers["wiki"]["structural"], servers["wiki"]["proof"]) == (0, "e" * 32)
    assert (servers["old"]["debt"], servers["old"]["proof"]) == (0, None)
    assert servers["old"]["structural"] == pytest.approx(1 - COVERED, abs=1e-12)


def test_a_failed_or_long_lived_token_proves_nothing(lake: Lake) -> None:
    """Only success of a credential that lives at most twelve hours shows that short lives work."""
    long = proof(at(-3), credential_id="jti-2", expires_at=at(-2))
    found = owed(lake, use(at(0, 9)), proof(at(-3), outcome="tool_error"), long)
    assert row(found)["debt"] == 0
    assert row(found)["structural"] > 0.9


def test_weight_is_that_of_the_worst_tool_that_is_not_refused(lake: Lake) -> None:
    """What others did on a server is in reach; what the key was always refused is not."""
    other = proof(at(-3), tool_name="update_page")
    refused = use(at(0, 9), tool_name="delete_page", event_class="denial", decision="deny", outcome="denied")
    found = owed(lake, use(at(0, 9)), other, refused, proof(at(-3), tool_name="delete_page"))
    assert (row(found)["weight"], row(found)["worst_tool"]) == (3, "wiki.update_page")
    assert row(found)["debt"] == pytest.approx(3 * (1 - COVERED), abs=1e-12)


def test_multipliers_stand_apart(lake: Lake) -> None:
    """Sharing, binding and exposure change no number."""
    key, digest = "[REDACTED:api_key:0123456789abcdef]", "0123456789abcdef"
    leak = {"redactions": [{"path": "/token", "kind": "api_key", "digest": digest}]}
    uses = [use(at(0, 9), key, client_address="10.0.0.1"), use(at(0, 9), key, user_id="bo", **leak)]
    shown = row(owed(lake, *uses, proof(at(-3))), key)
    assert shown["debt"] == pytest.approx(1 - COVERED, abs=1e-12)
    assert (shown["shared"], shown["users"], shown["sender_bound"], shown["cleartext"]) == (True, 2, False, 1)
    assert shown["last_rotated"] == at(-100)


def test_who_nobody_knows_is_an_orphan(lake: Lake) -> None:
    """A key without a user is listed, not dropped; calls without a credential are counted."""
    found = owed(lake, use(at(0, 9), user_id=None), use(at(0, 10), None), proof(at(-3)))
    assert (row(found)["owner"], row(found)["orphan"]) == (None, True)
    assert found.by("owner")["owner"].to_pylist() == [None]
    assert found.anonymous == 1


def test_an_unknown_kind_is_counted_apart(lake: Lake) -> None:
    """What may be short-lived owes nothing, and is said."""
    found = owed(lake, use(at(0, 9), credential_kind="unknown", auth_method=None), proof(at(-3)))
    assert (found.keys.num_rows, found.unclassified) == (0, 1)
    assert found.total["debt"] == 0
    assert found.by("credential").num_rows == found.weeks("owner").num_rows == 0


def test_burn_down_by_week_and_days_to_zero(lake: Lake) -> None:
    """Seven, five, three keys: each week owes less, and the trend says when nothing is owed."""
    ends = [at(2 * n, 0) for n in range(1, 9)]
    keys = [use(at(-2), f"key-{n}", expires_at=end) for n, end in enumerate(ends)]
    found = owed(lake, *keys, use(at(-2), "key-last"), proof(at(-3)), days=14)
    weeks = {str(r["week"]): r["debt"] for r in found.weeks("owner").to_pylist()}
    assert weeks == pytest.approx(
        {"2026-10-05": 2 + 4 + 6 + 7 * 6, "2026-10-12": 1 + 3 + 5 + 7 * 3}, abs=1e-9
    )
    assert sum(weeks.values()) == pytest.approx(found.total["debt"])
    assert found.total["days_to_zero"] in range(2, 7)


def test_pay_first_drops_the_most_and_says_what_is_left(lake: Lake) -> None:
    """The order is that of the drop; after the last one nothing is left."""
    wide = [use(at(0, 9), "wide", server_name=name) for name in ("wiki", "handbook")]
    found = owed(lake, use(at(0, 9), "narrow"), *wide, proof(at(-3)), proof(at(-3), server_name="handbook"))
    first = found.pay_first().to_pylist()
    assert [r["credential_id"] for r in first] == ["wide", "narrow"]
    assert [r["drop"] for r in first] == pytest.approx([2 * (1 - COVERED), 1 - COVERED])
    assert [r["left"] for r in first] == pytest.approx([1 - COVERED, 0], abs=1e-12)


def test_a_broken_clock_moves_no_bounds(lake: Lake) -> None:
    """An event of 1999 in a file of today adds no decades of debt."""
    broken = use(datetime(1999, 1, 1, tzinfo=UTC), event_date=at(0).date(), issued_at=None)
    lake.append(
        "events", rows_of(use(at(0)), {**broken, "event_id": "a" * 32}, {**use(at(1)), "event_id": "b" * 32})
    )
    found = debt(lake)
    assert found is not None
    assert (found.since, found.until) == (at(0), at(1) + timedelta(microseconds=1))


def test_nothing_seen_is_nothing_known(lake: Lake) -> None:
    """An empty lake, and a period of which it saw nothing, have no debt of 0: they have none that is known."""
    assert debt(lake) is None
    lake.append("events", rows_of(use(at(0))))
    assert debt(lake, at(5), at(6)) is None


def test_a_short_life_is_at_most_a_day() -> None:
    """A longer one would not be short, and is refused."""
    with pytest.raises(UsageError, match="at most a day"):
        ShortLife(timedelta(days=2)).parameters()

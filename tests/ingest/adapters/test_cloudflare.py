"""What Cloudflare's portal log says."""

from __future__ import annotations

from typing import Any

import pytest
from reading import parse, picked, row, unmapped

JUDGED = ("decision", "decision_basis", "outcome", "parse_warnings")


def line(**fields: Any) -> dict[str, Any]:
    """Return a request through a portal."""
    return {"Datetime": "2026-08-21T10:00:00Z", "Method": "tools/call", "ToolCallName": "gh_delete_repo",
            "PortalID": "p1", "ServerID": "gh", "UserID": "u3", "Success": True, "Error": ""} | fields  # fmt: skip


@pytest.mark.parametrize(
    ("error", "judged"),
    [
        ("forbidden", ("deny", "weak", "denied", None)),
        ("401 Unauthorized", ("deny", "weak", "denied", None)),
        ("you do not have permission", ("deny", "weak", "denied", None)),
        ("request timed out", ("unknown", None, "timeout", ["error_kind_inferred"])),
        ("upstream closed", ("unknown", None, "transport_error", ["error_kind_inferred"])),
        ("no such issue", ("unknown", None, "tool_error", ["error_kind_inferred"])),
        ("", ("unknown", None, "tool_error", ["error_kind_inferred"])),
    ],
)
def test_a_failure_is_a_denial_where_its_text_says_so(error: str, judged: tuple[Any, ...]) -> None:
    """Success=false with a text of authorisation denies with weak basis; any other text decides nothing."""
    assert picked(row("cloudflare", line(Success=False, Error=error)), *JUDGED) == judged


def test_success_is_not_doubted_for_its_text() -> None:
    """An error text beside Success=true denies nothing."""
    found = row("cloudflare", line(Error="forbidden"))
    assert picked(found, *JUDGED) == ("unknown", None, "success", None)


@pytest.mark.parametrize(
    "value",
    [1787306400, 1787306400000, 1787306400000000, 1787306400000000000, "1787306400", 1787306400.0],
)
def test_a_time_is_read_by_its_size(value: Any) -> None:
    """Seconds, milli-, micro- and nanoseconds are told apart by how many they are."""
    assert row("cloudflare", line(Datetime=value))["event_time"] == "2026-08-21T10:00:00+00:00"


def test_an_impossible_time_is_kept() -> None:
    """A number that is no time costs only the time."""
    found = row("cloudflare", line(Datetime=-1))
    assert picked(found, "event_time", "parse_warnings") == (None, ["bad_time"])
    assert unmapped(found)["/Datetime"] == -1


def test_who_is_verified() -> None:
    """Cloudflare Access established the user; without one there is none."""
    assert picked(row("cloudflare", line()), "user_id", "user_assurance") == ("u3", "verified")
    assert picked(row("cloudflare", line(UserID="")), "user_id", "user_assurance") == (None, "unknown")


def test_a_wrong_type_is_rejected_by_name() -> None:
    """The field that does not fit is named."""
    (reject,) = parse("cloudflare", line(Success="yes")).rejects
    assert "Success" in reject.reason

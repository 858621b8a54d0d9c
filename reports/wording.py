"""How pages write values: text of logs made harmless, counts, shares and times."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

LONGEST = 600
"""A longer text is cut where a table shows it; how long it was is said."""
EXCERPT = 2_500
"""So much of a policy a page shows."""


def shown(value: Any) -> str:
    """Return text with its control characters and direction overrides made visible; None is a dash."""
    if value is None:
        return "–"
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def cut(text: str) -> str:
    """Return a text that a cell has room for."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def verbatim(value: Any) -> str:
    """Return text of several lines, each made harmless."""
    text = str(value)
    return text if text.isprintable() else "\n".join(shown(line) for line in text.split("\n"))


def excerpt(value: Any) -> str:
    """Return the beginning of a text of many lines, and how much more of it the files beside the page have."""
    text = str(value)
    if len(text) <= EXCERPT:
        return verbatim(text)
    begins = text[:EXCERPT].rpartition("\n")[0] or text[:EXCERPT]
    return f"{verbatim(begins)}\n… {len(text) - len(begins):,} characters more in the JSON beside this page"


def count(value: float) -> str:
    """Return a number with separators; fractions with two digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def share(value: float) -> str:
    """Return a share of one in percent: below one percent with a digit, so that little is not nothing."""
    digits = 0 if value >= 0.1 or value == 0 else 1
    return f"{value * 100:.{digits}f} %"


def stamp(value: datetime) -> str:
    """Return a time in UTC to the second."""
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def day(value: date) -> str:
    """Return a date; of a time, its date in UTC."""
    return stamp(value)[:10] if isinstance(value, datetime) else value.isoformat()


def some(number: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

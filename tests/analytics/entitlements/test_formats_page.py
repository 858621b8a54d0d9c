"""docs/entitlements.md shows each format by an example that is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analytics.entitlements.catalog import load
from analytics.entitlements.importing import read
from analytics.entitlements.reading import File

PAGE = (Path(__file__).parents[3] / "docs/entitlements.md").read_text("utf-8")
FORMATS = load()
_EXAMPLE = re.compile(r"^```(csv|json|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(format_id: str) -> list[tuple[str, str]]:
    """Return language and text of each example in a format's section."""
    section = PAGE.split(f"\n## {format_id}\n", 1)[1].split("\n## ", 1)[0]
    return _EXAMPLE.findall(section)


@pytest.mark.parametrize("format_id", FORMATS)
def test_each_format_is_shown_by_an_example_it_reads(format_id: str) -> None:
    """Every format has a section, and every example in it is read without a fault."""
    shown = examples(format_id)
    assert shown
    for language, text in shown:
        facts = read(FORMATS[format_id], [File(f"example.{language}", text.encode())])
        assert facts.entitlements or facts.principals


@pytest.mark.parametrize("format_id", FORMATS)
def test_a_truncated_export_is_refused_whole(format_id: str) -> None:
    """A file cut off in the middle of a record says where, and gives no fact that could be taken in."""
    language, text = examples(format_id)[0]
    cut = text.rstrip()[: -len(text.rstrip().splitlines()[-1]) // 2 - 1].encode()
    facts = FORMATS[format_id].read(File(f"cut.{language}", cut))
    assert facts.faults
    assert all(fault.place.file == f"cut.{language}" and fault.place.line >= 1 for fault in facts.faults)

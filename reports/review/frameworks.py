"""What the frameworks ask for, what looked for it, and what was found; not evaluable is a column of its own."""

from __future__ import annotations

from collections.abc import Iterator

from analytics.detecting import catalog, frameworks
from analytics.review.model import Assessment
from reports.review.rows import Row

_SECTIONS = {
    "PR.AA-01": "8, 14", "PR.AA-05": "4, 12", "NHI1": "8", "NHI5": "4, 5", "NHI7": "7",
    "MCP02": "9, 12", "MCP07": "10",
}  # fmt: skip
"""Sections of the report that speak of a control beside its findings."""


def framework_rows(found: Assessment) -> list[Row]:
    """Return a row for each control that a detection speaks of, those with findings first."""
    return sorted(_rows(found), key=lambda row: (-row["findings"], -row["not_evaluable"], row["control"]))


def _rows(found: Assessment) -> Iterator[Row]:
    silent = {one.detection for one in found.coverage.not_evaluable}
    detections = catalog.load()
    of_tag: dict[str, list[str]] = {}
    for name, detection in detections.items():
        for tag in detection.tags:
            of_tag.setdefault(tag, []).append(name)
    for note in found.findings:
        for tag in note.tags:
            of_tag.setdefault(tag, [])
    for tag, names in of_tag.items():
        notes = [note for note in found.findings if tag in note.tags]
        yield {
            "control": tag, "asks": frameworks.title(tag), "detections": len(names),
            "evaluated": sum(name not in silent for name in names),
            "not_evaluable": sum(name in silent for name in names), "findings": len(notes),
            "open": sum(note.state == "open" for note in notes), "sections": _SECTIONS.get(tag),
        }  # fmt: skip

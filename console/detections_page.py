"""docs/detections.md: every detection as its file's header states it, generated."""

from __future__ import annotations

from collections.abc import Iterator

from analytics.detecting.catalog import Detection, load
from analytics.detecting.frameworks import frameworks, title

_HEAD = """# Detections

Generated from the headers of `analytics/detections`; do not edit. `tooltrail detect` runs them all, `--only ID` one;
`--detections DIR` adds a folder of yours: a file there is a detection.

A detection says *not evaluable* when no event of the day tells one of the columns it requires (of sessions: no session
of the lake). Its parameters are the `$names` of its SQL. The tags are those of {lists}.

| id | title | severity | confidence |
|---|---|---|---|
"""


def detections_page() -> str:
    """Return docs/detections.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    pack = load().values()
    lists = ", ".join(f"{f.name} ({f.version})" for f in frameworks())
    rows = [f"| [`{d.id}`](#{d.id}) | {_text(d.title)} | {d.severity} | {d.confidence:g} |" for d in pack]
    yield _HEAD.format(lists=lists) + "\n".join(rows)
    for detection in pack:
        yield from _detection(detection)


def _detection(detection: Detection) -> Iterator[str]:
    yield f"\n## {detection.id}\n\n**{_text(detection.title)}.** {_text(detection.why)}\n"
    yield f"- What to do next: {_text(detection.next)}"
    yield f"- What else it could be: {_text('; '.join(detection.false_positives))}."
    yield f"- Requires: {_names(detection.requires) or 'nothing'}"
    if detection.parameters:
        values = (f"`{name} = {value!r}`" for name, value in detection.parameters.items())
        yield f"- Parameters: {', '.join(values)}"
    if detection.rollout:
        yield f"- One note for many people who begin the same {_names(detection.rollout)} at once"
    yield f"- Tags: {'; '.join(f'{tag} {_text(title(tag))}' for tag in detection.tags)}"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _text(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")

"""Drawings: pure shapes whose colours follow the page, equal for equal data, harmless whatever names hold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from reports.charts import (
    burn_down,
    decision_times,
    keys_by_age,
    progress,
    stacked_days,
    states_by_server,
    used_matrix,
)
from reports.charts.grants import MOST_PRINCIPALS, Square
from reports.page import Figure

HOSTILE = "</text></svg><script>alert(1)</script>'\"\\\u202e${1}"
NOW = datetime(2026, 10, 8, tzinfo=UTC)
_ALLOWED = {"svg", "desc", "g", "path", "rect", "line", "text", "circle"}


def figures(name: str = HOSTILE) -> list[Figure | None]:
    """Return one of each chart, with a name of a log where one goes."""
    key = {
        "valid_from": NOW - timedelta(days=90),
        "last_used": NOW - timedelta(days=3),
        "debt": 4.5,
        "credential_id": name,
    }
    return [
        states_by_server({name: {"used": 3, "unused": 4}, "crm": {"denied_only": 1}}),
        used_matrix([Square(name, name, "used", 1), Square("ana", "crm", "used_not_granted", 1)]),
        keys_by_age([key, {**key, "last_used": None, "debt": 0.0}], NOW),
        burn_down([{"week": date(2026, 9, 28), "debt": 3.0, "structural": 1.0}]),
        progress([NOW, NOW + timedelta(hours=1)], 5, NOW),
        decision_times([1.0, 20.0, 4000.0]),
        stacked_days([{"day": date(2026, 10, 1), "passed": 4, "denied": 1}]),
    ]


@pytest.mark.parametrize("number", range(7))
def test_a_drawing_is_shape_and_text_alone(number: int) -> None:
    """No style, script, id, link or handler; hostile names are text; who cannot see it gets its words."""
    figure = figures()[number]
    assert figure is not None
    root = ET.fromstring(figure.svg)  # noqa: S314 - our own drawing
    for element in root.iter():
        assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in _ALLOWED
        assert not {"style", "id", "href"} & set(element.attrib)
        assert not any(name.startswith("on") for name in element.attrib)
    assert root.get("role") == "img"
    assert len(root.get("aria-label", "")) > 20
    assert "\u202e" not in figure.svg


def test_every_colour_has_a_class() -> None:
    """A colour without one would stay light on a dark page."""
    for figure in figures():
        assert figure is not None
        for element in ET.fromstring(figure.svg).iter():  # noqa: S314 - our own drawing
            for name, letter in (("fill", "f-"), ("stroke", "s-")):
                colour = element.get(name, "none")
                if re.fullmatch(r"#[0-9a-f]{6}", colour):
                    assert f"{letter}" in element.get("class", ""), (colour, element.attrib)


def test_equal_data_gives_equal_bytes() -> None:
    """Nothing of the machine or the moment is in a drawing."""
    assert [figure and figure.svg for figure in figures()] == [figure and figure.svg for figure in figures()]


def test_without_data_there_is_no_drawing() -> None:
    """An empty frame would look like a finding."""
    empty = [states_by_server({}), used_matrix([]), keys_by_age([], NOW), burn_down([]), progress([], 3, NOW),
             decision_times([]), stacked_days([])]  # fmt: skip
    assert empty == [None] * 7


def test_a_large_matrix_shows_a_part_and_says_so() -> None:
    """Of five hundred principals those with most squares are drawn."""
    figure = used_matrix([Square(f"p{n}", "crm", "unused", 1) for n in range(500)])
    assert figure is not None
    assert f"({MOST_PRINCIPALS} of 500, those with most squares)" in figure.title

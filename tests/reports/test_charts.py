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
from reports.charts.contours import equal_debt
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


def keys(count: int) -> list[dict[str, object]]:
    """Return credentials of which the older and the longer idle owe more."""
    return [
        {"credential_id": f"k{n}", "valid_from": NOW - timedelta(days=3 * n + 1), "debt": 2.0 * n,
         "last_used": NOW - timedelta(days=(n * 7) % (3 * n + 1))}
        for n in range(count)
    ]  # fmt: skip


def test_lines_of_equal_debt_are_where_so_much_is_owed() -> None:
    """Each lies between credentials that owe less and more; levels are round; where no credential is, there is none."""
    points = [
        {"age": float(x), "idle": float(y), "debt": float(x)}
        for x in range(0, 101, 5)
        for y in range(0, 51, 5)
    ]
    lines = equal_debt(points)
    assert sorted({line["level"] for line in lines}) == [10.0, 20.0, 50.0]
    assert all(abs(line["age"] - line["level"]) < 4 for line in lines)
    halves = [p for p in points if p["age"] <= 20 or p["age"] >= 80]
    assert not any(35 < line["age"] < 65 for line in equal_debt(halves))
    assert equal_debt(points[:5]) == equal_debt([{"age": 0.0, "idle": 0.0, "debt": 1.0}] * 9) == []


def test_the_chart_of_credentials_says_its_lines() -> None:
    """Those who do not see the lines are told their levels; few credentials have none."""
    many, few = keys_by_age(keys(30), NOW), keys_by_age(keys(4), NOW)
    assert many is not None
    assert few is not None
    assert "lines of equal debt at " in many.svg
    assert (many.svg.count("stroke-dasharray") > 2, "stroke-dasharray" in few.svg) == (True, False)
    assert "equal debt" not in few.title
    again = keys_by_age(keys(30), NOW)
    assert again is not None
    assert again.svg == many.svg


def test_a_large_matrix_shows_a_part_and_says_so() -> None:
    """Of five hundred principals those with most squares are drawn."""
    figure = used_matrix([Square(f"p{n}", "crm", "unused", 1) for n in range(500)])
    assert figure is not None
    assert f"({MOST_PRINCIPALS} of 500, those with most squares)" in figure.title

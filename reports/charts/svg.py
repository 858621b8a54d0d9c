"""Vega-Lite to SVG that a page may hold: no style, no script, no id, and colours that follow light and dark.

Colours are given as those of the light page; each gets a class by which the page's stylesheet says it again, for a
dark one too. Layout never depends on how wide a font is, so that equal data gives equal bytes on any machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from reports.wording import shown

PALETTE = {
    "ink": "#1b2230",
    "soft": "#566072",
    "line": "#d9dee7",
    "paper": "#ffffff",
    "empty": "#e9edf4",
    "denied": "#b3261e",
    "warned": "#8a5200",
    "left": "#6b3fa0",
    "reached": "#17693c",
    "asked": "#3451c6",
}
_NAMES = {colour: name for name, colour in PALETTE.items()}
_SVG = "http://www.w3.org/2000/svg"
_KEPT = frozenset({
    "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "viewBox", "transform", "fill", "stroke",
    "stroke-width", "stroke-dasharray", "stroke-miterlimit", "text-anchor", "font-size", "font-weight", "opacity",
    "fill-opacity", "stroke-opacity",
})  # fmt: skip
_AXIS = {
    "labelColor": PALETTE["soft"],
    "titleColor": PALETTE["soft"],
    "domainColor": PALETTE["line"],
    "tickColor": PALETTE["line"],
    "gridColor": PALETTE["line"],
    "labelFontSize": 11,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "labelLimit": 0,
    "labelOverlap": False,
}


@dataclass(frozen=True)
class Frame:
    """The size of a drawing in pixels: the plot, and what is left around it."""

    width: int
    height: int
    left: int = 60
    right: int = 20
    top: int = 12
    bottom: int = 42


def draw(plot: Mapping[str, Any], frame: Frame, title: str, description: str) -> Markup:
    """Return a plot as one `<svg>`, named and described for those who do not see it."""
    import vl_convert

    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": frame.width,
        "height": frame.height,
        "padding": {"left": frame.left, "right": frame.right, "top": frame.top, "bottom": frame.bottom},
        "autosize": {"type": "none"},
        "background": None,
        "config": {"axis": _AXIS, "view": {"stroke": None}, "legend": {"disable": True}},
        **plot,
    }
    root = ET.fromstring(vl_convert.vegalite_to_svg(json.dumps(spec)))  # noqa: S314 - made just now, from our own spec
    return Markup(_named(_cleaned(root), title, description))  # noqa: S704 - serialised, every text escaped


def _cleaned(element: ET.Element) -> ET.Element:
    """Return an element with nothing but shape, place, text and colour."""
    tag = element.tag.removeprefix(f"{{{_SVG}}}")
    made = ET.Element(tag, {name: value for name, value in element.attrib.items() if name in _KEPT})
    made.text = shown(element.text) if tag == "text" and element.text else None
    classes = [
        f"{letter}-{_NAMES[element.get(name, '')]}"
        for name, letter in (("fill", "f"), ("stroke", "s"))
        if element.get(name) in _NAMES
    ]
    if classes:
        made.set("class", " ".join(classes))
    for child in element:
        kept = _cleaned(child)
        if len(kept) or kept.tag in ("text", "line", "rect", "circle") or kept.get("d"):
            made.append(kept)
    return made


def _named(root: ET.Element, title: str, description: str) -> str:
    root.set("xmlns", _SVG)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-label", f"{title}. {description}")
    told = ET.Element("desc")
    told.text = description
    root.insert(0, told)
    return ET.tostring(root, encoding="unicode")


def cut(name: str | None, length: int = 26) -> str:
    """Return a name as long as a drawing has room for."""
    text = shown(name) if name else "(not named)"
    return text if len(text) <= length else f"{text[: length - 1]}…"

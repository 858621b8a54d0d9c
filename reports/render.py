"""Turn a report's context into one HTML file that fetches nothing and runs nothing.

Logs hold text that attackers chose: everything is escaped, an undefined name is an error, and the page's own policy
forbids scripts and the network.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TEMPLATES = Path(__file__).parent


def render(template: str, context: DataclassInstance) -> str:
    """Return the page. `template` is a path below reports/; the context's fields are the only names it knows."""
    fields = {f.name: getattr(context, f.name) for f in dataclasses.fields(context)}
    return _environment().get_template(template).render(fields)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    return environment


def shown(value: Any) -> str:
    """Return text with its control characters and direction overrides made visible; None is a dash."""
    if value is None:
        return "–"
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)

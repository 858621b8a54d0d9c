"""YAML as nodes that know where they stand, for faults that can be found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from analytics.entitlements.facts import Fault, Place
from analytics.entitlements.reading import File


def documents(file: File, text: str) -> tuple[list[Any], Fault | None]:
    """Return the root node of each document; a fault where it is not YAML."""
    try:
        return [node for node in yaml.compose_all(text, Loader=yaml.SafeLoader) if node is not None], None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(file.name, mark.line + 1, mark.column + 1) if mark else Place(file.name, 1, 1)
        return [], Fault(place, f"not YAML: {error.problem}")
    except yaml.YAMLError as error:
        return [], Fault(Place(file.name, 1, 1), f"not YAML: {error}".partition("\n")[0])


def child(node: Any, *names: str) -> Any:
    """Return the value under a path of keys of a mapping, or None."""
    for name in names:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if key.value == name), None)
    return node


def elements(node: Any) -> list[Any]:
    """Return the nodes of a list; of anything else none."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def under(node: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """Yield every value under a key of this name, however deep, with the mapping that holds it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                yield node, value
            yield from under(value, name)
    for part in elements(node):
        yield from under(part, name)


def place(file: File, node: Any) -> Place:
    """Return where a node begins."""
    return Place(file.name, node.start_mark.line + 1, node.start_mark.column + 1)

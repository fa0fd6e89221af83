"""Components that no other part of the document refers to."""

from collections.abc import Iterator
from typing import Any, cast

type Document = dict[str, Any]

PRUNED = ("parameters", "examples")
"""The kinds of components that are made for every resource, also for one without operations."""


def without_unused(document: Document) -> Document:
    """Return the document without parameters and examples that nothing refers to."""
    used = set(_references(document))
    components: dict[str, Document] = document["components"]
    pruned = {
        kind: {name: value for name, value in components[kind].items() if f"#/components/{kind}/{name}" in used}
        for kind in PRUNED
    }
    return document | {"components": components | pruned}


def _references(node: Any) -> Iterator[str]:
    """Yield each `$ref` of a part of the document."""
    if isinstance(node, dict):
        for name, value in cast(Document, node).items():
            if name == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in cast(list[Any], node):
            yield from _references(item)

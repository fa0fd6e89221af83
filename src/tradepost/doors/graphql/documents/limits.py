"""Limits on the size of a document, checked in one pass before validation.

The pass counts aliases, introspection fields, and the fields that remain when all fragments are
expanded. It is linear in the length of the document, because each fragment is measured once, no
matter how often it is spread or how deep spreads are nested (CVE-2026-34573). It ends at the first
limit that is exceeded.
"""

from collections.abc import Mapping

from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from tradepost.kit.problems import TooExpensive
from tradepost.kit.resource.selection import MAX_ALIASES, too_many_aliases

from ..problems import DocumentTooLarge, TooManyIntrospections

INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})
MAX_REPEATS, MAX_INTROSPECTIONS, MAX_FIELDS = 60, 4, 10_000


class DocumentMeasure:
    """The counts of one document."""

    def __init__(self, ast: DocumentNode) -> None:
        self.fragments: Mapping[str, FragmentDefinitionNode] = {
            d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self.fragment_sizes: dict[str, int] = {}
        self.repeats: dict[str, int] = {}
        self.aliases = self.introspections = 0

    def selection_set_size(self, selection_set: SelectionSetNode) -> int:
        """Return the number of fields in a selection set. A fragment counts once per set."""
        fields, spread = 0, set[str]()
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                self.count_field(node)
                fields += 1
                if node.selection_set is not None:
                    fields += self.selection_set_size(node.selection_set)
            elif isinstance(node, InlineFragmentNode):
                fields += self.selection_set_size(node.selection_set)
            elif (name := node.name.value) not in spread:  # type: ignore[attr-defined]
                spread.add(name)
                fields += self.fragment_size(name)
            if fields > MAX_FIELDS:
                raise TooExpensive(f"The document expands to more than {MAX_FIELDS} fields.", limit=MAX_FIELDS)
        return fields

    def fragment_size(self, name: str) -> int:
        """Return the number of fields in a fragment. Validation rejects cycles and unknown ones."""
        if name not in self.fragment_sizes:
            self.fragment_sizes[name] = 0
            if (fragment := self.fragments.get(name)) is not None:
                self.fragment_sizes[name] = self.selection_set_size(fragment.selection_set)
        return self.fragment_sizes[name]

    def count_field(self, node: FieldNode) -> None:
        """Count the alias, the introspection field and the repeats of a response key.

        Validation compares all fields with the same response key and a selection set pairwise:
        280 repeats of one field took 0.7 s.
        """
        if node.alias is not None:
            self.aliases += 1
            if self.aliases > MAX_ALIASES:
                raise too_many_aliases()
        if node.name.value in INTROSPECTION_FIELDS:
            self.introspections += 1
            if self.introspections > MAX_INTROSPECTIONS:
                raise TooManyIntrospections(
                    f"A document may have at most {MAX_INTROSPECTIONS} `__schema` and `__type` fields."
                )
        if node.selection_set is not None:
            key = (node.alias or node.name).value
            self.repeats[key] = self.repeats.get(key, 0) + 1
            if self.repeats[key] > MAX_REPEATS:
                raise DocumentTooLarge(f"A field is repeated more than {MAX_REPEATS} times under the same key.")


def check_limits(ast: DocumentNode) -> None:
    """Raise a Problem if the document exceeds a limit."""
    measure = DocumentMeasure(ast)
    for definition in ast.definitions:
        if isinstance(definition, OperationDefinitionNode):
            measure.selection_set_size(definition.selection_set)
    for name in measure.fragments:
        measure.fragment_size(name)

"""What no document may exceed, told by one look at it before it is validated: aliases, looks at the schema, and how much it comes to.

The look is linear in the document however its fragments are nested, and ends at the first ceiling: a fragment is measured once, whatever
number of times it is spread (CVE-2026-34573). What a document comes to is how many fields are left when all fragments are written out.
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
MOST_REPEATS, MOST_META, MOST_FIELDS = 60, 4, 10_000


class DocumentMeasure:
    """One look at a document."""

    def __init__(self, ast: DocumentNode) -> None:
        self.fragments: Mapping[str, FragmentDefinitionNode] = {
            d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self.measured: dict[str, int] = {}
        self.repeats: dict[str, int] = {}
        self.aliases = self.introspections = 0

    def measure(self, chosen: SelectionSetNode) -> int:
        """How many fields a selection set comes to; each fragment counts once in a set."""
        fields, spread = 0, set[str]()
        for node in chosen.selections:
            if isinstance(node, FieldNode):
                self.note(node)
                fields += 1 + (self.measure(node.selection_set) if node.selection_set is not None else 0)
            elif isinstance(node, InlineFragmentNode):
                fields += self.measure(node.selection_set)
            elif (name := node.name.value) not in spread:  # type: ignore[attr-defined]
                spread.add(name)
                fields += self.fragment(name)
            if fields > MOST_FIELDS:
                raise TooExpensive(f"The document comes to more than {MOST_FIELDS} fields.", limit=MOST_FIELDS)
        return fields

    def fragment(self, name: str) -> int:
        """The same of a fragment, measured once. One that leads back to itself, or is not there, is left to the validation."""
        if name not in self.measured:
            self.measured[name] = 0
            if (found := self.fragments.get(name)) is not None:
                self.measured[name] = self.measure(found.selection_set)
        return self.measured[name]

    def note(self, node: FieldNode) -> None:
        """Counts a field as it is written.

        The validation compares all fields of one key that have fields below them with one another: 280 times the same took it 0.7 s.
        """
        if node.alias is not None:
            self.aliases += 1
            if self.aliases > MAX_ALIASES:
                raise too_many_aliases()
        if node.name.value in INTROSPECTION_FIELDS:
            self.introspections += 1
            if self.introspections > MOST_META:
                raise TooManyIntrospections(
                    f"`__schema` and `__type` may be asked for {MOST_META} times in a document."
                )
        if node.selection_set is not None:
            key = (node.alias or node.name).value
            self.repeats[key] = self.repeats.get(key, 0) + 1
            if self.repeats[key] > MOST_REPEATS:
                raise DocumentTooLarge(f"A field is written more than {MOST_REPEATS} times under one key.")


def check_limits(ast: DocumentNode) -> None:
    """Refuses a document that is over a ceiling."""
    look = DocumentMeasure(ast)
    for definition in ast.definitions:
        if isinstance(definition, OperationDefinitionNode):
            look.measure(definition.selection_set)
    for name in look.fragments:
        look.fragment(name)

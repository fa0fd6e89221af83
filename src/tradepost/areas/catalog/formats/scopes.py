"""Works out what a product in a CSV file changes in a product that exists: what it has columns for.

A blank cell is a value as well: it empties its member. Cells of members that cannot be empty, such
as a SKU, and cells that cannot be read are reported to the reader (`RowReader.keep`).
"""

from collections.abc import Mapping

from .format import Format
from .row_reader import JsonObject, RowReaderResult
from .update_scope import MemberScope, UpdateScope

VARIANT_PREFIX = "variants."
# Members of a record that some formats have no column for. A note holds them.
MEMBERS = (
    "attributes", "source", "variants.attributes", "variants.source", "variants.name", "variants.position",
    "variants.tax_class", "variants.external_reference", "variants.options", "variants.low_stock_threshold",
    "variants.requires_shipping", "variants.withdrawal_excluded",
)  # fmt: skip


class ScopeBuilder:
    """Builds the scopes of the products in one file, from the columns of its header by key."""

    def __init__(self, format: Format, column_names: Mapping[str, str]) -> None:
        self.format = format
        self.has_notes = any(column in column_names for column in format.note_columns or ())
        self.columns = {
            member: present
            for member, columns in format.member_columns.items()
            if member not in format.new_members and (present := [c for c in columns if c in column_names])
        }
        members = {*self.columns, *(MEMBERS if self.has_notes else ())}
        # Unless a column holds it as a whole, `source` has a key for each column.
        self.keys: dict[str, frozenset[str]] = {}
        if format.note_columns is not None:
            members |= {"source", f"{VARIANT_PREFIX}source"}
            self.keys = {} if self.has_notes else {"source": frozenset(column_names.values())}
        self.members = frozenset(members)
        self.product_members, self.variant_members = _split(self.members)

    def build(self, product: JsonObject, line: int, result: RowReaderResult) -> UpdateScope:
        """Return the scope of a product, whose own row is in `line`."""
        keys = self.keys
        if result.attribute_keys is not None and not self.has_notes:
            keys = keys | {"attributes": result.attribute_keys}
        categories = {"category_ids"} if "categories" in result.noted else set[str]()
        members = self.product_members if not result.kept else _split(self._without_kept(line, result))[0]
        variants = [
            MemberScope(
                self.variant_members if not result.kept else _split(self._without_kept(variant_line, result))[1],
                self.keys,
                result.has_regular_prices_only,
            )
            for variant_line in result.variant_lines[: len(product["variants"])]
        ]
        return UpdateScope(
            MemberScope(members | categories, keys), variants, replaces_main_category=self.format.has_main_category_only
        )

    def _without_kept(self, line: int, result: RowReaderResult) -> frozenset[str]:
        """Return the members of which a cell in this line decides."""
        kept = [
            member
            for member, columns in self.columns.items()
            if all((line, column) in result.kept for column in columns)
        ]
        return self.members.difference(kept)


def _split(members: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the members of a product, and those of a variant without their prefix."""
    of_variant = [member for member in members if member.startswith(VARIANT_PREFIX)]
    return members.difference(of_variant), frozenset([m.removeprefix(VARIANT_PREFIX) for m in of_variant])

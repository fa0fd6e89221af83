"""Batches of products that come from an imported file."""

from tradepost.kit.writes.call_context import CallContext

from ..formats.records import ProductRecord
from ..formats.update_scope import UpdateScope
from ..schemas import ProductBatchItem
from .batch import ProductBatches
from .events import quantities_imported
from .upserts import UpsertOutcome


class ImportItem(ProductBatchItem):
    """An upsert of an imported product.

    scope: what it changes in an existing product; None for the members in its input.
    """

    scope: UpdateScope | None = None


class ProductImports(ProductBatches):
    """Product batches that also accept stock quantities and image URLs.

    A variant with an unknown SKU or none updates the variant with the same options, because a shop
    may add its SKUs later.

    set_stock: whether stock quantities replace the stock of variants that have stock already.
    other_variants: by product id, the SKUs of variants that are not in the file.
    """

    input_type, match_by_options = ProductRecord, True

    def __init__(self, context: CallContext, *, set_stock: bool = False) -> None:
        super().__init__(context)
        self.set_stock = set_stock
        self.other_variants: dict[str, list[str]] = {}

    def scope_of(self, item: ProductBatchItem) -> UpdateScope | None:
        """Return what an upsert changes in an existing product."""
        return item.scope if isinstance(item, ImportItem) else None

    def upserted(self, outcome: UpsertOutcome) -> None:
        """Collect the variants that are not in the file, and pass on the stock quantities."""
        self.other_variants[outcome.id] = outcome.other_variants
        quantities_imported(self.context, outcome.quantities, replaces_stock=self.set_stock)

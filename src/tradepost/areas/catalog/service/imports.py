"""Imports: batches whose items came from a file."""

from ..formats.records import ProductRecord
from .batch import ProductBatches


class ProductImports(ProductBatches):
    """Batches of what readers yield: with the stock of the variants and the addresses of the pictures.

    A variant whose SKU is new to its product takes the place of the one with the same options: a shop may fill in its SKUs later.
    """

    input_type, match_by_options = ProductRecord, True

"""Batches of products that come from an imported file."""

from ..formats.records import ProductRecord
from .batch import ProductBatches


class ProductImports(ProductBatches):
    """Product batches that also accept stock quantities and image URLs.

    A variant with an unknown SKU updates the variant with the same options, because a shop may add
    its SKUs later.
    """

    input_type, match_by_options = ProductRecord, True

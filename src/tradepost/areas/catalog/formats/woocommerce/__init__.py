"""WooCommerce's product export, as its exporter writes it with an English header.

    reader      groups rows, and parses a product     columns   the columns of a file
    variants    variations, and simple products       cells     formula marks, lists, line breaks
    attributes  options and other attributes          prices    regular price, sale price and dates
    source      cells that no member represents

Source: woocommerce.com, "Product CSV Import Schema", and the exporter,
`class-wc-product-csv-exporter.php`.
"""

from .reader import WOOCOMMERCE

__all__ = ["WOOCOMMERCE"]

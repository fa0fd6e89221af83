"""WooCommerce's product export, as its exporter writes it under an English header.

    reader      which row belongs to what, and the product of a row     columns   which columns a file has
    variants    what can be bought: a variation, or a simple product    cells     marks, lists and line breaks
    attributes  options, and what else is said of a product             prices    regular and sale price, the days of a sale
    source      what is kept beside the model

Source: woocommerce.com, "Product CSV Import Schema", and the exporter `class-wc-product-csv-exporter.php`.
"""

from .reader import WOOCOMMERCE

__all__ = ["WOOCOMMERCE"]

"""Services of carts, one file per aggregate."""

from .cart_finder import StoredCartFinder
from .carts import Carts
from .claims import CartClaims
from .closed_accounts import delete_carts
from .expiry import expire_carts
from .lines import CartLines
from .open_carts import complete_cart, lock_open_cart
from .quote_lines import QuotedLine
from .quotes import CartQuotes
from .quoting import QuotedCart, quote_cart
from .settings import CartSettings
from .sold_variants import SoldVariant

__all__ = [
    "CartClaims",
    "CartLines",
    "CartQuotes",
    "CartSettings",
    "Carts",
    "QuotedCart",
    "QuotedLine",
    "SoldVariant",
    "StoredCartFinder",
    "complete_cart",
    "delete_carts",
    "expire_carts",
    "lock_open_cart",
    "quote_cart",
]

"""Quotes of carts."""

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..resource import cart_quotes, carts
from ..schemas import CartQuote
from .quoting import quote_cart


class CartQuotes(Service):
    """Quotes carts."""

    @operation("cart_quote", "get", cart_quotes, access=policy.anyone, path_resource=carts)
    async def get(self, key: str, selection: Selection[CartQuote]) -> Record[CartQuote]:
        """Quote a cart: its totals now, and the possible shipping and payment methods.

        `problems` prevent an order, `notices` do not.
        """
        return self.respond(cart_quotes, (await quote_cart(self.context, key)).quote, selection)

"""Guests of a shop: the tokens of their carts, and a double of the table of carts."""

from collections.abc import Mapping

from tradepost.kit.auth.cart_token import CartTokens, GuestTokens


class KnownCarts:
    """A CartTokens that knows these carts by the hash of their token, and else asks `others`."""

    def __init__(self, carts: Mapping[str, str] | None = None, others: CartTokens | None = None) -> None:
        self.carts, self.others = dict(carts or {}), others

    def open_cart(self, tokens: GuestTokens, cart_id: str) -> str:
        """Return a new token that opens a cart."""
        token = tokens.new_cart_token()
        self.carts[tokens.hash(token)] = cart_id
        return token

    async def find_cart(self, token_hash: str) -> str | None:
        """Return the id of the cart with this hash."""
        cart_id = self.carts.get(token_hash)
        return await self.others.find_cart(token_hash) if cart_id is None and self.others is not None else cart_id

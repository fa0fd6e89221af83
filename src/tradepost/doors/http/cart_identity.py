"""The cart or order that the token in `X-Cart-Token` opens, with or without a credential."""

import msgspec

from tradepost.kit.auth.caller import Caller
from tradepost.kit.auth.cart_token import CART_TOKEN_PATTERN, CartTokens, GuestTokens
from tradepost.kit.clock import Clock, now
from tradepost.kit.rate_limit.cart_token_attempts import CartTokenAttempts


class CartIdentity:
    """Adds a cart or an order to the callers of both APIs."""

    def __init__(
        self,
        tokens: GuestTokens,
        carts: CartTokens | None,
        attempts: CartTokenAttempts | None = None,
        *,
        clock: Clock = now,
    ) -> None:
        """`carts` finds carts; None if the shop has none. Without `attempts` there is no limit."""
        self.tokens, self.carts, self.attempts, self.clock = tokens, carts, attempts, clock

    async def identify(self, caller: Caller, header: bytes, address: str) -> Caller:
        """Return the caller with the cart or order of the header's token.

        An unknown or expired token counts as none, and as a wrong one: raise QuotaExceeded if the
        client address has sent too many of them.
        """
        token = header.decode("latin-1").strip()
        if not token:
            return caller
        token_hash = self.tokens.hash(token)
        cart_id = order_id = None
        if self.carts is not None and CART_TOKEN_PATTERN.fullmatch(token):
            cart_id = await self.carts.find_cart(token_hash)
        else:
            order_id = self.tokens.find_order(token, self.clock())
        if cart_id is None and order_id is None:
            if self.attempts is not None:
                await self.attempts.count(address)
            return caller
        return msgspec.structs.replace(caller, cart_id=cart_id, order_id=order_id, token_hash=token_hash)

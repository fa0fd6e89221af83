"""The cart or order that the token in `X-Cart-Token` opens, with or without a credential."""

import msgspec

from tradepost.kit.auth.caller import Caller
from tradepost.kit.auth.cart_token import CART_TOKEN_PATTERN, CartFinder, GuestTokens
from tradepost.kit.clock import Clock, now
from tradepost.kit.rate_limit.client_key import client_key
from tradepost.kit.rate_limit.hourly_limit import HourlyLimit
from tradepost.kit.rate_limit.meter import Meter, RateLimits

TOO_MANY_WRONG_TOKENS = (
    "Too many invalid cart tokens from this address; at most {per_hour} per hour are allowed. "
    "Send the request without `X-Cart-Token`, or with a valid one."
)


class CartIdentity:
    """Adds a cart or an order to the callers of both APIs.

    A token cannot be guessed. The limit on wrong ones stops clients that send old tokens again and
    again. Requests with a valid token are not counted and not refused, so one client does not lock
    out the others at its address.
    """

    def __init__(
        self,
        tokens: GuestTokens,
        carts: CartFinder,
        limits: RateLimits,
        *,
        wrong_per_hour: int = 20,
        clock: Clock = now,
    ) -> None:
        """`wrong_per_hour` is the number of wrong tokens that a client address may send."""
        self.tokens, self.carts, self.limits, self.clock = tokens, carts, limits, clock
        self.wrong_tokens = HourlyLimit(
            limits, policy="cart-token", per_hour=wrong_per_hour, detail=TOO_MANY_WRONG_TOKENS
        )

    async def identify(self, caller: Caller, header: bytes, address: str, meter: Meter) -> Caller:
        """Return the caller with the cart or order of the header's token.

        An unknown or expired token counts as none, and as a wrong one. Raise QuotaExceeded if the
        client address has sent too many of them, or if the caller has no points: a cart is looked
        up in the database before the request is paid for.
        """
        token = header.decode("latin-1").strip()
        if not token:
            return caller
        token_hash = self.tokens.token_hash(token)
        cart_id = order_id = None
        if CART_TOKEN_PATTERN.fullmatch(token):
            await meter.require_points()
            cart_id = await self.carts.find_cart(token_hash)
        else:
            order_id = self.tokens.find_order(token, self.clock())
        if cart_id is None and order_id is None:
            await self._count_wrong_token(address)
            return caller
        return msgspec.structs.replace(caller, cart_id=cart_id, order_id=order_id, token_hash=token_hash)

    async def _count_wrong_token(self, address: str) -> None:
        if (refusal := await self.wrong_tokens.count(f"cart-token:{client_key(address)}")) is not None:
            self.limits.refusals += 1
            raise refusal

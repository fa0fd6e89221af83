"""Guests of a shop: the tokens of their carts, and a double of the table of carts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx

from tests.users import http_client
from tradepost.kit.auth.cart_token import CartFinder, GuestTokens
from tradepost.kit.auth.credential_headers import CART_TOKEN
from tradepost.kit.ids import new_id

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

CART_NUMBER = 30
"""The type number of carts."""


class KnownCarts:
    """A CartFinder that asks `others` first, and then knows some carts that are in no table.

    carts: their ids, by the hash of the token.
    lookups: the hashes that it was asked for.
    """

    def __init__(self, carts: Mapping[str, str] | None = None, others: CartFinder | None = None) -> None:
        self.carts, self.others, self.lookups = dict(carts or {}), others, list[str]()

    def open_cart(self, tokens: GuestTokens, cart_id: str) -> str:
        """Return a new token that opens a cart."""
        token = tokens.new_cart_token()
        self.carts[tokens.token_hash(token)] = cart_id
        return token

    async def find_cart(self, token_hash: str) -> str | None:
        """Return the id of the cart with this hash."""
        self.lookups.append(token_hash)
        cart_id = await self.others.find_cart(token_hash) if self.others is not None else None
        return self.carts.get(token_hash) if cart_id is None else cart_id


def known_carts(app: "TradepostApp") -> KnownCarts:
    """Return the double of an app, which is installed if it has none yet."""
    identity = app.pipeline.cart_identity
    assert identity is not None
    if not isinstance(identity.carts, KnownCarts):
        identity.carts = KnownCarts(others=identity.carts)
    return identity.carts


def send_token(app: "TradepostApp", client: httpx.AsyncClient, token: str) -> None:
    """Let a client send this token, which opens a cart in no table unless a table has one."""
    token_hash = app.state.dependencies.require(GuestTokens).token_hash(token)
    known_carts(app).carts.setdefault(token_hash, str(new_id(CART_NUMBER)))
    client.headers[CART_TOKEN] = token


def guest_client(app: "TradepostApp") -> httpx.AsyncClient:
    """Return a client that sends the token of a cart in no table."""
    client = http_client(app)
    send_token(app, client, app.state.dependencies.require(GuestTokens).new_cart_token())
    return client

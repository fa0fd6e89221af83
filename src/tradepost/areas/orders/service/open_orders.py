"""The limit on orders that are pending without payment, so that nobody reserves the whole shop."""

import hmac
from hashlib import blake2b

from sqlalchemy import ColumnElement, func, or_, select

from tradepost.kit.problems import TooManyOpenOrders
from tradepost.kit.rate_limit.client_key import client_key
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import OrderRow
from .settings import OrderSettings


def client_hash(context: CallContext) -> str | None:
    """Return the keyed hash of the client's address; None for callers that are not limited."""
    if not context.address or context.caller.has_permission(policy.WRITE):
        return None
    key = context.dependencies.require(OrderSettings).client_key
    return hmac.digest(key, client_key(context.address).encode(), "sha256").hex()


async def check_open_orders(context: CallContext, customer_id: str | None, email: str, client: str | None) -> None:
    """Raise TooManyOpenOrders if the user, the e-mail address or the client has too many.

    Orders by the same ones are counted one after the other, so that parallel calls do not all find
    the limit not reached yet. Callers with `orders:write` are not limited.
    """
    if context.caller.has_permission(policy.WRITE):
        return
    settings = context.dependencies.require(OrderSettings)
    limits: list[tuple[str, ColumnElement[bool], int]] = []
    if settings.open_orders:
        limits.append((email, OrderRow.email == email, settings.open_orders))
        if customer_id is not None:
            limits.append((customer_id, OrderRow.customer_id == customer_id, settings.open_orders))
    if settings.open_orders_per_client and client is not None:
        limits.append((client, OrderRow.client_hash == client, settings.open_orders_per_client))
    if not limits:
        return
    session, conditions = context.session, [condition for _, condition, _ in limits]
    if not context.database.is_sqlite:
        keys = sorted([_lock_key(value) for value, _, _ in limits])
        await session.execute(select(*[func.pg_advisory_xact_lock(key) for key in keys]))
    query = select(*[func.count().filter(condition) for condition in conditions]).where(
        OrderRow.status == "pending", OrderRow.payment_status == "unpaid", or_(*conditions)
    )
    counts = (await session.execute(query)).one()
    for count, (_, _, limit) in zip(counts, limits, strict=True):
        if count >= limit:
            raise TooManyOpenOrders(f"At most {limit} orders can be open without payment.", limit=limit)


def _lock_key(value: str) -> int:
    """Return the key of an advisory lock of PostgreSQL, a signed integer of 64 bits."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8, person=b"open orders").digest(), signed=True)

"""Finds the carts that tokens open, for the pipeline."""

from datetime import timedelta

from sqlalchemy import Text, and_, bindparam, or_, select

from tradepost.kit.clock import now
from tradepost.kit.db.column_types import UTCDateTime
from tradepost.kit.writes.database import Database

from ..models import CartRow

ORDER_ACCESS = timedelta(days=90)
"""How long the token of a cart opens the order that was placed from it."""
CART_BY_HASH = select(CartRow.id).where(
    CartRow.token_hash == bindparam("token_hash", None, type_=Text),
    or_(
        and_(CartRow.status == "open", CartRow.expires_at > bindparam("now", None, type_=UTCDateTime)),
        and_(CartRow.status == "completed", CartRow.completed_at > bindparam("since", None, type_=UTCDateTime)),
    ),
)


class StoredCartFinder:
    """Finds carts by the keyed hashes of their tokens, which the database holds."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def find_cart(self, token_hash: str) -> str | None:
        """Return the id of the cart whose token has this hash, or None.

        It is open and not overdue, or an order was placed from it in the last 90 days.
        """
        moment = now()
        values = {"token_hash": token_hash, "now": moment, "since": moment - ORDER_ACCESS}
        row = await self.database.fetch_first(CART_BY_HASH, values)
        return None if row is None else str(row[0])

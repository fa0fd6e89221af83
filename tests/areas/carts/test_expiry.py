"""Carts expire: a while after their last change, sooner if they are empty."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import update

from tests.areas.carts.shopper import new_guest, succeed, variant
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.carts.models import CartRow
from tradepost.areas.carts.service import expire_carts
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def test_a_cart_is_kept_for_30_days_after_its_last_change_and_an_empty_one_for_a_day(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    guest, id = await new_guest(app), await variant(staff)
    for cart, days in (
        (guest.cart, 1),
        (await guest.put(id), 30),
        (await guest.change(note="x"), 30),
        (succeed(await guest.client.delete(f"{guest.path}/lines/{id}")), 1),
    ):
        left = datetime.fromisoformat(cart["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=days, minutes=-5) < left <= timedelta(days=days)


async def test_overdue_carts_expire_in_batches_and_others_stay_open(app: "TradepostApp") -> None:
    overdue, kept = [await new_guest(app) for _ in range(60)], await new_guest(app)
    ids = [guest.cart["id"] for guest in overdue]
    async with app.state.database.transaction() as session:
        yesterday = now() - timedelta(days=1)
        await session.execute(update(CartRow).where(CartRow.id.in_(ids)).values(expires_at=yesterday))
    await expire_carts(CallContext(SYSTEM, app.state.database, dependencies=app.state.dependencies))
    async with app.state.database.session_factory() as session:
        rows = [await session.get(CartRow, id) for id in ids]
    assert {(row.status, row.version) for row in rows if row is not None} == {("expired", 2)}
    assert (await kept.read())["status"] == "open"
    assert (await overdue[0].client.get(overdue[0].path)).status_code == 404

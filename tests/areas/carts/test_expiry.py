"""Carts expire: a while after their last change, sooner if they are empty."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import update

from tests.areas.carts.shopper import Shopper, graphql, graphql_errors, new_guest, succeed, variant
from tests.factories import assert_problem, create, unique
from tests.users import create_user
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.carts.models import CartRow
from tradepost.areas.carts.service import expire_carts
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

CHANGE_NOTE = 'mutation ($id: ID!) { cartUpdate(id: $id, patch: {note: "x"}) { id } }'


async def make_overdue(app: "TradepostApp", *ids: str) -> None:
    """Set the expiry of some carts to the last millisecond. The worker has not run since.

    SQLite's clock has whole milliseconds, and the next request may begin within the same one.
    """
    expiry = now() - timedelta(milliseconds=1)
    async with app.state.database.transaction() as session:
        await session.execute(update(CartRow).where(CartRow.id.in_(ids)).values(expires_at=expiry))


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
    await make_overdue(app, *ids)
    await expire_carts(CallContext(SYSTEM, app.state.database, dependencies=app.state.dependencies))
    async with app.state.database.session_factory() as session:
        rows = [await session.get(CartRow, id) for id in ids]
    assert {(row.status, row.version) for row in rows if row is not None} == {("expired", 2)}
    assert (await kept.read())["status"] == "open"
    assert (await overdue[0].client.get(overdue[0].path)).status_code == 404


async def test_the_secret_of_an_overdue_cart_opens_nothing_at_either_door(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    id, guest = await variant(staff), await new_guest(app)
    await make_overdue(app, guest.cart["id"])
    for answer in (
        await guest.client.get(guest.path),
        await guest.client.get(f"{guest.path}/quote"),
        await guest.client.patch(guest.path, json={"note": "x"}),
        await guest.client.put(f"{guest.path}/lines/{id}", json={"quantity": 1}),
    ):
        assert_problem(answer, 404, "not_found")
    text = "query ($id: ID!) { cart(id: $id) { id } cartQuote(cartId: $id) { taxEstimated } carts { nodes { id } } }"
    data = await graphql(guest.client, text, id=guest.cart["id"])
    assert data == {"cart": None, "cartQuote": None, "carts": {"nodes": []}}
    errors = await graphql_errors(guest.client, CHANGE_NOTE, id=guest.cart["id"])
    assert [error["extensions"]["code"] for error in errors] == ["not_found"]


async def test_an_overdue_cart_of_a_user_is_expired_at_both_doors_and_makes_room_for_a_new_one(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    id, user = await variant(staff), await create_user(app)
    async with user.client() as client:
        shopper = Shopper(client, await create(client, "/v1/carts", {}))
        await make_overdue(app, shopper.cart["id"])
        overdue = await shopper.read()
        assert (overdue["status"], overdue["version"]) == ("expired", 1)
        assert shopper.cart["links"].keys() - overdue["links"].keys() == {"update"}
        assert succeed(await client.get("/v1/carts", params={"status": "open"}))["data"] == []
        for answer in (
            await client.patch(shopper.path, json={"note": "x"}),
            await client.put(f"{shopper.path}/lines/{id}", json={"quantity": 1}),
            await client.delete(f"{shopper.path}/lines/{id}"),
        ):
            assert "its status is `expired`" in assert_problem(answer, 409, "invalid_transition")["detail"]
        fields = "cart(id: $id) { status availableActions } carts(filter: {status: OPEN}) { nodes { id } }"
        data = await graphql(client, f"query ($id: ID!) {{ {fields} }}", id=shopper.cart["id"])
        assert data == {"cart": {"status": "EXPIRED", "availableActions": []}, "carts": {"nodes": []}}
        [error] = await graphql_errors(client, CHANGE_NOTE, id=shopper.cart["id"])
        assert error["extensions"]["code"] == "invalid_transition"
        expired = succeed(await client.get("/v1/carts", params={"status": "expired"}))["data"]
        assert [(cart["id"], cart["version"]) for cart in expired] == [(shopper.cart["id"], 1)]
        new = await create(client, "/v1/carts", {})
        assert [cart["id"] for cart in succeed(await client.get("/v1/carts", params={"status": "open"}))["data"]] == [
            new["id"]
        ]
        expired = succeed(await client.get("/v1/carts", params={"status": "expired"}))["data"]
        assert [(cart["id"], cart["version"]) for cart in expired] == [(shopper.cart["id"], 2)]


async def test_a_claim_does_not_fill_an_overdue_cart(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    id, user = await variant(staff), await create_user(app)
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1}])
    async with user.client() as client:
        overdue = await create(client, "/v1/carts", {"note": "Of last year"})
        await make_overdue(app, overdue["id"])
        headers = {"X-Cart-Token": guest.cart["token"]}
        claimed = succeed(await client.post(f"{guest.path}/claim", headers=headers))
        assert (claimed["status"], claimed["note"], len(claimed["lines"])) == ("open", "", 1)
        assert claimed["id"] != overdue["id"]
        assert succeed(await client.get(f"/v1/carts/{overdue['id']}"))["version"] == 2
    late = await new_guest(app)
    await make_overdue(app, late.cart["id"])
    async with user.client() as client:
        answer = await client.post(f"{late.path}/claim", headers={"X-Cart-Token": late.cart["token"]})
        assert_problem(answer, 404, "not_found")


async def test_no_order_is_placed_from_an_overdue_cart(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    user = await create_user(app)
    async with user.client() as client:
        cart = await create(client, "/v1/carts", {"lines": [{"variant_id": await variant(staff), "quantity": 1}]})
        await make_overdue(app, cart["id"])
        total = succeed(await client.get(f"/v1/carts/{cart['id']}/quote"))["grand_total"]
        body, headers = {"cart_id": cart["id"], "expected_total": total}, {"Idempotency-Key": unique()}
        assert_problem(await client.post("/v1/orders", json=body, headers=headers), 409, "invalid_transition")

"""User accounts, read and changed by staff, by admins and by their owners."""

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update

from tests.areas.accounts.account_client import (
    DOORS,
    PASSWORD,
    AccountClient,
    Door,
    DoorClient,
    camel,
    log_in_again,
    register_and_log_in,
    register_user,
    row_of,
)
from tests.factories import Json, assert_problem, unique
from tradepost.areas.accounts.models import UserRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)
LIST = """query ($filter: UserFilter, $sort: [UserSort!], $first: Int, $after: String) {
  users(filter: $filter, sort: $sort, first: $first, after: $after) {
    nodes { id } pageInfo { endCursor hasNextPage } totalCount
  }
}"""


@pytest.fixture(scope="module")
async def admin(app: "TradepostApp", anyio_backend: object) -> AccountClient:
    """The client of an admin."""
    return await register_and_log_in(app, "admin")


async def list_users(
    caller: DoorClient,
    door: Door,
    *,
    sort: str = "-created_at",
    limit: int = 20,
    cursor: str | None = None,
    **filter: str,
) -> Json:
    """Return the ids, next cursor and total of a page of users, or the problem."""
    async with caller.client() as client:
        if door == "rest":
            more = {"cursor": cursor} if cursor else {}
            answer = await client.get(
                "/v1/users", params={**filter, "sort": sort, "limit": limit, "include": "total", **more}
            )
            if answer.status_code != 200:
                return answer.json()
            page = answer.json()
            return {
                "ids": [u["id"] for u in page["data"]],
                "next": page["next_cursor"] if page["has_more"] else None,
                "total": page["total"],
            }
        enums = {n: v.upper() if n in ("role", "status") else v for n, v in filter.items()}
        variables: dict[str, Any] = {"filter": camel(enums) if enums else None, "first": limit, "after": cursor}
        variables["sort"] = [sort.removeprefix("-").upper() + ("_DESC" if sort.startswith("-") else "_ASC")]
        body = (await client.post("/graphql", json={"query": LIST, "variables": variables})).json()
        if "errors" in body:
            return body["errors"][0]["extensions"]
        page = body["data"]["users"]
        info = page["pageInfo"]
        return {
            "ids": [u["id"] for u in page["nodes"]],
            "next": info["endCursor"] if info["hasNextPage"] else None,
            "total": page["totalCount"],
        }


@both_doors
async def test_staff_can_find_users_by_words_address_role_and_status(
    app: "TradepostApp", admin: AccountClient, door: Door
) -> None:
    word = unique("w").replace("-", "")
    kim = await register_and_log_in(app, full_name=f"Kim {word} Larsen", username=f"u{word}"[:30])
    bo = await register_and_log_in(app, "moderator", full_name=f"Bo {word}")
    await admin.ok(door, "user_suspend", id=bo.id)
    caller = await register_and_log_in(app, "staff")
    assert (await list_users(caller, door, q=word))["ids"] == [bo.id, kim.id]
    assert (await list_users(caller, door, q=f"lars {word}"))["ids"] == [kim.id]
    assert (await list_users(caller, door, q=f"u{word}"[:30]))["ids"] == [kim.id]
    assert (await list_users(caller, door, q=kim.email.split("@")[0]))["ids"] == [kim.id]
    assert (await list_users(caller, door, email=kim.email))["ids"] == [kim.id]
    assert (await list_users(caller, door, q=word, role="moderator"))["ids"] == [bo.id]
    assert (await list_users(caller, door, q=word, status="active"))["ids"] == [kim.id]
    assert (await list_users(caller, door, q=word, status="suspended"))["ids"] == [bo.id]
    assert (await list_users(caller, door, q=word, sort="email"))["ids"] == [
        one.id for one in sorted((kim, bo), key=lambda p: p.email)
    ]
    for text in ('"', "' OR 1=1 --", "%", "*", "a:*", "NEAR(a b)", "\u0000"):
        assert (await list_users(caller, door, q=text)).get("code") in ("invalid_parameter", None), text


@both_doors
async def test_pages_list_every_user_once(app: "TradepostApp", door: Door) -> None:
    word = unique("p").replace("-", "")
    ids = [(await register_user(app, full_name=word))[0] for _ in range(5)]
    caller, seen, cursor = await register_and_log_in(app, "staff"), list[str](), None
    while True:
        page = await list_users(caller, door, q=word, sort="-created_at", limit=2, cursor=cursor)
        assert page["total"] == 5
        seen += page["ids"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids[::-1]


@both_doors
@pytest.mark.parametrize("role", ["customer", "moderator"])
async def test_other_users_are_not_found_without_the_permission_to_read_them(
    app: "TradepostApp", door: Door, role: str
) -> None:
    kim, caller = await register_and_log_in(app), await register_and_log_in(app, role)
    assert (await list_users(caller, door))["code"] == "forbidden"
    assert await caller.code(door, "user", id=kim.id) == "not_found"
    assert (await caller.ok(door, "user", id=caller.id))["id"] == caller.id
    async with caller.client() as client:
        node = await client.post(
            "/graphql",
            json={"query": f'{{ node(id: "{kim.id}") {{ id }} nodes(ids: ["{kim.id}", "{caller.id}"]) {{ id }} }}'},
        )
    assert node.json()["data"] == {"node": None, "nodes": [None, {"id": caller.id}]}
    for operation, body in (("user_suspend", None), ("user_restore", None), ("user_role_set", {"role": "admin"})):
        for id in (kim.id, caller.id):
            assert await caller.code(door, operation, body, id=id) == "forbidden"
            assert await DoorClient(app).code(door, operation, body, id=id) == "unauthenticated"


@both_doors
async def test_staff_can_read_users_but_not_change_them(app: "TradepostApp", door: Door) -> None:
    kim, caller = await register_and_log_in(app), await register_and_log_in(app, "staff")
    seen = await caller.ok(door, "user", id=kim.id)
    assert seen["email"] == kim.email
    for operation, body in (("user_suspend", None), ("user_restore", None), ("user_role_set", {"role": "admin"})):
        for id in (kim.id, caller.id):
            assert await caller.code(door, operation, body, id=id) == "forbidden"
    assert (await kim.ok(door, "me"))["role"] == "customer"


@both_doors
async def test_a_role_change_applies_at_once_to_existing_tokens_and_keys(
    app: "TradepostApp", admin: AccountClient, door: Door
) -> None:
    kim = await register_and_log_in(app)
    key = kim.with_credential((await kim.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    for role, code in (("staff", None), ("moderator", "not_found"), ("admin", None), ("customer", "not_found")):
        user = await admin.ok(door, "user_role_set", {"role": role}, id=kim.id)
        assert user["role"] == role
        for one in (kim, key):
            assert await one.code(door, "user", id=admin.id) == code, role


@both_doors
async def test_an_admin_cannot_change_the_role_or_status_of_its_own_account(app: "TradepostApp", door: Door) -> None:
    caller = await register_and_log_in(app, "admin")
    key = caller.with_credential((await caller.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    for one in (caller, key):
        for operation, body in (
            ("user_role_set", {"role": "customer"}),
            ("user_role_set", {"role": "admin"}),
            ("user_suspend", None),
            ("user_restore", None),
        ):
            assert await one.code(door, operation, body, id=caller.id) == "invalid_transition", operation
    me = await caller.ok(door, "me")
    assert (me["role"], me["status"]) == ("admin", "active")


async def test_if_two_admins_remove_each_other_one_stays_an_admin(app: "TradepostApp") -> None:
    for operation, body in (("user_role_set", {"role": "customer"}), ("user_suspend", None)):
        for _ in range(3):
            one, other = await register_and_log_in(app, "admin"), await register_and_log_in(app, "admin")
            codes = await asyncio.gather(
                one.code("rest", operation, body, id=other.id), other.code("graphql", operation, body, id=one.id)
            )
            rows = [await row_of(app, UserRow, id=p.id) for p in (one, other)]
            assert len([r for r in rows if r.role == "admin" and r.status == "active"]) == 1, (operation, codes)


@both_doors
async def test_a_suspended_account_is_refused_and_a_restored_one_keeps_its_keys(
    app: "TradepostApp", admin: AccountClient, door: Door
) -> None:
    kim = await register_and_log_in(app)
    key = kim.with_credential((await kim.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    for one in (kim, key):
        assert await one.is_authenticated(door)
    assert (await admin.ok(door, "user_suspend", id=kim.id))["status"] == "suspended"
    for one in (kim, key):
        assert [await one.is_authenticated(d) for d in DOORS] == [False, False]
    for operation, body in (
        ("login", {"email": kim.email, "password": PASSWORD}),
        ("token_refresh", {"refresh_token": kim.refresh_token}),
    ):
        assert await DoorClient(app).code(door, operation, body) in ("invalid_credentials", "invalid_token")
    refused = await admin.call(door, "user_suspend", id=kim.id)
    assert refused.code == "invalid_transition"
    assert refused.body["detail"].endswith("while the status is `suspended`; possible now: `user_restore`.")
    assert (await admin.ok(door, "user_restore", id=kim.id))["status"] == "active"
    assert await admin.code(door, "user_restore", id=kim.id) == "invalid_transition"
    assert await key.is_authenticated(door)
    assert not await kim.is_authenticated(door)
    assert await DoorClient(app).code(door, "token_refresh", {"refresh_token": kim.refresh_token}) == "invalid_token"
    assert await (await log_in_again(kim)).is_authenticated(door)


@both_doors
async def test_a_closed_account_cannot_be_changed(app: "TradepostApp", admin: AccountClient, door: Door) -> None:
    kim = await register_and_log_in(app)
    assert await kim.code(door, "me_close", {"password": PASSWORD}) is None
    for operation, body in (("user_role_set", {"role": "staff"}), ("user_suspend", None), ("user_restore", None)):
        assert await admin.code(door, operation, body, id=kim.id) == "invalid_transition"
    assert (await admin.ok(door, "user", id=kim.id))["status"] == "closed"


@both_doors
async def test_an_unknown_user_is_not_found_and_an_unknown_role_is_refused(
    app: "TradepostApp", admin: AccountClient, door: Door
) -> None:
    unknown_id = "01890a5d-ac96-774b-bcce-b302099a800b"
    for operation, body in (
        ("user_role_set", {"role": "staff"}),
        ("user_suspend", None),
        ("user_restore", None),
        ("user", None),
    ):
        assert await admin.code(door, operation, body, id=unknown_id) == "not_found"
    kim = await register_and_log_in(app)
    assert await admin.code(door, "user_role_set", {"role": "root"}, id=kim.id) in ("validation", "invalid_variables")


@both_doors
async def test_available_actions_depend_on_the_caller(app: "TradepostApp", admin: AccountClient, door: Door) -> None:
    kim = await register_and_log_in(app)

    async def actions_of(caller: AccountClient, id: str) -> set[str]:
        seen = await caller.ok(door, "user", id=id)
        if door == "graphql":
            return {a for a in seen["available_actions"]}
        return {n for n in seen["links"] if n not in ("self", "addresses", "orders")}

    assert len(await actions_of(admin, kim.id)) == 2
    assert len(await actions_of(kim, kim.id)) == 2
    assert len(await actions_of(admin, admin.id)) == 2
    assert await actions_of(await register_and_log_in(app, "staff"), kim.id) == set()


async def test_a_profile_accepts_both_patch_formats_and_if_match(app: "TradepostApp") -> None:
    kim, name = await register_and_log_in(app), f"n{unique()}"[:20]
    async with kim.client() as client:
        first = {"If-Match": (await client.get("/v1/users/me")).headers["etag"]}
        answer = await client.patch("/v1/users/me", json={"full_name": "Kim Larsen", "username": name}, headers=first)
        assert (answer.json()["full_name"], answer.json()["username"]) == ("Kim Larsen", name)
        assert answer.headers["cache-control"] == "no-store"
        assert_problem(
            await client.patch("/v1/users/me", json={"full_name": "x"}, headers=first), 412, "precondition_failed"
        )
        patch = [
            {"op": "test", "path": "/username", "value": name},
            {"op": "replace", "path": "/full_name", "value": "Kim"},
        ]
        answer = await client.patch("/v1/users/me", json=patch, headers={"Content-Type": "application/json-patch+json"})
        assert answer.json()["full_name"] == "Kim"
        text = "mutation($patch: ProfilePatch) { meUpdate(patch: $patch) { fullName username } }"
        variables = {"patch": {"username": None}}
        answer = await client.post("/graphql", json={"query": text, "variables": variables})
        assert answer.json()["data"]["meUpdate"] == {"fullName": "Kim", "username": None}
        for forbidden in (
            {"role": "admin"},
            {"status": "suspended"},
            {"email": "x@shop.example"},
            {"email_verified_at": "2026-01-01T00:00:00.000001Z"},
            {"password_hash": "x"},
            {"id": str(uuid4())},
        ):
            assert_problem(await client.patch("/v1/users/me", json=forbidden), 422, "validation")
        patch = [{"op": "replace", "path": "/role", "value": "admin"}]
        assert (
            await client.patch("/v1/users/me", json=patch, headers={"Content-Type": "application/json-patch+json"})
        ).status_code == 422
    assert (await row_of(app, UserRow, id=kim.id)).role == "customer"


async def test_a_username_goes_to_one_of_several_concurrent_updates(app: "TradepostApp") -> None:
    name, users = f"n{unique()}"[:20], [await register_and_log_in(app) for _ in range(5)]

    async def take(one: AccountClient) -> httpx.Response:
        async with one.client() as client:
            return await client.patch("/v1/users/me", json={"username": name})

    answers = await asyncio.gather(*[take(one) for one in users])
    assert sorted([a.status_code for a in answers]) == [200, 409, 409, 409, 409]
    assert {a.json()["field"] for a in answers if a.status_code == 409} == {"username"}


@both_doors
async def test_a_password_hash_is_neither_returned_nor_filterable(
    app: "TradepostApp", admin: AccountClient, door: Door
) -> None:
    kim = await register_and_log_in(app)
    answer = await admin.call(door, "user", id=kim.id)
    row = await row_of(app, UserRow, id=kim.id)
    assert row.password_hash.startswith("$argon2id$")
    assert "argon2" not in answer.raw.text
    async with admin.client() as client:
        assert (await client.get("/v1/users", params={"fields": "password_hash"})).status_code == 400
        assert (await client.get("/v1/users", params={"sort": "password_hash"})).status_code == 400
        assert (await client.get("/v1/users", params={"password_hash": row.password_hash})).status_code == 400


@both_doors
async def test_the_last_admin_cannot_close_its_account(app: "TradepostApp", admin: AccountClient, door: Door) -> None:
    others = update(UserRow).where(UserRow.role == "admin", UserRow.id != admin.id)
    async with app.state.database.transaction() as session:
        other_ids = (
            await session.scalars(select(UserRow.id).where(UserRow.role == "admin", UserRow.id != admin.id))
        ).all()
        await session.execute(others.values(role="staff"))
    try:
        assert await admin.code(door, "me_close", {"password": PASSWORD}) == "conflict"
        assert await admin.is_authenticated()
    finally:
        async with app.state.database.transaction() as session:
            await session.execute(update(UserRow).where(UserRow.id.in_(other_ids)).values(role="admin"))

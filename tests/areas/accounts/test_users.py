"""Accounts as the staff sees and changes them, and as their owners do."""

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update

from tests.areas.accounts.people import DOORS, PASSWORD, Door, House, Person, again, camel, person, registered, row_of
from tests.factories import Json, assert_problem, unique
from tradepost.areas.accounts.models import UserRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both = pytest.mark.parametrize("door", DOORS)
LIST = """query ($filter: UserFilter, $sort: [UserSort!], $first: Int, $after: String) {
  users(filter: $filter, sort: $sort, first: $first, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } totalCount }
}"""


@pytest.fixture(scope="module")
async def admin(app: "TradepostApp", anyio_backend: str) -> Person:
    """An admin."""
    return await person(app, "admin")


async def listed(
    by: House, door: Door, *, sort: str = "-created_at", limit: int = 20, cursor: str | None = None, **filter: str
) -> Json:
    """A page of users: ids, cursor, total; or the problem."""
    async with by.client() as client:
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
        given: dict[str, Any] = {"filter": camel(enums) if enums else None, "first": limit, "after": cursor}
        given["sort"] = [sort.removeprefix("-").upper() + ("_DESC" if sort.startswith("-") else "_ASC")]
        body = (await client.post("/graphql", json={"query": LIST, "variables": given})).json()
        if "errors" in body:
            return body["errors"][0]["extensions"]
        page = body["data"]["users"]
        info = page["pageInfo"]
        return {
            "ids": [u["id"] for u in page["nodes"]],
            "next": info["endCursor"] if info["hasNextPage"] else None,
            "total": page["totalCount"],
        }


@both
async def test_the_staff_finds_people_by_words_address_role_and_status(
    app: "TradepostApp", admin: Person, door: Door
) -> None:
    word = unique("w").replace("-", "")
    kim = await person(app, full_name=f"Kim {word} Larsen", username=f"u{word}"[:30])
    bo = await person(app, "moderator", full_name=f"Bo {word}")
    await admin.ok(door, "user_suspend", id=bo.id)
    by = await person(app, "staff")
    assert (await listed(by, door, q=word))["ids"] == [bo.id, kim.id]
    assert (await listed(by, door, q=f"lars {word}"))["ids"] == [kim.id]
    assert (await listed(by, door, q=f"u{word}"[:30]))["ids"] == [kim.id]
    assert (await listed(by, door, q=kim.email.split("@")[0]))["ids"] == [kim.id]
    assert (await listed(by, door, email=kim.email))["ids"] == [kim.id]
    assert (await listed(by, door, q=word, role="moderator"))["ids"] == [bo.id]
    assert (await listed(by, door, q=word, status="active"))["ids"] == [kim.id]
    assert (await listed(by, door, q=word, status="suspended"))["ids"] == [bo.id]
    assert (await listed(by, door, q=word, sort="email"))["ids"] == [
        one.id for one in sorted((kim, bo), key=lambda p: p.email)
    ]
    for nasty in ('"', "' OR 1=1 --", "%", "*", "a:*", "NEAR(a b)", "\u0000"):
        assert (await listed(by, door, q=nasty)).get("code") in ("invalid_parameter", None), nasty


@both
async def test_pages_hold_everybody_once(app: "TradepostApp", door: Door) -> None:
    word = unique("p").replace("-", "")
    made = [(await registered(app, full_name=word))[0] for _ in range(5)]
    by, seen, cursor = await person(app, "staff"), list[str](), None
    while True:
        page = await listed(by, door, q=word, sort="-created_at", limit=2, cursor=cursor)
        assert page["total"] == 5
        seen += page["ids"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]


@both
@pytest.mark.parametrize("role", ["customer", "moderator"])
async def test_others_do_not_exist_for_who_may_not_see_them(app: "TradepostApp", door: Door, role: str) -> None:
    kim, by = await person(app), await person(app, role)
    assert (await listed(by, door))["code"] == "forbidden"
    assert await by.code(door, "user", id=kim.id) == "not_found"
    assert (await by.ok(door, "user", id=by.id))["id"] == by.id
    async with by.client() as client:
        node = await client.post(
            "/graphql",
            json={"query": f'{{ node(id: "{kim.id}") {{ id }} nodes(ids: ["{kim.id}", "{by.id}"]) {{ id }} }}'},
        )
    assert node.json()["data"] == {"node": None, "nodes": [None, {"id": by.id}]}
    for operation, body in (("user_suspend", None), ("user_restore", None), ("user_role_set", {"role": "admin"})):
        for id in (kim.id, by.id):
            assert await by.code(door, operation, body, id=id) == "forbidden"
            assert await House(app).code(door, operation, body, id=id) == "unauthenticated"


@both
async def test_the_staff_sees_people_and_cannot_change_them(app: "TradepostApp", door: Door) -> None:
    kim, by = await person(app), await person(app, "staff")
    seen = await by.ok(door, "user", id=kim.id)
    assert seen["email"] == kim.email
    for operation, body in (("user_suspend", None), ("user_restore", None), ("user_role_set", {"role": "admin"})):
        for id in (kim.id, by.id):
            assert await by.code(door, operation, body, id=id) == "forbidden"
    assert (await kim.ok(door, "me"))["role"] == "customer"


@both
async def test_another_role_takes_effect_at_once_on_tokens_and_keys_that_are_there(
    app: "TradepostApp", admin: Person, door: Door
) -> None:
    kim = await person(app)
    key = kim.bearing((await kim.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    for role, code in (("staff", None), ("moderator", "not_found"), ("admin", None), ("customer", "not_found")):
        told = await admin.ok(door, "user_role_set", {"role": role}, id=kim.id)
        assert told["role"] == role
        for one in (kim, key):
            assert await one.code(door, "user", id=admin.id) == code, role


@both
async def test_nobody_changes_the_own_role_or_suspends_itself(app: "TradepostApp", door: Door) -> None:
    by = await person(app, "admin")
    key = by.bearing((await by.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    for one in (by, key):
        for operation, body in (
            ("user_role_set", {"role": "customer"}),
            ("user_role_set", {"role": "admin"}),
            ("user_suspend", None),
            ("user_restore", None),
        ):
            assert await one.code(door, operation, body, id=by.id) == "invalid_transition", operation
    me = await by.ok(door, "me")
    assert (me["role"], me["status"]) == ("admin", "active")


async def test_of_two_admins_who_shut_each_other_out_one_stays(app: "TradepostApp") -> None:
    for operation, body in (("user_role_set", {"role": "customer"}), ("user_suspend", None)):
        for _ in range(3):
            one, other = await person(app, "admin"), await person(app, "admin")
            codes = await asyncio.gather(
                one.code("rest", operation, body, id=other.id), other.code("graphql", operation, body, id=one.id)
            )
            rows = [await row_of(app, UserRow, id=p.id) for p in (one, other)]
            assert len([r for r in rows if r.role == "admin" and r.status == "active"]) == 1, (operation, codes)


@both
async def test_suspended_means_out_and_restored_means_the_keys_work_again(
    app: "TradepostApp", admin: Person, door: Door
) -> None:
    kim = await person(app)
    key = kim.bearing((await kim.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    for one in (kim, key):
        assert await one.lets_in(door)
    assert (await admin.ok(door, "user_suspend", id=kim.id))["status"] == "suspended"
    for one in (kim, key):
        assert [await one.lets_in(d) for d in DOORS] == [False, False]
    for operation, body in (
        ("login", {"email": kim.email, "password": PASSWORD}),
        ("token_refresh", {"refresh_token": kim.refresh_token}),
    ):
        assert await House(app).code(door, operation, body) in ("invalid_credentials", "invalid_token")
    assert await admin.code(door, "user_suspend", id=kim.id) == "invalid_transition"
    assert (await admin.ok(door, "user_restore", id=kim.id))["status"] == "active"
    assert await admin.code(door, "user_restore", id=kim.id) == "invalid_transition"
    assert await key.lets_in(door)
    assert not await kim.lets_in(door)
    assert await House(app).code(door, "token_refresh", {"refresh_token": kim.refresh_token}) == "invalid_token"
    assert await (await again(kim)).lets_in(door)


@both
async def test_a_closed_account_is_changed_by_nobody(app: "TradepostApp", admin: Person, door: Door) -> None:
    kim = await person(app)
    assert await kim.code(door, "me_close", {"password": PASSWORD}) is None
    for operation, body in (("user_role_set", {"role": "staff"}), ("user_suspend", None), ("user_restore", None)):
        assert await admin.code(door, operation, body, id=kim.id) == "invalid_transition"
    assert (await admin.ok(door, "user", id=kim.id))["status"] == "closed"


@both
async def test_what_is_not_there_is_not_found_and_no_role_is_refused(
    app: "TradepostApp", admin: Person, door: Door
) -> None:
    nobody = "01890a5d-ac96-774b-bcce-b302099a800b"
    for operation, body in (
        ("user_role_set", {"role": "staff"}),
        ("user_suspend", None),
        ("user_restore", None),
        ("user", None),
    ):
        assert await admin.code(door, operation, body, id=nobody) == "not_found"
    kim = await person(app)
    assert await admin.code(door, "user_role_set", {"role": "root"}, id=kim.id) in ("validation", "invalid_variables")


@both
async def test_what_is_open_on_an_account_is_told(app: "TradepostApp", admin: Person, door: Door) -> None:
    kim = await person(app)

    async def open_to(by: Person, id: str) -> set[str]:
        seen = await by.ok(door, "user", id=id)
        if door == "graphql":
            return {a for a in seen["available_actions"]}
        return {n for n in seen["links"] if n not in ("self", "addresses")}

    assert len(await open_to(admin, kim.id)) == 2
    assert len(await open_to(kim, kim.id)) == 2
    assert len(await open_to(admin, admin.id)) == 2
    assert await open_to(await person(app, "staff"), kim.id) == set()


async def test_the_profile_is_changed_by_either_patch_and_at_a_version(app: "TradepostApp") -> None:
    kim, name = await person(app), f"n{unique()}"[:20]
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
        text = "mutation($p: UserPatch) { meUpdate(patch: $p) { fullName username } }"
        body = (
            await client.post(
                "/graphql",
                json={"query": text.replace("UserPatch", "ProfilePatch"), "variables": {"p": {"username": None}}},
            )
        ).json()
        assert body["data"]["meUpdate"] == {"fullName": "Kim", "username": None}
        for forbidden in (
            {"role": "admin"}, {"status": "suspended"}, {"email": "x@shop.example"}, {"email_verified_at": "2026-01-01T00:00:00.000001Z"},
            {"password_hash": "x"}, {"id": str(uuid4())},
        ):  # fmt: skip
            assert_problem(await client.patch("/v1/users/me", json=forbidden), 422, "validation")
        patch = [{"op": "replace", "path": "/role", "value": "admin"}]
        assert (
            await client.patch("/v1/users/me", json=patch, headers={"Content-Type": "application/json-patch+json"})
        ).status_code == 422
    assert (await row_of(app, UserRow, id=kim.id)).role == "customer"


async def test_a_taken_name_is_refused_also_where_many_want_it_at_once(app: "TradepostApp") -> None:
    name, people = f"n{unique()}"[:20], [await person(app) for _ in range(5)]

    async def take(one: Person) -> httpx.Response:
        async with one.client() as client:
            return await client.patch("/v1/users/me", json={"username": name})

    answers = await asyncio.gather(*[take(one) for one in people])
    assert sorted([a.status_code for a in answers]) == [200, 409, 409, 409, 409]
    assert {a.json()["field"] for a in answers if a.status_code == 409} == {"username"}


@both
async def test_nobody_reads_a_password_hash(app: "TradepostApp", admin: Person, door: Door) -> None:
    kim = await person(app)
    answer = await admin.call(door, "user", id=kim.id)
    row = await row_of(app, UserRow, id=kim.id)
    assert row.password_hash.startswith("$argon2id$")
    assert "argon2" not in answer.raw.text
    async with admin.client() as client:
        assert (await client.get("/v1/users", params={"fields": "password_hash"})).status_code == 400
        assert (await client.get("/v1/users", params={"sort": "password_hash"})).status_code == 400
        assert (await client.get("/v1/users", params={"password_hash": row.password_hash})).status_code == 400


@both
async def test_the_only_admin_of_a_shop_does_not_close_its_account(
    app: "TradepostApp", admin: Person, door: Door
) -> None:
    others = update(UserRow).where(UserRow.role == "admin", UserRow.id != admin.id)
    async with app.state.database.transaction() as session:
        kept = (await session.scalars(select(UserRow.id).where(UserRow.role == "admin", UserRow.id != admin.id))).all()
        await session.execute(others.values(role="staff"))
    try:
        assert await admin.code(door, "me_close", {"password": PASSWORD}) == "conflict"
        assert await admin.lets_in()
    finally:
        async with app.state.database.transaction() as session:
            await session.execute(update(UserRow).where(UserRow.id.in_(kept)).values(role="admin"))

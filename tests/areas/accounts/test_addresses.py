"""Address books: private to their owner, validated, and limited to fifty addresses."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.areas.accounts.account_client import DOORS, AccountClient, Door, DoorClient, count_of, register_and_log_in
from tests.factories import assert_problem
from tradepost.areas.accounts.models import AddressRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)
HOME = {
    "name": "Kim Larsen",
    "company": "Larsen ApS",
    "lines": ["Vestergade 12", "2. tv."],
    "city": "Aarhus",
    "postcode": "8000",
    "region": "82",
    "country": "DK",
    "phone": "+4587654321",
}
WORK = {"name": "Kim", "lines": ["Havnen 1"], "city": "Dublin", "country": "IE"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}


@both_doors
async def test_an_address_is_created_read_replaced_and_deleted(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    created = await kim.ok(door, "address_create", HOME)
    assert {n: created[n] for n in HOME} == HOME
    assert {n: (await kim.ok(door, "address", id=created["id"]))[n] for n in HOME} == HOME
    other = await kim.ok(door, "address_replace", WORK, id=created["id"])
    assert {n: other[n] for n in HOME} == WORK | {"company": "", "postcode": "", "region": None, "phone": None}
    assert other["version"] == created["version"] + 1
    assert await kim.code(door, "address_delete", id=created["id"]) is None
    assert await kim.code(door, "address", id=created["id"]) == "not_found"


INVALID: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"country": "XX"}, ("/country", "not_allowed")), ({"country": "EU"}, ("/country", "not_allowed")),
    ({"country": "ZZ"}, ("/country", "not_allowed")), ({"country": "dk"}, ("/country", "invalid_format")),
    ({"country": "DNK"}, ("/country", "invalid_format")), ({"country": ""}, ("/country", "invalid_format")),
    ({"country": "DK\n"}, ("/country", "invalid_format")), ({"phone": "87654321"}, ("/phone", "invalid_format")),
    ({"phone": "+0123456"}, ("/phone", "invalid_format")), ({"lines": []}, ("/lines", "too_few")),
    ({"lines": ["x"] * 5}, ("/lines", "too_many")), ({"lines": ["x", ""]}, ("/lines/1", "too_short")),
    ({"lines": ["x\ny"]}, ("/lines/0", "invalid_format")), ({"city": ""}, ("/city", "too_short")),
    ({"name": "x" * 201}, ("/name", "too_long")), ({"postcode": "8" * 21}, ("/postcode", "too_long")),
    ({"company": "x" * 201}, ("/company", "too_long")), ({"region": "DK-82"}, ("/region", "too_long")),
    ({"region": "ca"}, ("/region", "invalid_format")), ({"region": ""}, ("/region", "invalid_format")),
]  # fmt: skip


@both_doors
async def test_an_invalid_address_is_refused_with_its_pointer(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    for change, place in INVALID:
        answer = await kim.call(door, "address_create", HOME | change)
        assert answer.code == "validation", change
        assert place in answer.faults, (change, answer.faults)
    assert await count_of(app, AddressRow, user_id=kim.id) == 0


def test_the_country_codes_are_those_of_iso_3166_1_and_kosovo() -> None:
    from tradepost.kit.schema.countries import country_codes

    assert len(country_codes()) == 250  # the 249 of ISO 3166-1, and Kosovo
    assert {"DK", "DE", "US", "GB", "JP", "XK", "SS", "CW", "BQ"} <= country_codes()
    assert not {"EU", "UN", "UK", "AN", "SU", "XX"} & country_codes()


async def test_an_address_book_holds_at_most_fifty_even_if_they_are_created_concurrently(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    codes = await asyncio.gather(
        *[kim.code(DOORS[i % 2], "address_create", WORK | {"name": str(i)}) for i in range(56)]
    )
    assert sorted([str(c) for c in codes]) == ["None"] * 50 + ["conflict"] * 6
    assert await count_of(app, AddressRow, user_id=kim.id) == 50
    async with kim.client() as client:
        first = (await client.get("/v1/users/me/addresses", params={"limit": 100})).json()["data"]
        assert len(first) == 50
        nested = await client.post("/graphql", json={"query": "{ me { addresses { id } } }"})
        assert len(nested.json()["data"]["me"]["addresses"]) == 50
    assert await kim.code("rest", "address_delete", id=first[0]["id"]) is None
    assert await kim.code("rest", "address_create", WORK) is None


@both_doors
@pytest.mark.parametrize("role", ["customer", "staff", "admin"])
async def test_the_addresses_of_other_users_are_not_found(app: "TradepostApp", door: Door, role: str) -> None:
    kim, other = await register_and_log_in(app), await register_and_log_in(app, role)
    id = (await kim.ok(door, "address_create", HOME))["id"]
    for operation, body in (("address", None), ("address_replace", WORK), ("address_delete", None)):
        assert await other.code(door, operation, body, id=id) == "not_found", operation
        assert await DoorClient(app).code(door, operation, body, id=id) == "unauthenticated"
    async with other.client() as client:
        assert (await client.get("/v1/users/me/addresses")).json()["data"] == []
        for body, headers in (
            ({"name": "x"}, {}),
            ([{"op": "test", "path": "/name", "value": "Kim Larsen"}], JSON_PATCH),
        ):
            assert_problem(
                await client.patch(f"/v1/users/me/addresses/{id}", json=body, headers=headers), 404, "not_found"
            )
        text = 'mutation($id: ID!) { addressUpdate(id: $id, patch: {name: "x"}) { id } }'
        assert (await client.post("/graphql", json={"query": text, "variables": {"id": id}})).json()["errors"][0][
            "extensions"
        ]["code"] == "not_found"
        text = f'{{ node(id: "{id}") {{ id }} addresses {{ nodes {{ id }} }} }}'
        assert (await client.post("/graphql", json={"query": text})).json()["data"] == {
            "node": None,
            "addresses": {"nodes": []},
        }
        if role != "customer":
            nested = await client.get(f"/v1/users/{kim.id}", params={"fields": "id,addresses{id}"})
            assert nested.json() == {"id": kim.id, "addresses": []}
            text = f'{{ user(id: "{kim.id}") {{ id addresses {{ id }} }} }}'
            assert (await client.post("/graphql", json={"query": text})).json()["data"]["user"] == {
                "id": kim.id,
                "addresses": [],
            }
    assert (await kim.ok(door, "address", id=id))["name"] == "Kim Larsen"


async def test_a_patch_changes_the_named_members_and_validates_the_result(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    id = (await kim.ok("rest", "address_create", HOME))["id"]
    async with kim.client() as client:
        path = f"/v1/users/me/addresses/{id}"
        first = {"If-Match": (await client.get(path)).headers["etag"]}
        answer = await client.patch(path, json={"city": "Odense", "phone": None}, headers=first)
        assert {n: answer.json()[n] for n in HOME} == HOME | {"city": "Odense", "phone": None}
        assert_problem(await client.patch(path, json={"city": "x"}, headers=first), 412, "precondition_failed")
        assert_problem(await client.put(path, json=HOME, headers=first), 412, "precondition_failed")
        assert_problem(await client.delete(path, headers=first), 412, "precondition_failed")
        for bad in (
            {"country": "XX"},
            {"country": None},
            {"lines": []},
            {"user_id": kim.id},
            {"id": kim.id},
            {"version": 9},
        ):
            assert_problem(await client.patch(path, json=bad), 422, "validation")
        patch = [
            {"op": "test", "path": "/country", "value": "DK"},
            {"op": "add", "path": "/lines/-", "value": "c/o Bo"},
        ]
        answer = await client.patch(path, json=patch, headers=JSON_PATCH)
        assert answer.json()["lines"] == [*HOME["lines"], "c/o Bo"]
        patch = [{"op": "test", "path": "/country", "value": "SE"}, {"op": "remove", "path": "/lines/0"}]
        assert (await client.patch(path, json=patch, headers=JSON_PATCH)).status_code == 409
        assert (
            await client.patch(path, json=[{"op": "remove", "path": "/city"}], headers=JSON_PATCH)
        ).status_code == 422
        text = """mutation($id: ID!, $v: Int!) {
          addressUpdate(id: $id, expectedVersion: $v, jsonPatch: [{op: "remove", path: "/lines/2"}]) { lines }
        }"""
        stale, fresh = [
            (await client.post("/graphql", json={"query": text, "variables": {"id": id, "v": v}})).json()
            for v in (1, answer.json()["version"])
        ]
    assert stale["errors"][0]["extensions"]["code"] == "precondition_failed"
    assert fresh["data"]["addressUpdate"] == {"lines": HOME["lines"]}


@both_doors
async def test_a_key_without_the_permission_cannot_read_or_write_addresses(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    id = (await kim.ok(door, "address_create", HOME))["id"]
    reader, none = [
        kim.with_credential((await kim.ok(door, "api_key_create", {"name": "x", "scopes": s}))["secret"])
        for s in (["account:read"], [])
    ]
    assert await reader.code(door, "address", id=id) is None
    assert await none.code(door, "address", id=id) == "forbidden"
    for key in (reader, none):
        assert await key.code(door, "address_create", HOME) == "forbidden"
        assert await key.code(door, "address_delete", id=id) == "forbidden"


async def test_text_is_stored_in_nfc(app: "TradepostApp") -> None:
    kim: AccountClient = await register_and_log_in(app)
    created = await kim.ok("rest", "address_create", HOME | {"city": "A\u030alborg"})
    assert created["city"] == "\u00c5lborg"

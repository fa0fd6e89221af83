"""The role of a user and that of an audit entry have one type."""

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.factories import Json, make_category, read, unique
from tests.users import PASSWORD, create_user

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

BOTH = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { role } ... on AuditEntry { role } } }"
SET_ROLE = "mutation($id: ID!, $input: RoleInput!) { userRoleSet(id: $id, input: $input) { role } }"


async def audit_of(staff: httpx.AsyncClient, subject: str) -> Json:
    """Return the newest audit entry of an object."""
    return (await read(staff, "/v1/audit", subject=subject))["data"][0]


async def test_one_relay_query_reads_the_role_of_a_user_and_of_an_audit_entry(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    user, category = await create_user(app, "moderator"), await make_category(staff)
    ids = [user.id, (await audit_of(staff, category["id"]))["id"]]
    answer = (await staff.post("/graphql", json={"query": BOTH, "variables": {"ids": ids}})).json()
    assert answer.get("errors") is None, answer
    assert answer["data"]["nodes"] == [{"role": "MODERATOR"}, {"role": "STAFF"}]


async def test_the_role_of_a_caller_without_a_credential_is_anonymous(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    email = f"{unique('kim')}@shop.example"
    body = {"email": email, "password": PASSWORD, "full_name": "Kim"}
    assert (await client.post("/v1/auth/register", json=body)).status_code in (200, 201, 202)
    listed = (await read(staff, "/v1/audit", type="user.registered", limit=100))["data"]
    entry = next(entry for entry in listed if entry["role"] == "anonymous")
    answer = (await staff.post("/graphql", json={"query": BOTH, "variables": {"ids": [entry["id"]]}})).json()
    assert answer["data"]["nodes"] == [{"role": "ANONYMOUS"}]


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_no_user_can_have_the_role_anonymous(app: "TradepostApp", door: str) -> None:
    admin, user = await create_user(app, "admin"), await create_user(app)
    async with admin.client() as client:
        if door == "rest":
            answer = await client.post(f"/v1/users/{user.id}/role", json={"role": "anonymous"})
            assert answer.status_code == 422
            errors = answer.json()["errors"]
        else:
            variables = {"id": user.id, "input": {"role": "ANONYMOUS"}}
            answer = await client.post("/graphql", json={"query": SET_ROLE, "variables": variables})
            errors = answer.json()["errors"][0]["extensions"]["errors"]
        assert errors == [
            {"code": "not_allowed", "detail": "Users cannot have the role `anonymous`.", "pointer": "/role"}
        ]
        assert (await client.get(f"/v1/users/{user.id}")).json()["role"] == "customer"

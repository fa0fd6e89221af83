"""Vulnerabilities of other servers, tried on accounts, addresses and API keys.

A test is named after the CVE elsewhere.
"""

from typing import Any

import pytest

from tests.factories import unique
from tests.parity.harness import UNKNOWN_ID, ApiClient, DualDoorApp, Json, client_with_role
from tests.users import ADDRESS, create_user


@pytest.fixture(scope="module")
async def owner(harness: DualDoorApp) -> ApiClient:
    """A customer."""
    return await client_with_role(harness, "customer")


@pytest.fixture(scope="module")
async def rows(harness: DualDoorApp, owner: ApiClient) -> Json:
    """An address and a key of that customer."""
    street = unique("Vqstreet")
    key = await owner.user.key(name=unique("Vqkey"))
    return {"address": await owner.user.address(lines=[street]), "street": street, "key": key}


@pytest.mark.parametrize("role", ["anonymous", "customer", "moderator", "staff", "admin"])
async def test_cve_2025_12919_an_address_of_another_user_is_not_found_by_its_id(
    harness: DualDoorApp, owner: ApiClient, rows: Json, role: str
) -> None:
    """EverShop: everyone could read an order by its id. Orders do not exist here yet."""
    other = await client_with_role(harness, role)
    address = rows["address"]
    status = 401 if role == "anonymous" else 404
    for id in (address, UNKNOWN_ID):
        answers = [
            await other.rest("GET", f"/users/me/addresses/{id}"),
            await other.rest("PATCH", f"/users/me/addresses/{id}", json={"city": "Odense"}),
            await other.rest("PUT", f"/users/me/addresses/{id}", json=ADDRESS),
            await other.rest("DELETE", f"/users/me/addresses/{id}"),
            # The version of a hidden row is not compared.
            await other.rest(
                "PATCH", f"/users/me/addresses/{id}", json={"city": "Odense"}, headers={"If-Match": '"99.x"'}
            ),
        ]
        assert [a.status_code for a in answers] == [status] * 5
        assert rows["street"] not in str([a.text for a in answers])
        node = f'node(id: "{id}") {{ ... on Address {{ lines }} }} nodes(ids: ["{id}"]) {{ id }}'
        document = await other.post(f'{{ address(id: "{id}") {{ lines }} {node} }}')
        assert document["data"] == {"address": None, "node": None, "nodes": [None]}
        for field in (
            f'addressDelete(id: "{id}") {{ lines }}',
            f'addressUpdate(id: "{id}", patch: {{city: "Odense"}}) {{ lines }}',
        ):
            [error] = (await other.post(f"mutation {{ {field} }}"))["errors"]
            assert error["extensions"]["status"] == status
    if role != "anonymous":
        assert rows["street"] not in (await other.rest("GET", "/users/me/addresses")).text
        assert rows["street"] not in str(
            await other.data("{ addresses { nodes { lines } totalCount } me { addresses { lines } } }")
        )
    assert (await owner.rest("GET", f"/users/me/addresses/{address}")).json()["version"] == 1


async def test_cve_2025_12919_an_api_key_of_another_user_is_not_found_by_its_id(
    harness: DualDoorApp, owner: ApiClient, rows: Json
) -> None:
    """Another customer can neither see nor revoke it, nor learn that it exists."""
    other, key = await client_with_role(harness, "customer"), rows["key"]
    for id in (key["id"], UNKNOWN_ID):
        for method in ("GET", "DELETE"):
            answer = await other.rest(method, f"/api-keys/{id}")
            assert answer.status_code == 404
            assert answer.json()["detail"] == f"There is no api key `{id}`."
        assert await other.data(f'{{ apiKey(id: "{id}") {{ name }} node(id: "{id}") {{ id }} }}') == {
            "apiKey": None,
            "node": None,
        }
        [error] = (await other.post(f'mutation {{ apiKeyDelete(id: "{id}") {{ id }} }}'))["errors"]
        assert error["extensions"]["code"] == "not_found"
    for params in ({"prefix": key["prefix"]}, {}):
        page = (await other.rest("GET", "/api-keys", params=params | {"include": "total"})).json()
        assert (page["data"], page["total"]) == ([], 0)
    assert (await owner.rest("GET", f"/api-keys/{key['id']}")).status_code == 200


async def test_cve_2025_31481_node_applies_the_access_rules_to_rows_of_users(
    harness: DualDoorApp, owner: ApiClient, rows: Json
) -> None:
    """API Platform: `node` returned rows without the access rules of their own operations."""
    ids = [owner.user.id, rows["address"], rows["key"]["id"]]
    fragments = "... on User { email addresses { lines } } ... on Address { lines } ... on ApiKey { user { email } }"
    text = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id {fragments} }} }}"
    for role in ("anonymous", "customer", "moderator"):
        assert (await (await client_with_role(harness, role)).data(text, {"ids": ids}))["nodes"] == [None] * 3
    narrowed = await client_with_role(harness, "admin", [])
    assert (await narrowed.data(text, {"ids": ids}))["nodes"] == [None] * 3
    staff = (await (await client_with_role(harness, "staff")).data(text, {"ids": ids}))["nodes"]
    assert staff == [{"id": ids[0], "email": owner.user.email, "addresses": []}, None, None]
    admin = (await (await client_with_role(harness, "admin")).data(text, {"ids": ids}))["nodes"]
    assert admin == [staff[0], None, {"id": ids[2], "user": {"email": owner.user.email}}]


async def test_cve_2024_54151_a_key_without_a_user_has_no_account(harness: DualDoorApp) -> None:
    """Directus: a request without a principal ran unchecked.

    A key without a user has a role, but no account, addresses or keys.
    """
    for path in ("/users/me", "/users/me/addresses", "/api-keys", "/users"):
        assert (await harness.anonymous.rest("GET", path)).status_code == 401
    assert (await harness.staff.rest("GET", "/users/me")).status_code == 404
    for path in ("/users/me/addresses", "/api-keys"):
        assert (await harness.staff.rest("GET", path)).json()["data"] == []
    assert (await harness.staff.rest("POST", "/users/me/addresses", json=ADDRESS)).status_code == 403
    assert (await harness.staff.rest("POST", "/api-keys", json={"name": "Without a user"})).status_code == 403
    assert (await harness.staff.rest("PATCH", "/users/me", json={"full_name": "Kim"})).status_code == 404


async def test_cve_2025_30352_only_staff_can_search_for_users(harness: DualDoorApp, owner: ApiClient) -> None:
    """Directus: a search looked into members that the caller may not read.

    Only staff may learn whether an e-mail address has an account.
    """
    email = owner.user.email
    word = email.partition("@")[0].split("-")[1]
    for known in (email, f"{unique('unknown')}@shop.example"):
        for role in ("anonymous", "customer", "moderator"):
            caller = await client_with_role(harness, role)
            refused = 401 if role == "anonymous" else 403
            for params in (
                {"email": known},
                {"q": known},
                {"q": word},
                {"email": known, "include": "total"},
                {"sort": "email"},
            ):
                assert (await caller.rest("GET", "/users", params=params)).status_code == refused
            for filter in (f'email: "{known}"', f'q: "{known}"'):
                document = await caller.post(f"{{ users(filter: {{{filter}}}) {{ totalCount nodes {{ id }} }} }}")
                assert (document.get("data") or {}).get("users") is None
                assert document["errors"][0]["extensions"]["status"] == refused
    users = (await harness.staff.rest("GET", "/users", params={"q": word, "fields": "id"})).json()["data"]
    assert users == [{"id": owner.user.id}]
    # Members that no caller can read are neither filters nor sort keys.
    for params in (
        {"password_hash": "x"},
        {"sort": "password_hash"},
        {"password": "x"},
        {"fields": "password_hash"},
        {"addresses": "x"},
    ):
        assert (await harness.staff.rest("GET", "/users", params=params)).status_code == 400
    for params in ({"secret": "x"}, {"sort": "secret"}, {"secret_hash": "x"}, {"fields": "secret_hash"}):
        assert (await owner.rest("GET", "/api-keys", params=params)).status_code == 400


async def test_cve_2024_34708_an_alias_does_not_reveal_the_secret_of_a_key(
    harness: DualDoorApp, owner: ApiClient, rows: Json
) -> None:
    """Directus: a value that was redacted under its own name was returned under an alias.

    The secret of a key is only in the answer that creates the key.
    """
    key, secret = rows["key"]["id"], rows["key"]["secret"]
    assert secret.startswith("tp_")
    inner = "secret a: secret name: secret ... on ApiKey { b: secret }"
    for caller in (owner, await client_with_role(harness, "admin")):
        answers: list[Any] = []
        for fields in ("secret", "a:secret", "name:secret", "id,x:secret,user{id}"):
            answers += [
                await caller.rest("GET", f"/api-keys/{key}", params={"fields": fields}),
                await caller.rest("GET", "/api-keys", params={"fields": fields}),
            ]
        answers.append(await caller.rest("GET", f"/api-keys/{key}"))
        for text in (
            f'apiKey(id: "{key}") {{ {inner} }}',
            f"apiKeys {{ nodes {{ {inner} }} }}",
            f'node(id: "{key}") {{ ... on ApiKey {{ {inner} }} }}',
        ):
            answers.append(await caller.client.post("/graphql", json={"query": f"{{ {text} }}"}))
        assert {a.status_code for a in answers} == {200}
        assert secret.rpartition("_")[2] not in str([a.text for a in answers])
    data = await owner.data(f'{{ apiKey(id: "{key}") {{ {inner} }} }}')
    assert data["apiKey"] == {"secret": None, "a": None, "name": None, "b": None}
    # Two keys created by one document have different secrets.
    create = '{}: apiKeyCreate(input: {{name: "Key"}}) {{ id s: secret }}'
    created = await owner.data(f"mutation {{ {create.format('a')} {create.format('b')} }}")
    assert created["a"]["s"] != created["b"]["s"]
    for api_key in created.values():
        answer = await harness.anonymous.rest("GET", "/users/me", headers={"X-API-Key": api_key["s"]})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


async def test_no_cache_returns_the_account_of_another_caller(harness: DualDoorApp, owner: ApiClient) -> None:
    """The URL of `me` is the same for all callers."""
    other = await client_with_role(harness, "customer")
    text = "{ me { id email } addresses { totalCount } }"
    paths = ("/v1/users/me", "/v1/users/me/addresses", "/v1/api-keys", "/v1/users/me?fields=id,email,addresses{id}")
    for one, two in ((owner, other), (other, owner)):
        for path in paths:
            first = await one.client.get(path)
            assert first.status_code == 200, path
            assert first.headers["cache-control"] == "no-store"
            assert {"Authorization", "X-API-Key"} <= set(first.headers["vary"].split(", "))
            known = {"If-None-Match": first.headers["etag"]}
            later = await two.client.get(path, headers=known)
            if "me?" in path or path.endswith("/me"):
                assert later.status_code == 200
                assert two.user.email in later.text
                assert one.user.email not in later.text
            assert (await harness.anonymous.client.get(path, headers=known)).status_code == 401
            assert (await one.client.get(path, headers=known)).status_code == 304
        for caller in (one, two, one):
            by_get = await caller.client.get("/graphql", params={"query": text})
            assert by_get.headers["cache-control"] == "no-store"
            assert by_get.json()["data"]["me"]["id"] == (await caller.data(text))["me"]["id"] == caller.user.id


async def test_addresses_of_another_user_are_empty_at_every_depth(
    harness: DualDoorApp, owner: ApiClient, rows: Json
) -> None:
    """A relation applies the rule of its own rows: staff see users, but not their addresses."""
    me = owner.user.id
    for role in ("staff", "admin"):
        caller = await client_with_role(harness, role)
        for path, fields in (
            (f"/users/{me}", "addresses{id,lines}"),
            ("/users", "addresses{lines}"),
            ("/api-keys", "user{addresses{lines}}"),
        ):
            answer = await caller.rest(
                "GET", path, params={"fields": fields} | ({} if path.endswith(me) else {"limit": "100"})
            )
            assert answer.status_code == 200, answer.text
            assert rows["street"] not in answer.text
        for text in (
            f'user(id: "{me}") {{ addresses {{ lines }} }}',
            f'users(filter: {{email: "{owner.user.email}"}}) {{ nodes {{ a: addresses {{ lines }} }} }}',
            f'apiKey(id: "{rows["key"]["id"]}") {{ user {{ addresses {{ lines }} }} }}',
        ):
            assert rows["street"] not in str(await caller.data(f"{{ {text} }}"))
    assert (await owner.data("{ me { addresses { lines } } }"))["me"]["addresses"] == [{"lines": [rows["street"]]}]


async def test_keys_and_tokens_of_a_suspended_user_are_refused_at_both_doors(harness: DualDoorApp) -> None:
    """Also at a door that has cached the credential."""
    person, admin = await create_user(harness.app), await client_with_role(harness, "admin")
    key, token = (await person.key())["secret"], person.token
    for credential in (key, token):
        assert (
            await harness.anonymous.rest("GET", "/users/me", headers={"Authorization": f"Bearer {credential}"})
        ).status_code == 200
    assert (await admin.rest("POST", f"/users/{person.id}/suspension")).status_code == 200
    for credential in (key, token):
        headers = {"Authorization": f"Bearer {credential}"}
        assert (await harness.anonymous.rest("GET", "/users/me", headers=headers)).status_code == 401
        assert (
            await harness.anonymous.client.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
        ).status_code == 401

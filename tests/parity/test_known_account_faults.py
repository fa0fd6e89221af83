"""The faults of test_known_faults.py once more, where accounts, addresses and API keys are what could have been shown to the wrong caller."""

from typing import Any

import pytest

from tests.factories import unique
from tests.parity.harness import ApiClient, DualDoorApp, Json, client_with_role
from tests.users import ADDRESS, create_user

UNKNOWN = "01924560-6c00-7d4b-bb5e-72fc1f750d02"


@pytest.fixture(scope="module")
async def mine(harness: DualDoorApp) -> ApiClient:
    """A customer with an address and a key."""
    return await client_with_role(harness, "customer")


@pytest.fixture(scope="module")
async def rows(harness: DualDoorApp, mine: ApiClient) -> Json:
    """What belongs to that customer."""
    assert mine.person is not None
    street = unique("Vqstreet")
    key = await mine.person.key(name=unique("Vqkey"))
    return {"address": await mine.person.address(lines=[street]), "street": street, "key": key}


@pytest.mark.parametrize("role", ["anonymous", "customer", "moderator", "staff", "admin"])
async def test_cve_2025_12919_a_foreign_order_by_its_id(
    harness: DualDoorApp, mine: ApiClient, rows: Json, role: str
) -> None:
    """EverShop: an order was shown to whoever knew its id. There are no orders yet; an address is as personal, and has an id as well."""
    other = await client_with_role(harness, role)
    address = rows["address"]
    status = 401 if role == "anonymous" else 404
    for id in (address, UNKNOWN):
        answers = [
            await other.rest("GET", f"/users/me/addresses/{id}"),
            await other.rest("PATCH", f"/users/me/addresses/{id}", json={"city": "Odense"}),
            await other.rest("PUT", f"/users/me/addresses/{id}", json=ADDRESS),
            await other.rest("DELETE", f"/users/me/addresses/{id}"),
            # A version tells nothing either: what is not seen is not compared.
            await other.rest(
                "PATCH", f"/users/me/addresses/{id}", json={"city": "Odense"}, headers={"If-Match": '"99.x"'}
            ),
        ]
        assert [a.status_code for a in answers] == [status] * 5
        assert rows["street"] not in str([a.text for a in answers])
        said = await other.post(
            f'{{ address(id: "{id}") {{ lines }} node(id: "{id}") {{ ... on Address {{ lines }} }} nodes(ids: ["{id}"]) {{ id }} }}'
        )
        assert (said["data"]["address"], said["data"]["node"], said["data"]["nodes"]) == (None, None, [None])
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
    assert (await mine.rest("GET", f"/users/me/addresses/{address}")).json()["version"] == 1


async def test_cve_2025_12919_a_foreign_api_key_by_its_id(harness: DualDoorApp, mine: ApiClient, rows: Json) -> None:
    """The same of API keys: another customer can neither see nor revoke one, nor find out that there is one."""
    other, key = await client_with_role(harness, "customer"), rows["key"]
    for id in (key["id"], UNKNOWN):
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
    assert (await mine.rest("GET", f"/api-keys/{key['id']}")).status_code == 200


async def test_cve_2025_31481_node_is_no_way_to_somebody_else(harness: DualDoorApp, mine: ApiClient, rows: Json) -> None:
    """API Platform: Relay's `node` found a row without asking the security of its own operation."""
    assert mine.person is not None
    ids = [mine.person.id, rows["address"], rows["key"]["id"]]
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on User { email addresses { lines } } ... on Address { lines } ... on ApiKey { user { email } } } }"
    for role in ("anonymous", "customer", "moderator"):
        assert (await (await client_with_role(harness, role)).data(text, {"ids": ids}))["nodes"] == [None] * 3
    narrowed = await client_with_role(harness, "admin", [])
    assert (await narrowed.data(text, {"ids": ids}))["nodes"] == [None] * 3
    staff = (await (await client_with_role(harness, "staff")).data(text, {"ids": ids}))["nodes"]
    assert staff == [{"id": ids[0], "email": mine.person.email, "addresses": []}, None, None]
    admin = (await (await client_with_role(harness, "admin")).data(text, {"ids": ids}))["nodes"]
    assert admin == [staff[0], None, {"id": ids[2], "user": {"email": mine.person.email}}]


async def test_cve_2024_54151_who_is_nobody_has_no_account(harness: DualDoorApp) -> None:
    """Directus: without a principal a request ran unchecked. A key of nobody has a role, and still no account, address or key."""
    for path in ("/users/me", "/users/me/addresses", "/api-keys", "/users"):
        assert (await harness.anonymous.rest("GET", path)).status_code == 401
    assert (await harness.staff.rest("GET", "/users/me")).status_code == 404
    for path in ("/users/me/addresses", "/api-keys"):
        assert (await harness.staff.rest("GET", path)).json()["data"] == []
    assert (await harness.staff.rest("POST", "/users/me/addresses", json=ADDRESS)).status_code == 403
    assert (await harness.staff.rest("POST", "/api-keys", json={"name": "Of nobody"})).status_code == 403
    assert (await harness.staff.rest("PATCH", "/users/me", json={"full_name": "Nobody"})).status_code == 404


async def test_cve_2025_30352_search_finds_nobody_for_whom_may_not_list(harness: DualDoorApp, mine: ApiClient) -> None:
    """Directus: the search looked into fields that the caller may not read. Whether an address is known is told to the staff alone."""
    assert mine.person is not None
    email = mine.person.email
    word = email.partition("@")[0].split("-")[1]
    for known in (email, f"{unique('nobody')}@shop.example"):
        for role in ("anonymous", "customer", "moderator"):
            visitor = await client_with_role(harness, role)
            refused = 401 if role == "anonymous" else 403
            for params in (
                {"email": known},
                {"q": known},
                {"q": word},
                {"email": known, "include": "total"},
                {"sort": "email"},
            ):
                assert (await visitor.rest("GET", "/users", params=params)).status_code == refused
            for filter in (f'email: "{known}"', f'q: "{known}"'):
                said = await visitor.post(f"{{ users(filter: {{{filter}}}) {{ totalCount nodes {{ id }} }} }}")
                assert (said.get("data") or {}).get("users") is None
                assert said["errors"][0]["extensions"]["status"] == refused
    found = (await harness.staff.rest("GET", "/users", params={"q": word, "fields": "id"})).json()["data"]
    assert found == [{"id": mine.person.id}]
    # No filter and no order is about what nobody is shown.
    for params in (
        {"password_hash": "x"},
        {"sort": "password_hash"},
        {"password": "x"},
        {"fields": "password_hash"},
        {"addresses": "x"},
    ):
        assert (await harness.staff.rest("GET", "/users", params=params)).status_code == 400
    for params in ({"secret": "x"}, {"sort": "secret"}, {"secret_hash": "x"}, {"fields": "secret_hash"}):
        assert (await mine.rest("GET", "/api-keys", params=params)).status_code == 400


async def test_cve_2024_34708_an_alias_reveals_no_secret_of_a_key(
    harness: DualDoorApp, mine: ApiClient, rows: Json
) -> None:
    """Directus: what was redacted under a field's own name came out under an alias. A key's secret is in the answer of its creation alone."""
    key, secret = rows["key"]["id"], rows["key"]["secret"]
    assert secret.startswith("tp_")
    inner = "secret a: secret name: secret ... on ApiKey { b: secret }"
    for visitor in (mine, await client_with_role(harness, "admin")):
        answers: list[Any] = []
        for fields in ("secret", "a:secret", "name:secret", "id,x:secret,user{id}"):
            answers += [
                await visitor.rest("GET", f"/api-keys/{key}", params={"fields": fields}),
                await visitor.rest("GET", "/api-keys", params={"fields": fields}),
            ]
        answers.append(await visitor.rest("GET", f"/api-keys/{key}"))
        for text in (
            f'apiKey(id: "{key}") {{ {inner} }}',
            f"apiKeys {{ nodes {{ {inner} }} }}",
            f'node(id: "{key}") {{ ... on ApiKey {{ {inner} }} }}',
        ):
            answers.append(await visitor.client.post("/graphql", json={"query": f"{{ {text} }}"}))
        assert {a.status_code for a in answers} == {200}
        assert secret.rpartition("_")[2] not in str([a.text for a in answers])
    said = await mine.data(f'{{ apiKey(id: "{key}") {{ {inner} }} }}')
    assert said["apiKey"] == {"secret": None, "a": None, "name": None, "b": None}
    # The alias of one key's secret is not that of another one, made by the same document.
    made = await mine.data(
        'mutation { a: apiKeyCreate(input: {name: "A"}) { id s: secret } b: apiKeyCreate(input: {name: "B"}) { id s: secret } }'
    )
    assert made["a"]["s"] != made["b"]["s"]
    for one in made.values():
        answer = await harness.anonymous.rest("GET", "/users/me", headers={"X-API-Key": one["s"]})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


async def test_a_cache_key_without_the_caller_gives_nobody_another_account(harness: DualDoorApp, mine: ApiClient) -> None:
    """What was kept for one caller was answered to the next who asked with the same words: `me` is the same URL for all."""
    other = await client_with_role(harness, "customer")
    text = "{ me { id email } addresses { totalCount } }"
    paths = ("/v1/users/me", "/v1/users/me/addresses", "/v1/api-keys", "/v1/users/me?fields=id,email,addresses{id}")
    for one, two in ((mine, other), (other, mine)):
        assert one.person is not None
        assert two.person is not None
        for path in paths:
            first = await one.client.get(path)
            assert first.status_code == 200, path
            assert first.headers["cache-control"] == "no-store"
            assert {"Authorization", "X-API-Key"} <= set(first.headers["vary"].split(", "))
            later = await two.client.get(path, headers={"If-None-Match": first.headers["etag"]})
            if "me?" in path or path.endswith("/me"):
                assert later.status_code == 200
                assert two.person.email in later.text
                assert one.person.email not in later.text
            assert (
                await harness.anonymous.client.get(path, headers={"If-None-Match": first.headers["etag"]})
            ).status_code == 401
            # Whoever has the answer already is told so.
            assert (await one.client.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 304
        for visitor in (one, two, one):
            assert visitor.person is not None
            by_get = await visitor.client.get("/graphql", params={"query": text})
            assert by_get.headers["cache-control"] == "no-store"
            assert by_get.json()["data"]["me"]["id"] == (await visitor.data(text))["me"]["id"] == visitor.person.id


async def test_the_address_book_of_another_is_empty_at_every_depth(
    harness: DualDoorApp, mine: ApiClient, rows: Json
) -> None:
    """A relation has the rule of its own rows: who sees a user does not see the addresses, whichever way leads there."""
    assert mine.person is not None
    me = mine.person.id
    for role in ("staff", "admin"):
        visitor = await client_with_role(harness, role)
        for path, fields in (
            (f"/users/{me}", "addresses{id,lines}"),
            ("/users", "addresses{lines}"),
            ("/api-keys", "user{addresses{lines}}"),
        ):
            answer = await visitor.rest(
                "GET", path, params={"fields": fields} | ({} if path.endswith(me) else {"limit": "100"})
            )
            assert answer.status_code == 200, answer.text
            assert rows["street"] not in answer.text
        for text in (
            f'user(id: "{me}") {{ addresses {{ lines }} }}', f'users(filter: {{email: "{mine.person.email}"}}) {{ nodes {{ a: addresses {{ lines }} }} }}',
            f'apiKey(id: "{rows["key"]["id"]}") {{ user {{ addresses {{ lines }} }} }}',
        ):  # fmt: skip
            assert rows["street"] not in str(await visitor.data(f"{{ {text} }}"))
    assert (await mine.data("{ me { addresses { lines } } }"))["me"]["addresses"] == [{"lines": [rows["street"]]}]


async def test_a_suspended_owner_takes_its_keys_and_tokens_along(harness: DualDoorApp) -> None:
    """No credential outlives the account: neither at a door that remembered it, nor at the other."""
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

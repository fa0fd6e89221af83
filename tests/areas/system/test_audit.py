"""The audit as the staff reads it: who changed what, listed, filtered and paged through both doors, and closed to all others."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import text as sql

from tests.factories import Json, assert_problem, make_category, make_product, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PATH = "/v1/audit"
MEMBERS = "id createdAt callerId role door operation type subject data requestId"
LIST = f"query ($filter: AuditEntryFilter, $sort: [AuditEntrySort!]) {{ audit(filter: $filter, sort: $sort) {{ nodes {{ {MEMBERS} }} totalCount }} }}"
NOBODYS = "01890a5d-ac96-774b-bcce-b302099a80fb"


async def graphql(caller: httpx.AsyncClient, document: str, **variables: Any) -> Json:
    """What GraphQL answers to a document that must succeed."""
    answer = (
        await caller.post(
            "/graphql", json={"query": document, "variables": variables}, headers={"X-Request-Id": "by-graphql"}
        )
    ).json()
    assert "errors" not in answer, answer
    return answer["data"]


def snake(entry: Json) -> Json:
    """GraphQL's entry in REST's names."""
    return {"".join([f"_{c.lower()}" if c.isupper() else c for c in name]): value for name, value in entry.items()}


async def both(staff: httpx.AsyncClient, filter: Json, sort: str = "-created_at") -> list[Json]:
    """The entries that a filter finds, which must be the same through both doors."""
    rest = await read(
        staff, PATH, **filter, sort=sort, include="total", fields=",".join(snake(dict.fromkeys(MEMBERS.split())))
    )
    key = sort.removeprefix("-").upper() + ("_DESC" if sort.startswith("-") else "_ASC")
    camel = {"".join([w.capitalize() if i else w for i, w in enumerate(n.split("_"))]): v for n, v in filter.items()}
    page = (await graphql(staff, LIST, filter=camel, sort=[key]))["audit"]
    assert [snake(e) for e in page["nodes"]] == rest["data"]
    assert page["totalCount"] == rest["total"]
    return rest["data"]


async def test_the_staff_reads_who_changed_what_through_either_door(
    app: "TradepostApp", staff: httpx.AsyncClient, staff_key: str
) -> None:
    product = (await staff.post("/v1/products", json={"name": "Lamp"}, headers={"X-Request-Id": "by-rest"})).json()
    await graphql(
        staff, 'mutation ($id: ID!) { productUpdate(id: $id, patch: {name: "Light"}) { id } }', id=product["id"]
    )
    caller = (await app.state.credentials.identify(staff_key)).id
    newest, first = await both(staff, {"subject": product["id"]})
    same = {"caller_id": caller, "role": "staff", "subject": product["id"]}
    assert first | same == first
    assert newest | same == newest
    assert (first["door"], first["operation"], first["type"], first["request_id"]) == (
        "rest",
        "product_create",
        "product.created",
        "by-rest",
    )
    assert (newest["door"], newest["operation"], newest["type"], newest["request_id"]) == (
        "graphql",
        "product_update",
        "product.updated",
        "by-graphql",
    )
    assert newest["data"] == {"changed": ["name"]}
    single = await read(staff, f"{PATH}/{newest['id']}")
    assert single == newest | {"links": {"self": {"href": f"{PATH}/{newest['id']}"}}}
    named = (await graphql(staff, f"query ($id: ID!) {{ auditEntry(id: $id) {{ {MEMBERS} }} }}", id=newest["id"]))[
        "auditEntry"
    ]
    assert snake(named) == newest


async def test_each_filter_finds_its_entries_and_no_others(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    key = await app.state.credentials.create(name=unique("auditor"), role="staff")
    caller = (await app.state.credentials.identify(key)).id
    other = {"X-API-Key": key}
    product = (
        await staff.post("/v1/products", json={"name": "Lamp", "variants": [variant_input()]}, headers=other)
    ).json()
    text = 'mutation { productCreate(input: {name: "By GraphQL"}) { id } categoryCreate(input: {name: "By GraphQL"}) { id } }'
    there = (await staff.post("/graphql", json={"query": text}, headers=other)).json()["data"]
    mine = {"caller_id": caller}
    assert len(await both(staff, mine)) == 4
    assert [e["subject"] for e in await both(staff, mine | {"door": "graphql"})] == [
        there["categoryCreate"]["id"],
        there["productCreate"]["id"],
    ]
    assert [e["subject"] for e in await both(staff, mine | {"type": "category.created"})] == [
        there["categoryCreate"]["id"]
    ]
    assert {e["type"] for e in await both(staff, mine | {"operation": "product_create"})} == {
        "product.created",
        "variant.created",
    }
    assert [e["operation"] for e in await both(staff, mine | {"subject": product["id"]})] == ["product_create"]
    assert await both(staff, mine | {"door": "worker"}) == []
    assert await both(staff, {"subject": NOBODYS}) == []


async def test_a_stretch_of_time_is_found_in_either_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name=unique("auditor"), role="staff")}
    mine = {"caller_id": (await app.state.credentials.identify(headers["X-API-Key"])).id}
    for name in "abc":
        await staff.post("/v1/categories", json={"name": name}, headers=headers)
    newest, middle, first = await both(staff, mine)
    assert [e["id"] for e in await both(staff, mine, "created_at")] == [first["id"], middle["id"], newest["id"]]
    assert await both(staff, mine | {"created_at_gt": first["created_at"], "created_at_lt": newest["created_at"]}) == [
        middle
    ]
    assert await both(staff, mine | {"created_at_gte": middle["created_at"]}) == [newest, middle]
    assert await both(staff, mine | {"created_at_lte": first["created_at"]}) == [first]


async def test_the_list_pages_and_a_cursor_is_good_at_the_other_door(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    for name in "abcd":
        await staff.patch(f"/v1/products/{product['id']}", json={"name": name})
    page = await read(staff, PATH, subject=product["id"], limit=2, fields="id,type")
    assert page["has_more"]
    text = "query ($id: ID!, $after: String) { audit(filter: {subject: $id}, first: 3, after: $after) { nodes { id type } pageInfo { hasNextPage } } }"
    rest = (await graphql(staff, text, id=product["id"], after=page["next_cursor"]))["audit"]
    assert [e["type"] for e in (*page["data"], *rest["nodes"])] == ["product.updated"] * 4 + ["product.created"]
    assert len({e["id"] for e in (*page["data"], *rest["nodes"])}) == 5
    assert rest["pageInfo"] == {"hasNextPage": False}


@pytest.mark.parametrize("role", [None, "customer", "moderator"])
async def test_it_is_closed_to_others_on_every_path(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient, role: str | None
) -> None:
    category = await make_category(staff)
    [entry] = (await read(staff, PATH, subject=category["id"]))["data"]
    headers = {"X-API-Key": await app.state.credentials.create(name=unique("key"), role=role)} if role else {}
    status, code = (403, "forbidden") if role else (401, "unauthenticated")
    for path in (
        PATH,
        f"{PATH}/{entry['id']}",
        f"{PATH}/no-id",
        f"{PATH}?subject={category['id']}",
        f"{PATH}?nobody_knows=1",
        f"{PATH}?fields=nope",
    ):
        assert_problem(await client.get(path, headers=headers), status, code)
    for text in (
        "{ audit { nodes { id } } }",
        f'{{ auditEntry(id: "{entry["id"]}") {{ id }} }}',
        '{ audit(filter: {subject: "no-id"}) { totalCount } }',
    ):
        answer = (await client.post("/graphql", json={"query": text}, headers=headers)).json()
        assert (
            [e["extensions"]["code"] for e in answer["errors"]],
            [v for v in (answer["data"] or {}).values() if v],
        ) == ([code], [])
    nodes = f'{{ node(id: "{entry["id"]}") {{ id }} nodes(ids: ["{entry["id"]}", "{category["id"]}"]) {{ id __typename }} }}'
    found = (await client.post("/graphql", json={"query": nodes}, headers=headers)).json()["data"]
    assert found == {"node": None, "nodes": [None, {"id": category["id"], "__typename": "Category"}]}


async def test_an_admin_reads_it_too(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name=unique("key"), role="admin")}
    assert (await client.get(PATH, headers=headers)).status_code == 200


async def test_nobody_changes_it(staff: httpx.AsyncClient) -> None:
    category = await make_category(staff)
    [entry] = (await read(staff, PATH, subject=category["id"]))["data"]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (PATH, f"{PATH}/{entry['id']}"):
            answer = await staff.request(method, path, json={} if method != "DELETE" else None)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS"), (method, path)
    assert (await read(staff, f"{PATH}/{entry['id']}"))["type"] == "category.created"


@pytest.mark.parametrize(
    "params",
    [{"subject": "no-id"}, {"caller_id": "x"}, {"created_at_gte": "yesterday"}, {"request_id": "x"}, {"sort": "door"}],
)
async def test_what_is_no_filter_or_no_value_is_refused(staff: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert_problem(await staff.get(PATH, params=params), 400, "invalid_parameter")


@pytest.mark.parametrize("name", ["subject", "caller_id", "operation", "type", "door", None])
async def test_an_index_serves_each_filter_in_the_order_of_the_list(
    app: "TradepostApp", staff: httpx.AsyncClient, name: str | None
) -> None:
    where = {"subject": NOBODYS, "caller_id": NOBODYS}.get(name or "", "x")
    rows = (
        "FROM audit_entry"
        + (f" WHERE {name} = '{where}'" if name else "")
        + " ORDER BY created_at DESC, id DESC LIMIT 21"
    )
    async with app.state.database.engine.begin() as connection:
        if app.state.database.url.startswith("sqlite"):
            plan = str((await connection.execute(sql(f"EXPLAIN QUERY PLAN SELECT id {rows}"))).all())
        else:
            # A small table is read as it lies; here it counts what serves a large one.
            await connection.execute(sql("SET LOCAL enable_seqscan = off"))
            await connection.execute(sql("SET LOCAL enable_bitmapscan = off"))
            await connection.execute(sql("SET LOCAL enable_sort = off"))
            plan = str((await connection.execute(sql(f"EXPLAIN SELECT id {rows}"))).all())
    assert f"audit_entry_{ {None: 'created', 'caller_id': 'caller'}.get(name, name) }" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan

"""The audit log: listed, filtered and paged through both doors, and visible only to staff."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import text as sql

from tests.factories import Json, assert_problem, make_category, make_product, read, unique, variant_input
from tests.users import create_user

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PATH = "/v1/audit"
MEMBERS = "id createdAt callerId role door operation type subject data requestId"
LIST = (
    "query ($filter: AuditEntryFilter, $sort: [AuditEntrySort!])"
    f" {{ audit(filter: $filter, sort: $sort) {{ nodes {{ {MEMBERS} }} totalCount }} }}"
)
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a80fb"


async def graphql(caller: httpx.AsyncClient, document: str, **variables: Any) -> Json:
    """Run a document that must succeed and return its data."""
    answer = (
        await caller.post(
            "/graphql", json={"query": document, "variables": variables}, headers={"X-Request-Id": "by-graphql"}
        )
    ).json()
    assert "errors" not in answer, answer
    return answer["data"]


def snake(entry: Json) -> Json:
    """Convert an entry from GraphQL to REST's names."""
    return {"".join([f"_{c.lower()}" if c.isupper() else c for c in name]): value for name, value in entry.items()}


async def list_entries(staff: httpx.AsyncClient, filter: Json, sort: str = "-created_at") -> list[Json]:
    """Return the entries that match a filter, which must be equal through both doors."""
    rest = await read(
        staff, PATH, **filter, sort=sort, include="total", fields=",".join(snake(dict.fromkeys(MEMBERS.split())))
    )
    key = sort.removeprefix("-").upper() + ("_DESC" if sort.startswith("-") else "_ASC")
    camel = {"".join([w.capitalize() if i else w for i, w in enumerate(n.split("_"))]): v for n, v in filter.items()}
    page = (await graphql(staff, LIST, filter=camel, sort=[key]))["audit"]
    nodes = [snake(e) for e in page["nodes"]]
    # GraphQL names enums in upper case.
    assert [node | {"role": node["role"].lower()} for node in nodes] == rest["data"]
    assert page["totalCount"] == rest["total"]
    return rest["data"]


async def test_an_entry_records_caller_door_operation_and_request_at_both_doors(
    app: "TradepostApp", staff: httpx.AsyncClient, staff_key: str
) -> None:
    product = (await staff.post("/v1/products", json={"name": "Lamp"}, headers={"X-Request-Id": "by-rest"})).json()
    await graphql(
        staff, 'mutation ($id: ID!) { productUpdate(id: $id, patch: {name: "Light"}) { id } }', id=product["id"]
    )
    caller = (await app.state.credentials.identify(staff_key)).id
    newest, first = await list_entries(staff, {"subject": product["id"]})
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
    assert snake(named) == newest | {"role": newest["role"].upper()}


async def test_each_filter_returns_only_matching_entries(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    key = await app.state.credentials.create(name=unique("auditor"), role="staff")
    caller = (await app.state.credentials.identify(key)).id
    other = {"X-API-Key": key}
    product = (
        await staff.post("/v1/products", json={"name": "Lamp", "variants": [variant_input()]}, headers=other)
    ).json()
    text = """mutation {
      productCreate(input: {name: "By GraphQL"}) { id }
      categoryCreate(input: {name: "By GraphQL"}) { id }
    }"""
    by_graphql = (await staff.post("/graphql", json={"query": text}, headers=other)).json()["data"]
    mine = {"caller_id": caller}
    assert len(await list_entries(staff, mine)) == 3
    assert [e["subject"] for e in await list_entries(staff, mine | {"door": "graphql"})] == [
        by_graphql["categoryCreate"]["id"],
        by_graphql["productCreate"]["id"],
    ]
    assert [e["subject"] for e in await list_entries(staff, mine | {"type": "category.created"})] == [
        by_graphql["categoryCreate"]["id"]
    ]
    assert {e["type"] for e in await list_entries(staff, mine | {"operation": "product_create"})} == {"product.created"}
    assert [e["operation"] for e in await list_entries(staff, mine | {"subject": product["id"]})] == ["product_create"]
    assert await list_entries(staff, mine | {"door": "worker"}) == []
    assert await list_entries(staff, {"subject": UNKNOWN_ID}) == []


async def test_entries_are_filtered_by_time_and_sorted_in_both_directions(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name=unique("auditor"), role="staff")}
    mine = {"caller_id": (await app.state.credentials.identify(headers["X-API-Key"])).id}
    for name in "abc":
        await staff.post("/v1/categories", json={"name": name}, headers=headers)
    newest, middle, first = await list_entries(staff, mine)
    assert [e["id"] for e in await list_entries(staff, mine, "created_at")] == [first["id"], middle["id"], newest["id"]]
    assert await list_entries(
        staff, mine | {"created_at_gt": first["created_at"], "created_at_lt": newest["created_at"]}
    ) == [middle]
    assert await list_entries(staff, mine | {"created_at_gte": middle["created_at"]}) == [newest, middle]
    assert await list_entries(staff, mine | {"created_at_lte": first["created_at"]}) == [first]


async def test_a_cursor_of_one_door_works_at_the_other(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    for name in "abcd":
        await staff.patch(f"/v1/products/{product['id']}", json={"name": name})
    page = await read(staff, PATH, subject=product["id"], limit=2, fields="id,type")
    assert page["has_more"]
    text = """query ($id: ID!, $after: String) {
      audit(filter: {subject: $id}, first: 3, after: $after) { nodes { id type } pageInfo { hasNextPage } }
    }"""
    rest = (await graphql(staff, text, id=product["id"], after=page["next_cursor"]))["audit"]
    assert [e["type"] for e in (*page["data"], *rest["nodes"])] == ["product.updated"] * 4 + ["product.created"]
    assert len({e["id"] for e in (*page["data"], *rest["nodes"])}) == 5
    assert rest["pageInfo"] == {"hasNextPage": False}


@pytest.mark.parametrize("role", [None, "customer", "moderator"])
async def test_the_audit_log_is_forbidden_to_other_roles_on_every_path(
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
        f"{PATH}?unknown=1",
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
    ids = f'["{entry["id"]}", "{category["id"]}"]'
    text = f'{{ node(id: "{entry["id"]}") {{ id }} nodes(ids: {ids}) {{ id __typename }} }}'
    data = (await client.post("/graphql", json={"query": text}, headers=headers)).json()["data"]
    assert data == {"node": None, "nodes": [None, {"id": category["id"], "__typename": "Category"}]}


async def test_an_admin_can_read_the_audit_log(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name=unique("key"), role="admin")}
    assert (await client.get(PATH, headers=headers)).status_code == 200


async def test_the_audit_log_is_read_only(staff: httpx.AsyncClient) -> None:
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
async def test_an_unknown_filter_or_invalid_value_is_refused(staff: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert_problem(await staff.get(PATH, params=params), 400, "invalid_parameter")


@pytest.mark.parametrize("name", ["subject", "caller_id", "operation", "type", "door", None])
async def test_an_index_serves_each_filter_in_list_order(
    app: "TradepostApp", staff: httpx.AsyncClient, name: str | None
) -> None:
    value = {"subject": UNKNOWN_ID, "caller_id": UNKNOWN_ID}.get(name or "", "x")
    rows = (
        "FROM audit_entry"
        + (f" WHERE {name} = '{value}'" if name else "")
        + " ORDER BY created_at DESC, id DESC LIMIT 21"
    )
    async with app.state.database.engine.begin() as connection:
        if app.state.database.url.startswith("sqlite"):
            plan = str((await connection.execute(sql(f"EXPLAIN QUERY PLAN SELECT id {rows}"))).all())
        else:
            # The planner scans small tables; these settings show the plan for a large one.
            await connection.execute(sql("SET LOCAL enable_seqscan = off"))
            await connection.execute(sql("SET LOCAL enable_bitmapscan = off"))
            await connection.execute(sql("SET LOCAL enable_sort = off"))
            plan = str((await connection.execute(sql(f"EXPLAIN SELECT id {rows}"))).all())
    assert f"audit_entry_{ {None: 'created', 'caller_id': 'caller'}.get(name, name) }" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


async def test_one_query_asks_for_the_role_of_a_user_and_of_an_entry(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    await make_product(staff)
    user, entry = await create_user(app, "moderator"), (await read(staff, PATH, limit=1))["data"][0]
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { role } ... on AuditEntry { role } } }"
    nodes = (await graphql(staff, document, ids=[user.id, entry["id"]]))["nodes"]
    assert [node["role"].lower() for node in nodes] == ["moderator", entry["role"]]

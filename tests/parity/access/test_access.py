"""The access table: every operation by every kind of caller, at both doors and in the service."""

from typing import Any

import pytest
from sqlalchemy import true

from tests.parity.access.access_trial import OUTCOMES, AccessTrial, SpareRows, client_for, context_of
from tests.parity.access.table import CALLERS, Outcome, Place
from tests.parity.cases import ACCESS, ENTITIES, MEMBERS, READS, REGISTRY
from tests.parity.fields import camel
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.sample_rows import SampleRows
from tradepost.areas.accounts.policy import PERMISSIONS
from tradepost.kit.auth.access import Viewer
from tradepost.kit.problems import Problem
from tradepost.kit.resource.resource import Resource

OPERATIONS = REGISTRY.operations
REFUSED = (Outcome.UNKNOWN, Outcome.FORBIDDEN)
# A caller without the permission is refused before the database is read. One operation of each
# kind is refused to each caller on PostgreSQL too.
FIRST_REFUSALS = {
    (OPERATIONS[name].kind, kind): name
    for name in reversed(ACCESS)
    for kind in CALLERS
    if ACCESS[name].shown.of(kind) in REFUSED
}
CELLS = [
    pytest.param(
        name,
        kind,
        marks=pytest.mark.once
        if name in ACCESS
        and ACCESS[name].shown.of(kind) in REFUSED
        and FIRST_REFUSALS[OPERATIONS[name].kind, kind] != name
        else (),
    )
    for name in OPERATIONS
    for kind in CALLERS
]
NODES = sorted([name for name, resource in REGISTRY.resources.items() if REGISTRY.getter(resource)])


def getter(name: str) -> str:
    """Return the operation that reads one row of a resource."""
    operation = REGISTRY.getter(REGISTRY.resources[name])
    assert operation is not None, name
    return operation.name


@pytest.fixture(scope="module")
async def clients(harness: DualDoorApp) -> dict[str, ApiClient]:
    """A caller of each kind. The sample rows belong to the customer or to the guest."""
    owners = {"customer": harness.customer, "guest": harness.guest}
    return owners | {kind: await client_for(harness, kind) for kind in CALLERS if kind not in owners}


@pytest.fixture(scope="module")
def spare_rows(harness: DualDoorApp) -> SpareRows:
    """The rows that are not changed."""
    return SpareRows(harness)


@pytest.fixture(scope="module")
def places(sample_rows: SampleRows) -> dict[str, tuple[Place, Place | None]]:
    """The rows on which each read is tried, shown and hidden."""
    values = {n: (Place(body=read.body or {}), None) for n, read in READS.items() if not is_of_rows(n)}
    return values | sample_rows.places


def is_of_rows(operation: str) -> bool:
    """Whether an operation returns rows of a table."""
    return isinstance(OPERATIONS[operation].result, Resource)


def test_a_rule_hides_rows_if_and_only_if_the_resource_hides_some_from_a_permitted_caller() -> None:
    """The resource's own SQL decides, so a new rule about rows cannot be forgotten in a case."""
    for name, rule in ACCESS.items():
        operation = OPERATIONS[name]
        if not operation.is_write and isinstance(operation.result, Resource):
            permitted = [kind for kind in CALLERS.values() if operation.access.allows(kind.permissions)]
            conditions = [str(operation.result.visible(Viewer(k.permissions, k.is_authenticated))) for k in permitted]
            assert rule.hides_rows == any(condition != str(true()) for condition in conditions), name


def test_no_rule_allows_more_or_less_than_the_policy() -> None:
    for name, rule in ACCESS.items():
        for kind, caller in CALLERS.items():
            outcome = rule.shown.of(kind)
            refusal = Outcome.FORBIDDEN if caller.is_authenticated else Outcome.UNKNOWN
            allows = OPERATIONS[name].access.allows(caller.permissions)
            expected = (Outcome.ALLOWED, Outcome.HIDDEN) if allows else (refusal,)
            assert outcome in expected, (name, kind)


@pytest.mark.parametrize(("operation", "kind"), [cell for cell in CELLS if not OPERATIONS[cell.values[0]].is_write])
async def test_a_read_returns_to_each_caller_what_its_rule_says(
    harness: DualDoorApp,
    clients: dict[str, ApiClient],
    places: dict[str, tuple[Place, Place | None]],
    operation: str,
    kind: str,
) -> None:
    shown, hidden = places[operation]
    trial, rule = AccessTrial(harness, operation, kind, clients[kind]), ACCESS[operation]
    outcomes = await trial.read(shown)
    assert outcomes == dict.fromkeys(outcomes, rule.shown.of(kind))
    assert (hidden is None) == (rule.hidden is None), f"{operation} needs a hidden sample row if its rule has one"
    if hidden is not None and rule.hidden is not None:
        outcomes = await trial.read(hidden)
        assert outcomes == dict.fromkeys(outcomes, rule.hidden.of(kind))


@pytest.mark.parametrize(("operation", "kind"), [cell for cell in CELLS if OPERATIONS[cell.values[0]].is_write])
async def test_a_write_returns_to_each_caller_what_its_rule_says(
    harness: DualDoorApp, clients: dict[str, ApiClient], spare_rows: SpareRows, operation: str, kind: str
) -> None:
    expected = ACCESS[operation].shown.of(kind)
    trial = AccessTrial(harness, operation, kind, clients[kind])
    outcomes = await trial.write(None if expected is Outcome.ALLOWED else spare_rows)
    assert outcomes == dict.fromkeys(outcomes, expected)


@pytest.mark.parametrize("kind", CALLERS)
@pytest.mark.parametrize("resource", NODES)
async def test_node_and_nodes_return_an_object_only_where_its_own_operation_does(
    clients: dict[str, ApiClient], places: dict[str, tuple[Place, Place | None]], resource: str, kind: str
) -> None:
    """They return null for everything else."""
    operation = getter(resource)
    rule, (shown, hidden) = ACCESS[operation], places[operation]
    tries = [(shown, rule.shown)] + ([(hidden, rule.hidden)] if hidden and rule.hidden else [])
    for place, row in tries:
        text = f'{{ node(id: "{place.key}") {{ id __typename }} nodes(ids: ["{place.key}"]) {{ id }} }}'
        allowed = row.of(kind) is Outcome.ALLOWED
        assert await clients[kind].data(text) == {
            "node": {"id": place.key, "__typename": resource} if allowed else None,
            "nodes": [{"id": place.key} if allowed else None],
        }


@pytest.mark.parametrize("kind", CALLERS)
@pytest.mark.parametrize("member", MEMBERS)
async def test_a_member_returns_to_each_caller_what_its_rule_says(
    harness: DualDoorApp,
    clients: dict[str, ApiClient],
    places: dict[str, tuple[Place, Place | None]],
    member: str,
    kind: str,
) -> None:
    resource_name, _, name = member.partition(".")
    resource, operation, client = REGISTRY.resources[resource_name], getter(resource_name), clients[kind]
    key, expected = places[operation][0].key, MEMBERS[member].of(kind)
    path = harness.path(operation, key)
    assert await service_read_member(harness, operation, client, key, name) == expected
    answer = await client.rest("GET", path, params={"fields": name})
    assert (Outcome.ALLOWED if answer.status_code == 200 else OUTCOMES[answer.json()["code"]]) == expected
    if name in resource.members:
        assert (name in (await client.rest("GET", path)).json()) == (expected is Outcome.ALLOWED)
    selected = camel(name)
    if (relation := resource.relations.get(name)) is not None:
        selected += " { nodes { id } }" if relation.paged else " { id }"
    root = f'{harness.root(operation).name}(id: "{key}") {{ {selected} }}'
    node = f'node(id: "{key}") {{ ... on {resource_name} {{ {selected} }} }}'
    for field in (root, node):
        document = await client.post(f"{{ it: {field} }}")
        codes = [OUTCOMES[e["extensions"]["code"]] for e in document.get("errors", ())]
        # A node that the caller may not read at all is null, as if it did not exist.
        is_null = field is node and ACCESS[operation].shown.of(kind) is expected
        assert codes == ([] if is_null or expected in (Outcome.ALLOWED, Outcome.HIDDEN) else [expected])
        assert ((document.get("data") or {}).get("it") is not None) == (expected is Outcome.ALLOWED)


async def service_read_member(harness: DualDoorApp, operation: str, client: ApiClient, key: str, name: str) -> Outcome:
    """Return the outcome of reading one member in the service."""
    declaration = harness.operation(operation)
    service: Any = declaration.service(await context_of(harness, client))
    selection = harness.rest_query(operation, {"fields": name}, PERMISSIONS).selection
    try:
        await declaration.__get__(service, declaration.service)(key, selection)
    except Problem as problem:
        return OUTCOMES[problem.code]
    return Outcome.ALLOWED


@pytest.mark.parametrize("kind", CALLERS)
async def test_links_and_available_actions_name_the_writes_that_a_caller_may_make_and_no_others(
    harness: DualDoorApp, clients: dict[str, ApiClient], places: dict[str, tuple[Place, Place | None]], kind: str
) -> None:
    for name in NODES:
        resource, operation, client = REGISTRY.resources[name], getter(name), clients[kind]
        if ACCESS[operation].shown.of(kind) is not Outcome.ALLOWED:
            continue
        key, stated = places[operation][0].key, ENTITIES[name].open_actions
        permitted = {n for n in resource.actions if ACCESS[n].shown.of(kind) is Outcome.ALLOWED}
        expected = permitted if stated is None else stated.get(kind, set())
        answer = await client.rest("GET", harness.path(operation, key), params={"fields": "links"})
        links = [link for link, target in answer.json()["links"].items() if "method" in target]
        # A link has no second id.
        linked = {n for n in expected if len(REGISTRY.operations[n].path_parameters) < 2}
        assert {n if n in OPERATIONS else f"{resource.operation_prefix}_{n}" for n in links} == linked
        data = await client.data(f'{{ it: {harness.root(operation).name}(id: "{key}") {{ availableActions }} }}')
        assert set(data["it"]["availableActions"]) == {camel(n) for n in expected}

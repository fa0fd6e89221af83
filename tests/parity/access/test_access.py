"""The access table: every operation, by every kind of caller, through both doors and at the service. What is missing in it fails."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from sqlalchemy import true

from tests.parity.access.access_trial import OUTCOMES, AccessTrial, client_for, context_of
from tests.parity.access.table import CALLERS, Outcome, Place, Places, Row, Rule
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.query_rendering import camel
from tests.parity.query_strategies import REGISTRY
from tradepost.app import AREAS
from tradepost.areas.accounts.policy import PERMISSIONS
from tradepost.kit.auth.access import Viewer
from tradepost.kit.problems import Problem
from tradepost.kit.resource.resource import Resource

ROOMS = [
    area
    for area in AREAS
    if any(o.service.__module__.startswith(f"tradepost.areas.{area}.") for o in REGISTRY.operations.values())
]
PARTS: list[Any] = [
    import_module(f"tests.parity.access.{area}") for area in ROOMS if find_spec(f"tests.parity.access.{area}")
]
TABLE: dict[str, Rule] = {name: rule for part in PARTS for name, rule in part.TABLE.items()}
MEMBERS: dict[str, Row] = {name: row for part in PARTS for name, row in part.MEMBERS.items()}
# What is open on the shown row of a kind, where that is not what the caller may in general: a row of somebody else, or in another state.
OPEN: dict[str, dict[str, set[str]]] = {
    kind: callers for part in PARTS for kind, callers in getattr(part, "OPEN", {}).items()
}
KINDS = sorted({REGISTRY.operations[n].result.name for n in TABLE if n.endswith("_get")})


@pytest.fixture(scope="module")
async def visitors(harness: DualDoorApp) -> dict[str, ApiClient]:
    """A caller of each kind: users who have logged in, and programs with keys of users."""
    return {caller: await client_for(harness, caller) for caller in CALLERS}


@pytest.fixture(scope="module")
async def places(harness: DualDoorApp, visitors: dict[str, ApiClient]) -> Places:
    """Where the reads of all rooms are tried."""
    owner = visitors["customer"].person
    assert owner is not None
    return {name: both for part in PARTS for name, both in (await part.places(harness, owner)).items()}


def test_every_operation_has_its_row_and_every_row_its_operation() -> None:
    missing, unknown = sorted(set(REGISTRY.operations) - set(TABLE)), sorted(set(TABLE) - set(REGISTRY.operations))
    assert (missing, unknown) == ([], []), "say in tests/parity/access/<room>.py who gets what"


def test_every_member_and_relation_with_an_access_of_its_own_has_its_row() -> None:
    names = {
        f"{of.name}.{n}"
        for of in REGISTRY.resources.values()
        for n in (*of.members, *of.relations)
        if of.access(n).permission
    }
    assert set(MEMBERS) == names


def test_a_read_that_does_not_show_all_rows_to_all_who_may_call_it_says_what_is_hidden() -> None:
    """What is hidden from whom is asked of the rule itself, so a new rule about rows cannot be forgotten here."""
    for name, rule in TABLE.items():
        operation = REGISTRY.operations[name]
        if not operation.is_write and isinstance(operation.result, Resource):
            open_to = [c for c, caller in CALLERS.items() if operation.access.allows(caller.permissions)]
            rules = [str(operation.result.visible(Viewer(CALLERS[c].permissions, CALLERS[c].known))) for c in open_to]
            assert rule.hides == any(r != str(true()) for r in rules), name


def test_no_row_gives_more_than_the_policy() -> None:
    for name, rule in TABLE.items():
        for caller, who in CALLERS.items():
            expected = rule.shown.of(caller)
            refusal = Outcome.FORBIDDEN if who.known else Outcome.UNKNOWN
            allows = REGISTRY.operations[name].access.allows(who.permissions)
            assert (expected in (Outcome.ALLOWED, Outcome.HIDDEN)) if allows else (expected is refusal), (name, caller)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", [n for n, o in REGISTRY.operations.items() if not o.is_write])
async def test_a_read_gives_each_caller_what_the_table_says(
    harness: DualDoorApp, visitors: dict[str, ApiClient], places: Places, operation: str, caller: str
) -> None:
    shown, hidden = places[operation]
    trial = AccessTrial(harness, operation, caller, visitors[caller])
    rule = TABLE[operation]
    assert set((await trial.read(shown)).values()) == {rule.shown.of(caller)}
    assert (hidden is None) == (rule.hidden is None)
    if hidden is not None and rule.hidden is not None:
        found = await trial.read(hidden)
        assert found == dict.fromkeys(found, rule.hidden.of(caller))


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", [n for n, o in REGISTRY.operations.items() if o.is_write])
async def test_a_write_gives_each_caller_what_the_table_says(
    harness: DualDoorApp, visitors: dict[str, ApiClient], operation: str, caller: str
) -> None:
    found = await AccessTrial(harness, operation, caller, visitors[caller]).write()
    assert found == dict.fromkeys(found, TABLE[operation].shown.of(caller))


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_node_is_no_other_way_to_a_row(
    harness: DualDoorApp, visitors: dict[str, ApiClient], places: Places, kind: str, caller: str
) -> None:
    """`node` and `nodes` give an object exactly where its own operation does, and null everywhere else."""
    operation = next(n for n in TABLE if n.endswith("_get") and REGISTRY.operations[n].result.name == kind)
    rule, (shown, hidden) = TABLE[operation], places[operation]
    expected = [(shown, rule.shown)] + ([(hidden, rule.hidden)] if hidden and rule.hidden else [])
    for place, row in expected:
        text = f'{{ node(id: "{place.key}") {{ id __typename }} nodes(ids: ["{place.key}"]) {{ id }} }}'
        found = await visitors[caller].data(text)
        allowed = row.of(caller) is Outcome.ALLOWED
        assert found == {
            "node": {"id": place.key, "__typename": kind} if allowed else None,
            "nodes": [{"id": place.key} if allowed else None],
        }


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("member", MEMBERS)
async def test_a_member_gives_each_caller_what_the_table_says(
    harness: DualDoorApp, visitors: dict[str, ApiClient], places: Places, member: str, caller: str
) -> None:
    kind, _, name = member.partition(".")
    of = harness.registry.resources[kind]
    getter, visitor = harness.registry.getter(of), visitors[caller]
    assert getter is not None
    key, expected = places[getter.name][0].key, MEMBERS[member].of(caller)
    assert await read_member(harness, getter.name, visitor, key, name) == expected
    answer = await visitor.rest("GET", harness.path(getter.name, key), params={"fields": name})
    assert (Outcome.ALLOWED if answer.status_code == 200 else OUTCOMES[answer.json()["code"]]) == expected
    if name in of.members:
        assert (name in (await visitor.rest("GET", harness.path(getter.name, key))).json()) == (
            expected is Outcome.ALLOWED
        )
    inner = camel(name) if name in of.members else f"{camel(name)} {{ id }}"
    own, node = (
        f'{harness.root(getter.name).name}(id: "{key}") {{ {inner} }}',
        f'node(id: "{key}") {{ ... on {kind} {{ {inner} }} }}',
    )
    for field in (own, node):
        said = await visitor.post(f"{{ it: {field} }}")
        codes = [OUTCOMES[e["extensions"]["code"]] for e in said.get("errors", ())]
        # A node that the caller may not read at all is null, as if it were not there.
        silent = expected in (Outcome.ALLOWED, Outcome.HIDDEN) or (
            field is node and TABLE[getter.name].shown.of(caller) is expected
        )
        assert codes == ([] if silent else [expected])
        assert ((said.get("data") or {}).get("it") is not None) == (expected is Outcome.ALLOWED)


async def read_member(harness: DualDoorApp, operation: str, visitor: ApiClient, key: str, name: str) -> Outcome:
    """What comes of asking the service for one member."""
    of = harness.operation(operation)
    service = of.service(await context_of(harness, visitor))
    want = harness.rest_reads(operation, {"fields": name}, PERMISSIONS).selection
    try:
        await of.__get__(service, of.service)(key, want)
    except Problem as problem:
        return OUTCOMES[problem.code]
    return Outcome.ALLOWED


@pytest.mark.parametrize("caller", CALLERS)
async def test_what_is_shown_as_open_is_what_the_table_allows(
    harness: DualDoorApp, visitors: dict[str, ApiClient], places: Places, caller: str
) -> None:
    """`links` and `availableActions` tell each caller of the changes that it may make, and of no others."""
    for of in harness.registry.resources.values():
        getter = harness.registry.getter(of)
        if getter is None or TABLE[getter.name].shown.of(caller) is not Outcome.ALLOWED:
            continue
        key = places[getter.name][0].key
        expected = (
            OPEN[of.name].get(caller, set())
            if of.name in OPEN
            else {n for n in of.actions if TABLE[n].shown.of(caller) is Outcome.ALLOWED}
        )
        links = (await visitors[caller].rest("GET", harness.path(getter.name, key), params={"fields": "links"})).json()[
            "links"
        ]
        assert {
            name if name in TABLE else f"{of.operation_prefix}_{name}"
            for name, link in links.items()
            if "method" in link
        } == expected
        found = await visitors[caller].data(
            f'{{ it: {harness.root(getter.name).name}(id: "{key}") {{ availableActions }} }}'
        )
        assert set(found["it"]["availableActions"]) == {camel(name) for name in expected}


def test_a_place_is_told_for_every_read(places: Places) -> None:
    assert set(places) == {n for n, o in REGISTRY.operations.items() if not o.is_write}
    assert all(isinstance(shown, Place) for shown, _ in places.values())
    assert {n for n, (shown, _) in places.items() if not shown.seeks} == {
        n for n in places if not isinstance(REGISTRY.operations[n].result, Resource)
    }

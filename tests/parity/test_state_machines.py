"""Every step of every state machine, from every status, through both doors.

A row of the case is put into a status by SQL. Steps in the table move it; all others are refused
with `invalid_transition`, which names the steps that are open, and change nothing. The links and
`availableActions` of the row name the same steps.
"""

import re
from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.factories import unique
from tests.parity.case import CaseContext
from tests.parity.cases import ENTITIES, REGISTRY, TWO_DOOR_WRITES, write_inputs
from tests.parity.door_writer import DoorWriter
from tests.parity.fields import snake
from tests.parity.harness import DualDoorApp
from tests.parity.prepared_writes import PreparedWrite, prepare
from tradepost.areas.orders.schemas import OrderStatus
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.transitions import Transitions
from tradepost.kit.schema.struct_fields import Member
from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent


def all_statuses(resource: Resource[Any], machine: Transitions) -> list[str]:
    """Return the statuses of the resource, also those that its table does not have yet."""
    status = resource.members[machine.column.key]
    assert isinstance(status, Member)
    assert status.enum is not None
    return [value.value for value in status.enum]


MACHINES = [resource for resource in REGISTRY.resources.values() if resource.transitions is not None]
STEPS = [
    (resource, operation, status)
    for resource in MACHINES
    if resource.transitions is not None
    for operation, status in product(resource.transitions.steps, all_statuses(resource, resource.transitions))
]
WRITES = {write.operation: write for write in TWO_DOOR_WRITES}


async def set_status(harness: DualDoorApp, resource: Resource[Any], id: str, status: str) -> None:
    """Put a row into a status."""
    entity = ENTITIES[resource.name]
    if entity.set_status is not None:
        await entity.set_status(CaseContext(harness.app, harness.staff, harness.customer.user), id, status)
        return
    assert resource.transitions is not None
    column = resource.transitions.column
    async with harness.app.state.database.transaction() as session:
        await session.execute(update(resource.table).where(resource.table.c.id == id).values({column.key: status}))


async def stored_row(harness: DualDoorApp, resource: Resource[Any], id: str) -> dict[str, Any]:
    """Return all columns of a stored row."""
    async with harness.app.state.database.engine.connect() as connection:
        row = (await connection.execute(select(resource.table).where(resource.table.c.id == id))).one()
    return dict(row._mapping)


async def count_events(harness: DualDoorApp, request_id: str) -> int:
    """Return how many events and audit entries a request has written."""
    async with harness.app.state.database.session_factory() as session:
        tables = (OutboxEvent, AuditEntry)
        counts = [select(func.count()).select_from(t).where(t.request_id == request_id) for t in tables]
        return sum([await session.scalar(count) for count in counts])


async def open_steps(harness: DualDoorApp, resource: Resource[Any], prepared: PreparedWrite) -> list[set[str]]:
    """Return the actions on a row that each door names to the caller, as operations."""
    getter = harness.registry.getter(resource)
    assert getter is not None
    path = harness.path(getter.name, prepared.key)
    answer = await prepared.caller.rest("GET", path, params={"fields": "links"})
    links = [name for name, target in answer.json()["links"].items() if "method" in target]
    text = f'{{ it: {harness.root(getter.name).name}(id: "{prepared.key}") {{ availableActions }} }}'
    data = await prepared.caller.data(text)
    operations = harness.registry.operations
    names = {n if n in operations else f"{resource.operation_prefix}_{n}" for n in links}
    return [names, {snake(name) for name in data["it"]["availableActions"]}]


def test_the_machines_of_orders_payments_fulfilments_and_returns_are_tested() -> None:
    assert {"Order", "Payment", "Fulfilment", "Return", "User"} <= {resource.name for resource in MACHINES}
    assert {status for _, operation, status in STEPS if operation == "order_cancel"} == set(OrderStatus)


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize(("resource", "operation", "status"), STEPS, ids=[f"{o}-{s}" for _, o, s in STEPS])
async def test_a_step_is_made_or_refused_as_the_table_says(
    harness: DualDoorApp, resource: Resource[Any], operation: str, status: str, door: str
) -> None:
    machine, valid = resource.transitions, write_inputs(WRITES[operation])[0]
    assert machine is not None
    prepared = await prepare(harness, valid)
    await set_status(harness, resource, prepared.key, status)
    before, is_open = await stored_row(harness, resource, prepared.key), status in machine.steps[operation].sources
    named_steps = await open_steps(harness, resource, prepared)
    assert [operation in names for names in named_steps] == [is_open, is_open], named_steps
    assert [names & set(machine.steps) - set(machine.open_from(status)) for names in named_steps] == [set(), set()]
    writer, request_id = DoorWriter(harness, prepared.caller, operation), unique("step")
    writer.headers["X-Request-ID"] = request_id
    outcome = await writer.write(door, "id", **prepared.arguments)
    after = await stored_row(harness, resource, prepared.key)
    events = await count_events(harness, request_id)
    if is_open:
        assert (outcome, after[machine.column.key]) == ({"id": prepared.key}, machine.steps[operation].target)
        assert (after["version"] > before["version"], events > 0) == (True, True)
        return
    code, http_status, detail, *_ = outcome
    assert (code, http_status, after, events) == ("invalid_transition", 409, before, 0)
    named = set(re.findall(r"`(\w+)`", detail.partition(";")[2]))
    assert named == set(machine.open_from(status)), detail

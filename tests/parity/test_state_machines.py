"""Every step of every state machine, from every status, through both doors.

A row of the case is put into a status by SQL. Steps in the table move it; all others are refused
with `invalid_transition`, which names the steps that are open, and change nothing.
"""

import re
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.parity.case import CaseContext
from tests.parity.cases import ENTITIES, REGISTRY, TWO_DOOR_WRITES, write_inputs
from tests.parity.door_writer import DoorWriter
from tests.parity.harness import DualDoorApp
from tests.parity.prepared_writes import prepare
from tradepost.kit.resource.resource import Resource

MACHINES = [resource for resource in REGISTRY.resources.values() if resource.transitions is not None]
STEPS = [
    (resource, operation, status)
    for resource in MACHINES
    if resource.transitions is not None
    for operation, status in product(resource.transitions.steps, sorted(resource.transitions.statuses))
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


async def status_of(harness: DualDoorApp, resource: Resource[Any], id: str) -> str:
    """Return the stored status of a row."""
    assert resource.transitions is not None
    column = resource.table.c[resource.transitions.column.key]
    async with harness.app.state.database.session_factory() as session:
        return await session.scalar(select(column).where(resource.table.c.id == id))


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize(("resource", "operation", "status"), STEPS, ids=[f"{o}-{s}" for _, o, s in STEPS])
async def test_a_step_is_made_or_refused_as_the_table_says(
    harness: DualDoorApp, resource: Resource[Any], operation: str, status: str, door: str
) -> None:
    machine, valid = resource.transitions, write_inputs(WRITES[operation])[0]
    assert machine is not None
    prepared = await prepare(harness, valid)
    await set_status(harness, resource, prepared.key, status)
    outcome = await DoorWriter(harness, prepared.caller, operation).write(door, "id", **prepared.arguments)
    after = await status_of(harness, resource, prepared.key)
    if status in machine.steps[operation].sources:
        assert (outcome, after) == ({"id": prepared.key}, machine.steps[operation].target)
        return
    code, http_status, detail, *_ = outcome
    assert (code, http_status, after) == ("invalid_transition", 409, status)
    named = set(re.findall(r"`(\w+)`", detail.partition(";")[2]))
    assert named == set(machine.open_from(status)), detail

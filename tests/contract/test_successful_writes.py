"""Every write, with every valid input of its case, succeeds as the OpenAPI document says."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.parity.cases import FIRST_INPUTS, REGISTRY, WRITES, WriteInput, write_inputs
from tests.parity.door_writer import DoorWriter
from tests.parity.harness import DualDoorApp
from tests.parity.prepared_writes import PreparedWrite, prepare
from tradepost.app import TradepostApp

from .openapi_document import Json, operations
from .response_checker import ResponseChecker

INPUTS = [valid for write in WRITES.values() for valid in write_inputs(write)]


@pytest.fixture(scope="module")
async def harness(app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> DualDoorApp:
    """The app and its callers."""
    return await DualDoorApp.create(app, client, staff)


def declared(checker: ResponseChecker) -> dict[str, Json]:
    """Return the Operation Objects of the writes by operation."""
    objects = [operation for _, method, operation in operations(checker.document) if method != "get"]
    return {operation["operationId"]: operation for operation in objects}


async def send(
    harness: DualDoorApp, checker: ResponseChecker, prepared: PreparedWrite, operation: str
) -> httpx.Response:
    """Send a prepared write to the version of the document, and check the response."""
    method, path, request = DoorWriter(harness, prepared.caller, operation).rest_request("", **prepared.arguments)
    if REGISTRY.operations[operation].exclusive_to:  # it takes a form, which identifies the caller
        request = {"data": prepared.body}
    if (create := FIRST_INPUTS[operation].write.webhook) is not None:
        webhook = create()
        path, request = path.replace("{0}", webhook.key), {"content": webhook.body, "headers": webhook.headers}
    url = f"/v{checker.document['info']['version']}{path}"
    answer = await prepared.caller.client.request(method, url, **request)
    checker.check(declared(checker)[operation], answer)
    return answer


def test_every_declared_write_has_a_case(checker: ResponseChecker) -> None:
    # `price` is a query: it has a body and writes nothing.
    assert set(declared(checker)) - {"price"} == set(WRITES)


@pytest.mark.parametrize("valid", INPUTS, ids=str)
async def test_a_valid_write_succeeds_as_declared(
    harness: DualDoorApp, checker: ResponseChecker, valid: WriteInput
) -> None:
    prepared, operation = await prepare(harness, valid), valid.write.operation
    answer = await send(harness, checker, prepared, operation)
    assert answer.status_code == valid.operation.status, answer.text
    if valid.operation.kind == "batch":
        assert [item["status"] for item in answer.json()["results"]] == list(valid.batch_statuses)


async def test_a_payment_that_is_open_already_is_answered_as_declared(
    harness: DualDoorApp, checker: ResponseChecker
) -> None:
    prepared = await prepare(harness, FIRST_INPUTS["payment_create"])
    first, again = [await send(harness, checker, prepared, "payment_create") for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_every_declared_success_is_expected_of_some_write(checker: ResponseChecker) -> None:
    successes: Mapping[str, Any] = {
        name: {int(status) for status in operation["responses"] if status < "300"}
        for name, operation in declared(checker).items()
        if name != "price"
    }
    expected = {name: {REGISTRY.operations[name].status} for name in WRITES}
    assert successes == expected | {"payment_create": {200, 201}}

"""Several processes share one store."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.payment_simulator.receiver import Receiver, receiver
from tests.simulator import SimulatorServer, run_simulator

PROCESSES = 3


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Receiver]:
    """An endpoint for webhooks."""
    with receiver("whsec_one") as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, endpoint: Receiver) -> Iterator[list[SimulatorServer]]:
    """Simulators on one store."""
    store: Path = tmp_path_factory.mktemp("processes") / "simulator.db"
    with ExitStack() as stack:
        webhooks = {endpoint.url: endpoint.secret}
        yield [stack.enter_context(run_simulator(store, webhooks=webhooks)) for _ in range(PROCESSES)]


async def test_all_processes_see_the_same_and_lose_nothing(
    processes: list[SimulatorServer], endpoint: Receiver
) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(process.client()) for process in processes]
        arguments: Any = {"amount": 1000, "currency": "eur", "payment_method_types": ["card"]}
        arguments |= {"confirm": True, "payment_method": "pm_card_visa"}
        intent = await clients[0].v1.payment_intents.create_async(arguments)

        async def refund(number: int) -> bool:
            """Whether a refund of 300 was made; three of them fit."""
            try:
                client = clients[number % PROCESSES]
                await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 300})
            except stripe.InvalidRequestError:
                return False
            return True

        outcomes = await asyncio.gather(*[refund(number) for number in range(12)])
        assert sum(outcomes) == 3
        for client in clients:
            assert len((await client.v1.refunds.list_async({"payment_intent": intent.id})).data) == 3
    await asyncio.to_thread(endpoint.wait, lambda: endpoint.types(intent.id).count("refund.created") == 3)
    await asyncio.sleep(0.5)
    ids = [event.id for event in endpoint.events()]
    assert len(ids) == len(set(ids)) == 9


async def test_a_key_is_the_same_at_all_processes(processes: list[SimulatorServer]) -> None:
    options: Any = {"idempotency_key": uuid4().hex}

    async def create(process: SimulatorServer) -> str | None:
        async with process.client() as client:
            try:
                arguments: Any = {"amount": 1000, "currency": "eur"}
                return (await client.v1.payment_intents.create_async(arguments, options)).id
            except stripe.APIError as error:
                return None if error.http_status == 409 else str(error)

    made = set(await asyncio.gather(*[create(process) for process in processes * 3])) - {None}
    assert len(made) == 1

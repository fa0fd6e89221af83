"""The page of statuses shows each step of each state machine."""

import re

import httpx
import pytest

from tests.doors.pages.pages_app import BROWSER, STAFF, pages_app
from tradepost.app import TradepostApp

ROW = re.compile(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>")


async def test_the_page_lists_every_step_of_the_app(app: TradepostApp, client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs/statuses", headers=BROWSER)).text
    machines = app.state.registry.state_machines
    assert {"User", "Order", "Payment"} <= set(machines)
    for name, machine in machines.items():
        section = page.partition(f"<h2>{name}</h2>")[2].partition("<h2>")[0]
        rows = [tuple(re.sub("<.*?>", "", cell) for cell in row) for row in ROW.findall(section)]
        internal = [(f"{name} (automatic)", step) for name, step in machine.internal.items()]
        steps = [*machine.steps.items(), *internal]
        assert rows == [(", ".join(sorted(step.sources)), step.target, cause) for cause, step in steps]


@pytest.mark.parametrize(("caller", "status"), [(None, 404), (STAFF, 200)])
async def test_the_page_is_hidden_with_the_rest_of_the_schema(caller: object, status: int) -> None:
    arguments = {} if caller is None else {"caller": caller}
    async with pages_app(introspection=False, **arguments) as client:  # pyright: ignore[reportArgumentType]
        assert (await client.get("/docs/statuses", headers=BROWSER)).status_code == status

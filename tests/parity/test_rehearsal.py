"""A rehearsed write with manual transactions runs as it does otherwise, and leaves nothing."""

from collections.abc import AsyncIterator

import pytest

from tests.factories import unique
from tests.kit.sample_deposit import (
    SampleDepositInput,
    SampleDeposits,
    SampleProvider,
    deposits,
    running_deposit_app,
    stored_deposits,
)
from tests.parity.rehearsal import Rehearsal
from tradepost.app import TradepostApp
from tradepost.kit.auth.caller import Caller
from tradepost.kit.ids import new_id
from tradepost.kit.resource.selection import default_selection
from tradepost.kit.writes.call_context import CallContext
from tradepost.settings import Settings

SELECTION = default_selection(deposits, frozenset())


@pytest.fixture(scope="module")
async def app(module_settings: Settings, anyio_backend: object) -> AsyncIterator[TradepostApp]:
    """The app with deposits."""
    async with running_deposit_app(module_settings) as app:
        yield app


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> SampleProvider:
    """The provider of this test."""
    monkeypatch.setattr(SampleDeposits, "provider", provider := SampleProvider())
    return provider


@pytest.fixture(params=[False, True], ids=["without a key", "with a key"])
def service(app: TradepostApp, request: pytest.FixtureRequest) -> SampleDeposits:
    """The service of a call without or with a key."""
    context = CallContext(Caller(id=new_id(1), role="staff"), app.state.database)
    context.idempotency.key = unique("key") if request.param else None
    return SampleDeposits(context)


@pytest.fixture
async def rehearsal(app: TradepostApp) -> Rehearsal:
    """The rehearsal of a write."""
    rehearsal = Rehearsal(app.state.database)
    await rehearsal.remember_rows()
    return rehearsal


async def test_the_last_step_sees_the_rows_of_the_first(
    app: TradepostApp, provider: SampleProvider, service: SampleDeposits, rehearsal: Rehearsal
) -> None:
    async with rehearsal.active() as changes:
        answer = await service.create(SampleDepositInput(77), SELECTION)
    assert provider.collected == [answer.id]
    [rows] = changes
    created, collected = [[row for row in rows if f"sample_deposit.{type}" in row] for type in ("created", "collected")]
    assert [row.partition(" ")[0] for row in created + collected] == ["audit_entry", "outbox_event"] * 2
    assert await stored_deposits(app, 77) == []


async def test_a_failure_between_the_steps_leaves_nothing(
    app: TradepostApp, provider: SampleProvider, service: SampleDeposits, rehearsal: Rehearsal
) -> None:
    async def fail(service: SampleDeposits) -> None:
        raise ZeroDivisionError

    provider.in_collection = fail
    async with rehearsal.active() as changes:
        with pytest.raises(ZeroDivisionError):
            await service.create(SampleDepositInput(77), SELECTION)
    assert "sample_deposit" not in repr(changes)
    assert await stored_deposits(app, 77) == []

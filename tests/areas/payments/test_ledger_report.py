"""The comparison of the providers' ledgers with ours, and the command that prints it."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click.testing
import msgspec
import pytest
from sqlalchemy import update

from tests.areas.orders.checkout import placed_order, post
from tests.areas.orders.shop_app import staff_client
from tests.areas.payments.provider_events import event_of, outcome_of
from tests.areas.payments.provider_in_memory import MEMORY, MemoryProvider, app_with_memory_provider, provider_of
from tests.factories import Json
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.payments.models import PaymentRow
from tradepost.areas.payments.providers.provider import ProviderDispute, ProviderRefund, ProviderUnavailable
from tradepost.areas.payments.service import LedgerDifference, compare_ledgers
from tradepost.cli import ledger_report
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

type Change = Callable[[MemoryProvider, str], None]


@pytest.fixture
async def app(fresh_settings: "Callable[[], Settings]") -> AsyncIterator["TradepostApp"]:
    async with app_with_memory_provider(fresh_settings()) as app:
        yield app


@pytest.fixture
async def paid(app: "TradepostApp") -> Json:
    """A payment of 20 euros and shipping that is captured here and at the provider."""
    async with staff_client(app) as staff:
        client, order = await placed_order(app, staff)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)).json()
    provider_of(app).set(f"ref-{payment['id']}", "captured", captured=payment["amount"]["amount"])
    assert await outcome_of(client, event_of(payment)) == "applied"
    return payment


async def differences(app: "TradepostApp", days: int = 7) -> list[LedgerDifference]:
    """Return the differences in the last days."""
    context = CallContext(SYSTEM, app.state.database, door="cli", dependencies=app.state.dependencies)
    return await compare_ledgers(context, now() - timedelta(days=days))


def change(**members: Any) -> Change:
    """Return a change of what the provider has of a payment."""

    def apply(provider: MemoryProvider, reference: str) -> None:
        provider.payments[reference] = msgspec.structs.replace(provider.payments[reference], **members)

    return apply


def refund(**members: Any) -> Change:
    """Return the change that a refund of 300 at the provider is."""
    values: Json = {"reference": "re_1", "refund_id": None, "amount": 300, "status": "succeeded"}
    return lambda provider, reference: provider.refunds.update({reference: [ProviderRefund(**(values | members))]})


async def test_equal_ledgers_have_no_differences(app: "TradepostApp", paid: Json) -> None:
    assert await differences(app) == []


@pytest.mark.parametrize(
    ("made", "name", "theirs", "ours"),
    [
        (change(status="voided"), "status", "voided", "captured"),
        (change(captured=1), "captured", 1, None),
        (refund(), "refunded", 300, 0),
        (refund(status="pending"), "refunded", 300, 0),
        (change(dispute=ProviderDispute(amount=200, reason="fraud", due_by=None, outcome="lost")), "refunded", 200, 0),
    ],
)
async def test_a_difference_names_the_payment_and_both_values(
    app: "TradepostApp", paid: Json, made: Change, name: str, theirs: Any, ours: Any
) -> None:
    made(provider_of(app), f"ref-{paid['id']}")
    assert await differences(app) == [
        LedgerDifference(
            provider="memory",
            payment_id=paid["id"],
            reference=f"ref-{paid['id']}",
            name=name,
            theirs=theirs,
            ours=paid["amount"]["amount"] if ours is None else ours,
        )
    ]


@pytest.mark.parametrize("made", [refund(status="failed"), change(failure=None)])
async def test_what_moves_no_money_is_no_difference(app: "TradepostApp", paid: Json, made: Change) -> None:
    made(provider_of(app), f"ref-{paid['id']}")
    assert await differences(app) == []


async def test_a_payment_that_one_side_does_not_have_is_a_difference(app: "TradepostApp", paid: Json) -> None:
    provider, reference, total = provider_of(app), f"ref-{paid['id']}", paid["amount"]["amount"]
    payment = provider.payments.pop(reference)
    [absent] = await differences(app)
    assert (absent.payment_id, absent.reference, absent.name) == (paid["id"], reference, "payment")
    assert (absent.theirs, absent.ours) == (None, f"captured, {total} captured")
    provider.payments = {
        reference: payment,
        "ref-other": msgspec.structs.replace(payment, reference="ref-other", payment_id=None),
    }
    [unknown] = await differences(app)
    assert (unknown.payment_id, unknown.reference, unknown.name) == (None, "ref-other", "payment")
    assert (unknown.theirs, unknown.ours) == (f"captured, {total} captured", None)


async def test_only_payments_of_the_last_days_are_missed(app: "TradepostApp", paid: Json) -> None:
    provider_of(app).payments.clear()
    async with app.state.database.transaction() as session:
        await session.execute(update(PaymentRow).values(created_at=now() - timedelta(days=8)))
    assert await differences(app) == []
    assert len(await differences(app, days=9)) == 1


async def test_a_payment_that_was_never_made_is_not_missed(app: "TradepostApp") -> None:
    provider_of(app).refusing = {"create"}
    async with staff_client(app) as staff:
        client, order = await placed_order(app, staff)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)).json()
    assert payment["status"] == "failed"
    assert await differences(app) == []


ONE = LedgerDifference(
    provider="stripe", payment_id="our-id", reference="pi_1", name="captured", theirs=2500, ours=None
)


@pytest.mark.once
@pytest.mark.parametrize(
    ("found", "words", "status", "output"),
    [
        ([], [], 0, "No differences: the payments of the last 7 days are the same at the providers and here.\n"),
        (
            [ONE],
            [],
            1,
            "PROVIDER  PAYMENT  REFERENCE  DIFFERS   AT THE PROVIDER  IN THE SHOP\n"
            "stripe    our-id   pi_1       captured  2500             -\n",
        ),
    ],
)
def test_the_command_prints_a_table_or_one_line(
    monkeypatch: pytest.MonkeyPatch, found: list[LedgerDifference], words: list[str], status: int, output: str
) -> None:
    done = run_command(monkeypatch, found, *words)
    assert (done.exit_code, done.stdout) == (status, output)


@pytest.mark.once
def test_the_command_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_command(monkeypatch, [ONE], "--json", "--days", "30")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {"days": 30, "differences": [msgspec.to_builtins(ONE)]}


@pytest.mark.once
def test_the_command_fails_in_another_way_if_a_provider_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_command(monkeypatch, ProviderUnavailable("stripe: APIConnectionError"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot be read: stripe: APIConnectionError" in done.stderr


def run_command(monkeypatch: pytest.MonkeyPatch, found: Any, *words: str) -> click.testing.Result:
    """Run the command with the differences or the fault of a comparison, without a database."""
    from contextlib import asynccontextmanager

    from tradepost.areas.payments import service

    @asynccontextmanager
    async def no_context(_: Any) -> AsyncIterator[Any]:
        yield CallContext(SYSTEM, None)  # type: ignore[arg-type]

    async def compare(*_: Any) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(service, "compare_ledgers", compare)
    monkeypatch.setattr(ledger_report, "cli_context", no_context)
    return click.testing.CliRunner().invoke(ledger_report.reconcile, ["--report", *words])

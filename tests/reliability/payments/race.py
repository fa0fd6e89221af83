"""Steps that race for one payment, at both APIs and at the provider."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from tests.reliability.payments.purchase import Purchase
from tests.reliability.shoppers import Outcome

type Step = Callable[[Purchase, int], Awaitable[Outcome | None]]

REFUSALS = {"invalid_transition", "conflict", "payment_in_progress", "validation"}
PROVIDER_SILENT = "The payment provider does not answer. The order is as it was; try again later."
"""The provider refuses a call for the time being while the same one is running."""
HEAD_STARTS = (0.0, 0.05, 0.2, 1.0, 4.0)
"""The seconds by which one kind of step starts earlier, until one of it wins."""


async def capture(purchase: Purchase, door: int) -> Outcome:
    """Capture all, as staff."""
    return await purchase.staff(door).capture_amount(purchase.payment, {})


async def void(purchase: Purchase, door: int) -> Outcome:
    """Void the payment, as staff."""
    return await purchase.staff(door).void(purchase.payment)


async def cancel(purchase: Purchase, door: int) -> Outcome:
    """Cancel the order, as its guest."""
    return await purchase.cancel(door)


async def refund(purchase: Purchase, door: int) -> Outcome:
    """Refund all that is left, as staff."""
    return await purchase.staff(door).refund(purchase.payment, {})


async def complete(purchase: Purchase, door: int) -> None:
    """Come back from the provider, as the guest: no change of its own."""
    outcome = await purchase.payer(door).complete(purchase.payment)
    assert outcome.row or outcome.code in REFUSALS, outcome


async def read(purchase: Purchase, door: int) -> None:
    """Read the payment from the provider, as the reconciler does: no change of its own."""
    await purchase.shop.read_from_provider(purchase.payment)


async def reconcile(purchase: Purchase, door: int) -> None:
    """Run the reconciler: no change of its own."""
    await purchase.shop.reconcile()


async def race(
    purchase: Purchase, steps: Mapping[str, Step], racers: int, favourite: str, head_start: float
) -> Counter[str]:
    """Run steps of all kinds at once, one kind with a head start. Return what has succeeded."""

    async def run(name: str, number: int) -> str | None:
        await asyncio.sleep(0.0 if name == favourite else head_start)
        outcome = await steps[name](purchase, number // len(steps) % 2)
        if outcome is None:
            return None
        is_refused = outcome.code in REFUSALS or outcome.detail == PROVIDER_SILENT
        assert outcome.row or is_refused, (name, outcome)
        return name if outcome.row else None

    names = [[*steps][n % len(steps)] for n in range(racers)]
    ended = await asyncio.gather(*[run(name, number) for number, name in enumerate(names)])
    return Counter(name for name in ended if name is not None)

"""The sample rows of all resources, in one app that has the rows of the demo shop too."""

from dataclasses import dataclass, replace
from typing import Any

from tests.guests import send_token
from tests.parity.access.table import Place
from tests.parity.case import CaseContext, Sample
from tests.parity.cases import ENTITIES
from tests.parity.harness import ApiClient
from tradepost.app import TradepostApp


@dataclass(frozen=True, repr=False)
class SampleRows:
    """The samples by resource, and what is looked up in all of them."""

    samples: dict[str, Sample]

    @property
    def keys(self) -> dict[str, list[str]]:
        """Keys of rows by resource."""
        return {name: list(sample.keys) for name, sample in self.samples.items()}

    @property
    def values(self) -> dict[tuple[str, str], list[Any]]:
        """Values by resource and filter."""
        return {
            (name, filter): list(values)
            for name, sample in self.samples.items()
            for filter, values in sample.filter_values.items()
        }

    @property
    def places(self) -> dict[str, tuple[Place, Place | None]]:
        """For each read, the place of a shown row, and that of a hidden row if there is one."""
        samples = self.samples.values()
        return {n: (place, sample.hidden.get(n)) for sample in samples for n, place in sample.shown.items()}

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("sample_rows")


async def create_sample_rows(
    app: TradepostApp, staff: ApiClient, customer: ApiClient, guest: ApiClient | None = None
) -> SampleRows:
    """Create the sample rows of all resources.

    Rows that belong to a user belong to `customer`, and those of a guest to `guest`.
    """
    samples: dict[str, Sample] = {}
    context = CaseContext(app, staff, customer.user)
    if guest is not None:
        send_token(app, guest.client, context.cart_token)
    for entity in ENTITIES.values():
        samples[entity.name] = await entity.sample(replace(context, samples=dict(samples)))
    return SampleRows(samples)

"""An operation with manual transactions: a deposit that a provider collects between two of them."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from litestar import Controller
from msgspec import Meta
from sqlalchemy import BigInteger, MetaData, select
from sqlalchemy.orm import Mapped, mapped_column

from tests.kit.sample_basket import everyone
from tests.kit.sample_quote import create_app_with
from tradepost.app import TradepostApp
from tradepost.doors.graphql import GraphQLRequest, mutation
from tradepost.doors.rest import RestRequest, post
from tradepost.kit.auth.access import ANYONE
from tradepost.kit.db.base import Versioned
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service, column_values
from tradepost.kit.problems import Conflict
from tradepost.kit.query.records import Record
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.event_types import EventType
from tradepost.settings import Settings

metadata = MetaData()
LIMIT = 1000


class SampleDepositRow(Versioned):
    """A deposit: an intent until the provider has collected it."""

    metadata = metadata
    __tablename__, __number__ = "sample_deposit", 242
    amount: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    claim_id: Mapped[str | None]


class SampleDeposit(msgspec.Struct):
    """A deposit."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    amount: int
    status: Annotated[str, Meta(max_length=20)]


class SampleDepositInput(msgspec.Struct, forbid_unknown_fields=True):
    """Input for a deposit."""

    amount: Annotated[int, Meta(ge=1, le=1_000_000)]


deposits = Resource(SampleDeposit, SampleDepositRow, visible=everyone)
deposit_events = [
    EventType("sample_deposit.created", deposits, "A deposit was created."),
    EventType("sample_deposit.collected", deposits, "A deposit was collected."),
    EventType("sample_deposit.noted", deposits, "A deposit was noted."),
]


async def no_action(deposit: "SampleDeposits") -> None:
    """Do nothing."""


class SampleProvider:
    """A provider that records its calls, and what happens in each part of the operation.

    in_intent, in_collection, in_record: called in the first step, between the steps (with the
        provider's call recorded before it) and in the last step.
    """

    def __init__(self) -> None:
        self.collected: list[str] = []
        self.in_intent: Callable[[SampleDeposits], Awaitable[None]] = no_action
        self.in_collection: Callable[[SampleDeposits], Awaitable[None]] = no_action
        self.in_record: Callable[[SampleDeposits], Awaitable[None]] = no_action


class SampleDeposits(Service):
    """Deposits."""

    provider: ClassVar = SampleProvider()

    @operation(
        "sample_deposit_create",
        "create",
        deposits,
        access=ANYONE,
        input=SampleDepositInput,
        problems=(Conflict,),
        transaction="manual",
        may_return_existing=True,
    )
    async def create(self, new: SampleDepositInput, selection: Selection[SampleDeposit]) -> Record[SampleDeposit]:
        """Create a deposit and collect it."""
        id = await self.in_transaction(lambda: self._intent(new))
        assert self.context.work.session is None
        self.provider.collected.append(id)
        await self.provider.in_collection(self)
        return await self.in_last_transaction(lambda: self._record(id, selection))

    async def _intent(self, new: SampleDepositInput) -> str:
        """Return the intent of an earlier request with this key, or insert one."""
        claim_id = self.context.idempotency.claim_id
        query = select(SampleDepositRow.id).where(SampleDepositRow.claim_id == claim_id)
        id = await self.session.scalar(query) if claim_id is not None else None
        if id is None:
            if new.amount > LIMIT:
                raise Conflict("The deposit is too high.")
            values = column_values(deposits, new) | {"status": "created", "claim_id": claim_id}
            [id] = await self.insert(SampleDepositRow, values)
            self.context.emit("sample_deposit.created", id)
        await self.provider.in_intent(self)
        self.context.idempotency.keep_claim()
        return id

    async def _record(self, id: str, selection: Selection[SampleDeposit]) -> Record[SampleDeposit]:
        """Record that a deposit was collected."""
        row = await self.session.get_one(SampleDepositRow, id, with_for_update=True)
        self.context.work.returns_existing = row.status == "collected"
        if row.status != "collected":
            row.status = "collected"
            self.context.emit("sample_deposit.collected", id)
        await self.session.flush()
        await self.provider.in_record(self)
        return await self.read_back(deposits, selection, id)

    @operation("sample_deposit_note", "create", deposits, access=ANYONE, input=SampleDepositInput)
    async def note(self, new: SampleDepositInput, selection: Selection[SampleDeposit]) -> Record[SampleDeposit]:
        """Insert a deposit that needs no provider, in one transaction."""
        [id] = await self.insert(SampleDepositRow, column_values(deposits, new) | {"status": "noted"})
        self.context.emit("sample_deposit.noted", id)
        return await self.read_back(deposits, selection, id)

    @operation("sample_deposit_nest", "command", deposits, access=ANYONE, input=SampleDepositInput)
    async def nest(self, new: SampleDepositInput, selection: Selection[SampleDeposit]) -> Record[SampleDeposit]:
        """Call the manual operation inside a transaction, which is wrong."""
        return await self.create(new, selection)

    @operation(
        "sample_deposit_forget",
        "command",
        deposits,
        access=ANYONE,
        input=SampleDepositInput,
        transaction="manual",
    )
    async def forget(self, new: SampleDepositInput, selection: Selection[SampleDeposit]) -> Record[SampleDeposit]:
        """Return without a last transaction, which is wrong."""
        id = await self.in_transaction(lambda: self._intent(new))
        return await self.read_back(deposits, selection, id)


class SampleDepositController(Controller):
    """Deposits."""

    path, tags = "/sample-deposits", ["Deposits"]

    @post("/", SampleDeposits.create)
    async def sample_deposit_create(self, request: RestRequest) -> Record[SampleDeposit]:
        return await SampleDeposits(request.context).create(await request.body(SampleDepositInput), request.selection)


@mutation(SampleDeposits.create)
async def sample_deposit_create(request: GraphQLRequest, input: SampleDepositInput) -> Record[SampleDeposit]:
    return await SampleDeposits(request.context).create(input, request.selection)


@asynccontextmanager
async def running_deposit_app(settings: Settings) -> AsyncIterator[TradepostApp]:
    """The app with these operations, started, and their table in its database."""
    app = create_app_with(settings, sys.modules[__name__])
    async with app.lifespan():
        async with app.state.database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        yield app


async def stored_deposits(app: Any, amount: int) -> list[Any]:
    """Return the rows of the deposits with an amount."""
    table = SampleDepositRow.__table__
    async with app.state.database.engine.connect() as connection:
        return list((await connection.execute(select(table).where(table.c.amount == amount))).all())

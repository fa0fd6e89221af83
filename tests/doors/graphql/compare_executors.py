"""One document through both executors: the plans, and graphql-core's own."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from graphql import parse
from sqlalchemy.ext.asyncio import async_sessionmaker

from tests.doors.graphql.house import executor_of
from tradepost.app import TradepostApp
from tradepost.doors.graphql.execution.executor import RequestParameters
from tradepost.doors.graphql.problems import RequestError
from tradepost.kit.auth.caller import Caller
from tradepost.kit.clock import now, to_rfc3339
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database

type Json = dict[str, Any]

encode = msgspec.json.Encoder().encode
# What a write makes anew each time: ids and times of this run, tokens and secrets.
UUID, TIME = (
    re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"),
    re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
)
SECRET = re.compile(rb'"(eyJ[\w.-]{50,}|\w{2,4}_[\w-]{20,}|[0-9A-Za-z]{16})"')


class Answer(msgspec.Struct):
    """An answer with its data as the bytes that they are."""

    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    errors: list[Json] = []


@dataclass(frozen=True, repr=False)
class Asked:
    """A document with the values of its variables, asked by somebody. Where it writes, `database` is one that is put back."""

    shop: TradepostApp
    text: str
    variables: Json
    caller: Caller
    database: Database | None = None
    moment: datetime = field(default_factory=now)

    def __repr__(self) -> str:
        return f"{self.caller.role}\n{self.text}\n{encode(self.variables).decode()}"

    def context(self) -> CallContext:
        """A call's surroundings; it is the same moment for both."""
        state = self.shop.state
        return CallContext(
            self.caller, self.database or state.database, "a-test", clock=lambda: self.moment, dependencies=state.means
        )

    async def by_plan(self) -> bytes:
        """The answer of the plan executor, from the text on."""
        executor, context = executor_of(self.shop), self.context()
        try:
            ready = executor.prepare(RequestParameters(self.text, self.variables), context)
        except RequestError as refused:
            if refused.errors[0]["extensions"]["code"] != "invalid_variables":
                raise AssertionError(f"{refused.errors}\n{self!r}") from refused
            return encode({"errors": refused.errors})
        return bytes(await executor.execute(ready, context) + b"}")

    async def by_reference(self) -> bytes:
        """The answer of graphql-core."""
        return await executor_of(self.shop).execute_with_core(
            parse(self.text), RequestParameters(self.text, self.variables), self.context()
        )


def same(plan: bytes, reference: bytes, asked: Asked, ordered: bool = False) -> Answer:
    """Fails where the data are not the same bytes, or an error is not the same in any of its members.

    The specification gives errors no order (7.1.2), and graphql-core notes those of root fields as they come; ours are in the document's. Where an error
    wipes all of the data, graphql-core stops there (6.4.4 allows that), while the plans have run the other fields and tell what became of them as well.
    """
    mine, theirs = msgspec.json.decode(plan, type=Answer), msgspec.json.decode(reference, type=Answer)
    errors = [a.errors if ordered else sorted(a.errors, key=lambda e: str(e.get("path"))) for a in (mine, theirs)]
    wiped = mine.data == msgspec.Raw(b"null")
    alike = errors[0] == errors[1] or (wiped and bool(errors[1]) and all(e in errors[0] for e in errors[1]))
    if mine.data != theirs.data or not alike:
        raise AssertionError(f"{asked!r}\nplan\n{plan.decode()}\ngraphql-core\n{reference.decode()}"[:6000])
    assert not [e for e in mine.errors if e["extensions"]["code"] == "internal"], f"{plan!r}\n{asked!r}"
    return mine


def renamed(answer: bytes, since: datetime) -> bytes:
    """An answer without what a write makes anew: ids since then by their order, times and secrets by a word."""
    seen, time, stamp = dict[bytes, bytes](), to_rfc3339(since).encode(), b"%012x" % int(since.timestamp() * 1000)
    answer = SECRET.sub(b'"a-secret"', TIME.sub(lambda found: b"now" if found[0] >= time else found[0], answer))
    return UUID.sub(
        lambda found: (
            seen.setdefault(found[0], b"new-%d" % len(seen)) if found[0].replace(b"-", b"")[:12] >= stamp else found[0]
        ),
        answer,
    )


@asynccontextmanager
async def put_back(database: Database) -> AsyncIterator[Database]:
    """The database as it is for one block: what is written there is there until its end, and then never was. Every transaction is a savepoint of ours."""
    async with database.engine.connect() as connection:
        begun = await connection.begin()
        made = copy(database)
        made.session_factory = async_sessionmaker(
            bind=connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        try:
            yield made
        finally:
            await begun.rollback()

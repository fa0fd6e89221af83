"""Run one document with both executors, the plan executor and graphql-core, and compare."""

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

from tests.doors.graphql.core_executor import execute_with_core
from tests.doors.graphql.graphql_app import executor_of
from tradepost.app import TradepostApp
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.graphql.problems import RequestError
from tradepost.kit.auth.caller import Caller
from tradepost.kit.clock import now, to_rfc3339
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database

type Json = dict[str, Any]

encode = msgspec.json.Encoder().encode
# Values that differ between two runs of a write: new ids and times, tokens and secrets.
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
SECRET = re.compile(rb'"(eyJ[\w.-]{50,}|\w{2,4}_[\w-]{20,}|[0-9A-Za-z]{16})"')


class ResponseBody(msgspec.Struct):
    """A GraphQL response, with its data as raw bytes."""

    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    errors: list[Json] = []


@dataclass(frozen=True, repr=False)
class ExecutorRequest:
    """A document, the values of its variables, and the caller.

    For a mutation, `database` is one whose changes are rolled back.
    """

    shop: TradepostApp
    text: str
    variables: Json
    caller: Caller
    database: Database | None = None
    moment: datetime = field(default_factory=now)

    def __repr__(self) -> str:
        return f"{self.caller.role}\n{self.text}\n{encode(self.variables).decode()}"

    def context(self) -> CallContext:
        """Return a new context; its clock shows the same time for both executors."""
        state = self.shop.state
        return CallContext(
            self.caller,
            self.database or state.database,
            "a-test",
            clock=lambda: self.moment,
            dependencies=state.dependencies,
        )

    async def by_plan(self) -> bytes:
        """Return the response of the plan executor, parsing included."""
        executor, context = executor_of(self.shop), self.context()
        try:
            ready = executor.prepare(RequestParameters(self.text, self.variables), context)
        except RequestError as refused:
            if refused.errors[0]["extensions"]["code"] != "invalid_variables":
                raise AssertionError(f"{refused.errors}\n{self!r}") from refused
            return encode({"errors": refused.errors})
        return bytes(await executor.execute(ready, context) + b"}")

    async def by_core(self) -> bytes:
        """Return the response of graphql-core."""
        request = RequestParameters(self.text, self.variables)
        return await execute_with_core(executor_of(self.shop), parse(self.text), request, self.context())


def assert_same_response(plan: bytes, core: bytes, request: ExecutorRequest, ordered: bool = False) -> ResponseBody:
    """Fail unless the data are the same bytes and the errors are equal in every member.

    The specification gives errors no order (7.1.2): graphql-core appends those of root fields as
    they occur, the plan executor in the order of the document. If an error makes `data` null,
    graphql-core stops there (6.4.4 allows that), while the plan executor has run the other root
    fields and includes their errors too.
    """
    ours, theirs = msgspec.json.decode(plan, type=ResponseBody), msgspec.json.decode(core, type=ResponseBody)
    errors = [a.errors if ordered else sorted(a.errors, key=lambda e: str(e.get("path"))) for a in (ours, theirs)]
    is_null = ours.data == msgspec.Raw(b"null")
    equal = errors[0] == errors[1] or (is_null and bool(errors[1]) and all(e in errors[0] for e in errors[1]))
    if ours.data != theirs.data or not equal:
        raise AssertionError(f"{request!r}\nplan\n{plan.decode()}\ngraphql-core\n{core.decode()}"[:6000])
    assert not [e for e in ours.errors if e["extensions"]["code"] == "internal"], f"{plan!r}\n{request!r}"
    return ours


def with_stable_ids(response: bytes, since: datetime) -> bytes:
    """Replace the values that differ between two runs of a write.

    Ids created after `since` are numbered, later times become `now`, and secrets `a-secret`.
    """
    new_ids, time, timestamp = (
        dict[bytes, bytes](),
        to_rfc3339(since).encode(),
        b"%012x" % int(since.timestamp() * 1000),
    )

    def replace_id(match: re.Match[bytes]) -> bytes:
        is_new = match[0].replace(b"-", b"")[:12] >= timestamp
        return new_ids.setdefault(match[0], b"new-%d" % len(new_ids)) if is_new else match[0]

    response = TIME.sub(lambda match: b"now" if match[0] >= time else match[0], response)
    return UUID.sub(replace_id, SECRET.sub(b'"a-secret"', response))


@asynccontextmanager
async def rolled_back(database: Database) -> AsyncIterator[Database]:
    """The database for one block, after which all changes are rolled back.

    Every transaction in the block is a savepoint of one outer transaction.
    """
    async with database.engine.connect() as connection:
        transaction = await connection.begin()
        scratch = copy(database)
        scratch.session_factory = async_sessionmaker(
            bind=connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        try:
            yield scratch
        finally:
            await transaction.rollback()

"""A shop with a room of the tests' own in it, whose operations try credentials: of an account in their body, of the caller itself, by a question."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Annotated, Any

import msgspec
from litestar import Controller, Litestar
from msgspec import Meta

from tests.servers import SECRET_KEY
from tradepost.app import _open, controllers, found, load
from tradepost.areas.accounts.service import Credentials
from tradepost.bootstrap import means_of
from tradepost.doors.graphql import Ask as Field
from tradepost.doors.graphql import GraphQLDoor, RootField, mutation
from tradepost.doors.http.allowed_methods import paths_of
from tradepost.doors.http.fast_path import lanes_of
from tradepost.doors.http.pipeline import Pipeline, PorchSettings
from tradepost.doors.http.problem_responses import HANDLERS
from tradepost.doors.rest import Ask, route
from tradepost.doors.rest.api import RestDoor
from tradepost.doors.rest.graphql_document import Root
from tradepost.kit.auth.access import ANYONE
from tradepost.kit.crypto import derive
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Conflict, Unauthenticated
from tradepost.kit.query.records import Record
from tradepost.kit.rate_limit.buckets import Buckets
from tradepost.kit.rate_limit.client_key import bucket_of
from tradepost.kit.rate_limit.credential_attempts import Attempts
from tradepost.kit.rate_limit.meter import Limits
from tradepost.kit.resource.resource import Result
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.database import Database
from tradepost.settings import Settings


class Pass(msgspec.Struct):
    """What lets somebody in."""

    token: Annotated[str, Meta(description="The token.", examples=["t"])]


class EntryInput(msgspec.Struct, forbid_unknown_fields=True):
    """A credential of an account."""

    email: Annotated[str, Meta(description="Whose it is.", examples=["a@shop.example"])]
    password: Annotated[str, Meta(description="The password.", examples=["right"])]


class ProofInput(msgspec.Struct, forbid_unknown_fields=True):
    """A credential of the caller."""

    password: Annotated[str, Meta(description="The password.", examples=["right"])]


RAN: list[str] = []
"""The attempts that came as far as a comparison."""

passes = Result(Pass)


class Turnstile(Service):
    """Lets in whoever knows the word."""

    @operation("enter", "act", passes, access=ANYONE, input=EntryInput, attempt=lambda given: given.email)
    async def enter(self, given: EntryInput, want: Selection[Pass]) -> Record[Pass]:
        """Lets the holder of an account in."""
        RAN.append(given.email)
        if given.password == "race":
            raise Conflict("Not now.")
        if given.password != "right":
            raise Unauthenticated("The password is another one.")
        return self.tell(passes, Pass("t"), want)

    @operation("prove", "act", passes, access=ANYONE, input=ProofInput, attempt=lambda given: None)
    async def prove(self, given: ProofInput, want: Selection[Pass]) -> Record[Pass]:
        """Lets the caller do what needs its password again."""
        RAN.append("prove")
        return self.tell(passes, Pass("t"), want)


class TurnstileController(Controller):
    """The turnstile over REST."""

    path, tags = "/turnstile", ["Turnstile"]

    @route("/enter", Turnstile.enter)
    async def enter(self, ask: Ask) -> Record[Pass]:
        return await Turnstile(ask.context).enter(await ask.body(EntryInput), ask.want)

    @route("/prove", Turnstile.prove)
    async def prove(self, ask: Ask) -> Record[Pass]:
        return await Turnstile(ask.context).prove(await ask.body(ProofInput), ask.want)


@mutation(Turnstile.enter)
async def enter(ask: Field, input: EntryInput) -> Record[Pass]:
    return await Turnstile(ask.context).enter(input, ask.want)


@mutation(Turnstile.prove)
async def prove(ask: Field, input: ProofInput) -> Record[Pass]:
    return await Turnstile(ask.context).prove(input, ask.want)


@cache
def doors() -> tuple[Registry, list[RootField[..., Any]], GraphQLDoor]:
    """What is declared, and the schema of it."""
    here = sys.modules[__name__]
    registry = Registry.collect([*load("resource", "service"), here])
    fields = found(RootField, [*load("graphql"), here])
    return registry, fields, GraphQLDoor(registry, fields)


class Gate:
    """The shop: its porch, and the buckets behind it, whose clock stands still."""

    def __init__(self, settings: Settings) -> None:
        registry, fields, graphql = doors()
        self.database = Database(
            settings.database_url, secret=derive(settings.secret_key, "cursors"), pool_size=settings.pool_size
        )
        self.now = 0.0
        sizes = {"anonymous": settings.budget_anonymous, "customer": settings.budget_customer}
        self.limits = Limits(sizes, known=settings.budget_staff, local=Buckets(lambda: self.now))
        means = means_of(settings, self.database)
        secret = derive(SECRET_KEY, "attempts")
        self.attempts = means.provide(
            Attempts,
            Attempts(self.limits, secret, account=settings.budget_login_account, address=settings.budget_login_address),
        )
        rest = RestDoor(registry)
        app = Litestar(
            [*controllers(load("rest")), TurnstileController, graphql.route()],
            exception_handlers=dict(HANDLERS), openapi_config=None, logging_config=None,
        )  # fmt: skip
        rest.open(_open(app, rest), {f.operation.name: Root(f.name, tuple(f.parameters)) for f in fields})
        self.porch = Pipeline(
            app, identify=means.of(Credentials).caller_of, database=self.database, settings=PorchSettings.of(settings),
            lanes=lanes_of(app.routes), paths=paths_of(app.routes), limits=self.limits, means=means,
        )  # fmt: skip

    def left(self, *, account: str | None = None, address: str = "203.0.113.9") -> float:
        """What is left in the bucket of an account, else in that of an address."""
        attempts, local = self.attempts, self.limits.local
        if account is not None:
            key = attempts.key(account, None)
            assert key is not None
            return local.take(key, attempts.account, 0)
        return local.take(f"login:{bucket_of(address)}", attempts.address, 0)


@asynccontextmanager
async def opened(settings: Settings, **given: Any) -> AsyncIterator[Gate]:
    """The shop, started, with the budgets that it has by default."""
    usual = {"budget_anonymous": 100_000, "budget_login_account": 10, "budget_login_address": 30}
    gate = Gate(msgspec.structs.replace(settings, **(usual | given)))
    await gate.database.start()
    RAN.clear()
    try:
        yield gate
    finally:
        gate.porch.stop()
        await gate.database.stop()

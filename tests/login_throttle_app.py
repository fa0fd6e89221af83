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
from tradepost.app import _open, controllers, instances_of, load_modules
from tradepost.areas.accounts.service import Credentials
from tradepost.bootstrap import create_dependencies
from tradepost.doors.graphql import GraphQLDoor, RootField, mutation
from tradepost.doors.graphql import GraphQLRequest as Field
from tradepost.doors.http.allowed_methods import methods_by_path
from tradepost.doors.http.fast_path import fast_routes_of
from tradepost.doors.http.pipeline import Pipeline, PipelineSettings
from tradepost.doors.http.problem_responses import EXCEPTION_HANDLERS
from tradepost.doors.rest import RestRequest, post
from tradepost.doors.rest.api import RestDoor
from tradepost.doors.rest.graphql_document import GraphQLRoot
from tradepost.kit.auth.access import ANYONE
from tradepost.kit.crypto import derive_key
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Conflict, Unauthenticated
from tradepost.kit.query.records import Record
from tradepost.kit.rate_limit.buckets import MemoryBuckets
from tradepost.kit.rate_limit.client_key import client_key
from tradepost.kit.rate_limit.credential_attempts import CredentialAttempts
from tradepost.kit.rate_limit.meter import RateLimits
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

    @operation("enter", "command", passes, access=ANYONE, input=EntryInput, attempted_account=lambda given: given.email)
    async def enter(self, given: EntryInput, want: Selection[Pass]) -> Record[Pass]:
        """Lets the holder of an account in."""
        RAN.append(given.email)
        if given.password == "race":
            raise Conflict("Not now.")
        if given.password != "right":
            raise Unauthenticated("The password is another one.")
        return self.respond(passes, Pass("t"), want)

    @operation("prove", "command", passes, access=ANYONE, input=ProofInput, attempted_account=lambda given: None)
    async def prove(self, given: ProofInput, want: Selection[Pass]) -> Record[Pass]:
        """Lets the caller do what needs its password again."""
        RAN.append("prove")
        return self.respond(passes, Pass("t"), want)


class TurnstileController(Controller):
    """The turnstile over REST."""

    path, tags = "/turnstile", ["Turnstile"]

    @post("/enter", Turnstile.enter)
    async def enter(self, request: RestRequest) -> Record[Pass]:
        return await Turnstile(request.context).enter(await request.body(EntryInput), request.selection)

    @post("/prove", Turnstile.prove)
    async def prove(self, request: RestRequest) -> Record[Pass]:
        return await Turnstile(request.context).prove(await request.body(ProofInput), request.selection)


@mutation(Turnstile.enter)
async def enter(request: Field, input: EntryInput) -> Record[Pass]:
    return await Turnstile(request.context).enter(input, request.selection)


@mutation(Turnstile.prove)
async def prove(request: Field, input: ProofInput) -> Record[Pass]:
    return await Turnstile(request.context).prove(input, request.selection)


@cache
def doors() -> tuple[Registry, list[RootField[..., Any]], GraphQLDoor]:
    """What is declared, and the schema of it."""
    here = sys.modules[__name__]
    registry = Registry.collect([*load_modules("resource", "service"), here])
    fields = instances_of(RootField, [*load_modules("graphql"), here])
    return registry, fields, GraphQLDoor(registry, fields)


class Gate:
    """The shop: its porch, and the buckets behind it, whose clock stands still."""

    def __init__(self, settings: Settings) -> None:
        registry, fields, graphql = doors()
        self.database = Database(
            settings.database_url, secret=derive_key(settings.secret_key, "cursors"), pool_size=settings.pool_size
        )
        self.now = 0.0
        sizes = {"anonymous": settings.budget_anonymous, "customer": settings.budget_customer}
        self.limits = RateLimits(sizes, default_size=settings.budget_staff, local=MemoryBuckets(lambda: self.now))
        means = create_dependencies(settings, self.database)
        secret = derive_key(SECRET_KEY, "attempts")
        self.attempts = means.provide(
            CredentialAttempts,
            CredentialAttempts(
                self.limits,
                secret,
                per_account=settings.budget_login_account,
                per_address=settings.budget_login_address,
            ),
        )
        rest = RestDoor(registry)
        app = Litestar(
            [*controllers(load_modules("rest")), TurnstileController, graphql.route()],
            exception_handlers=dict(EXCEPTION_HANDLERS), openapi_config=None, logging_config=None,
        )  # fmt: skip
        rest.register_routes(
            _open(app, rest), {f.operation.name: GraphQLRoot(f.name, tuple(f.parameters)) for f in fields}
        )
        self.porch = Pipeline(
            app, identify=means.require(Credentials).identify_request, database=self.database, settings=PipelineSettings.from_settings(settings),
            fast_routes=fast_routes_of(app.routes), methods=methods_by_path(app.routes), limits=self.limits, dependencies=means,
        )  # fmt: skip

    def left(self, *, account: str | None = None, address: str = "203.0.113.9") -> float:
        """What is left in the bucket of an account, else in that of an address."""
        attempts, local = self.attempts, self.limits.local
        if account is not None:
            key = attempts.account_key(account, None)
            assert key is not None
            return local.take(key, attempts.per_account, 0)
        return local.take(f"login:{client_key(address)}", attempts.per_address, 0)


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

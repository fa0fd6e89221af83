"""The app with two more operations that are credential attempts, and a clock that tests set.

`enter` tries the password of the account in its input, `prove` the password of the caller.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Annotated, Any

import msgspec
from litestar import Controller, Litestar
from msgspec import Meta

from tests.servers import SECRET_KEY
from tradepost.app import _connect_routes, controllers, instances_of, load_modules
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
from tradepost.kit.writes.domain_events import DomainEventHandlers
from tradepost.kit.writes.event_types import EventTypes
from tradepost.settings import Settings


class Pass(msgspec.Struct):
    """A token, issued after a successful attempt."""

    token: Annotated[str, Meta(description="The token.", examples=["t"])]


class EntryInput(msgspec.Struct, forbid_unknown_fields=True):
    """An account and its password."""

    email: Annotated[str, Meta(description="The address of the account.", examples=["a@shop.example"])]
    password: Annotated[str, Meta(description="The password.", examples=["right"])]


class ProofInput(msgspec.Struct, forbid_unknown_fields=True):
    """The password of the caller."""

    password: Annotated[str, Meta(description="The password.", examples=["right"])]


EXECUTED_ATTEMPTS: list[str] = []
"""The attempts whose password was compared."""

passes = Result(Pass)


class ThrottledLogin(Service):
    """Operations that compare a password with `right`."""

    @operation("enter", "command", passes, access=ANYONE, input=EntryInput, attempted_account=lambda input: input.email)
    async def enter(self, input: EntryInput, selection: Selection[Pass]) -> Record[Pass]:
        """Log in to an account."""
        EXECUTED_ATTEMPTS.append(input.email)
        if input.password == "race":
            raise Conflict("Not now.")
        if input.password != "right":
            raise Unauthenticated("The password is wrong.")
        return self.respond(passes, Pass("t"), selection)

    @operation("prove", "command", passes, access=ANYONE, input=ProofInput, attempted_account=lambda input: None)
    async def prove(self, input: ProofInput, selection: Selection[Pass]) -> Record[Pass]:
        """Confirm the caller's password."""
        EXECUTED_ATTEMPTS.append("prove")
        if input.password != "right":
            raise Unauthenticated("The password is wrong.")
        return self.respond(passes, Pass("t"), selection)


class ThrottledLoginController(Controller):
    """The operations over REST."""

    path, tags = "/throttled-login", ["Throttled login"]

    @post("/enter", ThrottledLogin.enter)
    async def enter(self, request: RestRequest) -> Record[Pass]:
        return await ThrottledLogin(request.context).enter(await request.body(EntryInput), request.selection)

    @post("/prove", ThrottledLogin.prove)
    async def prove(self, request: RestRequest) -> Record[Pass]:
        return await ThrottledLogin(request.context).prove(await request.body(ProofInput), request.selection)


@mutation(ThrottledLogin.enter)
async def enter(request: Field, input: EntryInput) -> Record[Pass]:
    return await ThrottledLogin(request.context).enter(input, request.selection)


@mutation(ThrottledLogin.prove)
async def prove(request: Field, input: ProofInput) -> Record[Pass]:
    return await ThrottledLogin(request.context).prove(input, request.selection)


@cache
def build_doors() -> tuple[Registry, list[RootField[..., Any]], GraphQLDoor]:
    """Collect the operations and GraphQL root fields, and build the GraphQL schema."""
    here = sys.modules[__name__]
    registry = Registry.collect([*load_modules("resource", "service"), here])
    fields = instances_of(RootField, [*load_modules("graphql"), here])
    return registry, fields, GraphQLDoor(registry, fields)


class ThrottleApp:
    """The request pipeline, and the buckets behind it, whose clock is `now`."""

    def __init__(self, settings: Settings) -> None:
        registry, fields, graphql = build_doors()
        self.database = Database(
            settings.database_url, secret=derive_key(settings.secret_key, "cursors"), pool_size=settings.pool_size
        )
        self.now = 0.0
        sizes = {"anonymous": settings.budget_anonymous, "customer": settings.budget_customer}
        self.limits = RateLimits(sizes, default_size=settings.budget_staff, local=MemoryBuckets(lambda: self.now))
        dependencies = create_dependencies(settings, self.database, DomainEventHandlers(), EventTypes())
        secret = derive_key(SECRET_KEY, "attempts")
        self.attempts = dependencies.provide(
            CredentialAttempts,
            CredentialAttempts(
                self.limits,
                secret,
                per_account=settings.budget_login_account,
                per_address=settings.budget_login_address,
                per_account_hour=settings.budget_login_account_hour,
            ),
        )
        rest = RestDoor(registry)
        app = Litestar(
            [*controllers(load_modules("rest")), ThrottledLoginController, graphql.route()],
            exception_handlers=dict(EXCEPTION_HANDLERS),
            openapi_config=None,
            logging_config=None,
        )
        rest.register_routes(
            _connect_routes(app, rest), {f.operation.name: GraphQLRoot(f.name, tuple(f.parameters)) for f in fields}
        )
        self.pipeline = Pipeline(
            app,
            identify=dependencies.require(Credentials).identify_request,
            database=self.database,
            settings=PipelineSettings.from_settings(settings),
            fast_routes=fast_routes_of(app.routes),
            methods=methods_by_path(app.routes),
            limits=self.limits,
            dependencies=dependencies,
        )

    def remaining_points(
        self, *, account: str | None = None, address: str = "203.0.113.9", hour: bool = False
    ) -> float:
        """Return the attempts left from an address: on an account, or on all of them.

        With `hour`, those left on the account from all addresses.
        """
        attempts, network = self.attempts, client_key(address)
        counter = attempts.network_counter(network)
        if account is not None:
            key = attempts.account_key(account, None)
            assert key is not None
            counter = attempts.hour_counter(key) if hour else attempts.account_counter(key, network)
        return attempts.counters._local(counter).take(counter.key, counter.size, 0)


@asynccontextmanager
async def running_app(settings: Settings, **changes: Any) -> AsyncIterator[ThrottleApp]:
    """The app, started, with the default budgets for logins."""
    defaults = {
        "budget_anonymous": 100_000,
        "budget_login_account": 10,
        "budget_login_address": 30,
        "budget_login_account_hour": 200,
    }
    app = ThrottleApp(msgspec.structs.replace(settings, **(defaults | changes)))
    await app.database.start()
    EXECUTED_ATTEMPTS.clear()
    try:
        yield app
    finally:
        app.pipeline.stop()
        await app.database.stop()

"""The composition root: rooms in order, then one database behind both doors."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from litestar import Controller, Litestar

from tradepost.areas.accounts.openapi_text import SIGNING_IN
from tradepost.areas.accounts.password_hasher import Passwords
from tradepost.areas.accounts.policy import SCOPES
from tradepost.areas.accounts.revocations import Revocations
from tradepost.areas.accounts.service import Credentials
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.bootstrap import database_of, means_of
from tradepost.doors.graphql import GraphQLDoor, RootField
from tradepost.doors.graphql.documents.trusted import FaultyDocument
from tradepost.doors.graphql.execution import quotes as graphql_quoting
from tradepost.doors.graphql.http.document_endpoint import DocumentCalls
from tradepost.doors.http.access_log import AccessLog
from tradepost.doors.http.allowed_methods import apart, paths_of
from tradepost.doors.http.fast_path import lanes_of
from tradepost.doors.http.metrics import Metrics
from tradepost.doors.http.pipeline import Pipeline, PorchSettings
from tradepost.doors.http.problem_responses import HANDLERS
from tradepost.doors.http.response import Answer
from tradepost.doors.pages import pages
from tradepost.doors.pages.docs import graphiql_page, tool_answer
from tradepost.doors.pages.metrics_and_parity import operation_routes
from tradepost.doors.rest import quotes as rest_quoting
from tradepost.doors.rest.api import RestDoor
from tradepost.doors.rest.contract_routes import contract_routes, documents
from tradepost.doors.rest.graphql_document import Root
from tradepost.doors.rest.links import Route
from tradepost.doors.rest.openapi import Signing
from tradepost.doors.rest.route import route
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.crypto import derive
from tradepost.kit.dependencies import Means
from tradepost.kit.operations.idempotency import sweep as idempotency_sweep
from tradepost.kit.operations.quotes import DocumentQuotes, RequestQuotes
from tradepost.kit.operations.registry import Registry
from tradepost.kit.rate_limit.credential_attempts import Attempts
from tradepost.kit.rate_limit.meter import Limits
from tradepost.kit.rate_limit.redis_buckets import SharedBuckets
from tradepost.kit.redis.document_store import SharedTexts
from tradepost.kit.worker.event_handlers import Delivery
from tradepost.kit.worker.periodic import Chore
from tradepost.kit.writes.database import Database
from tradepost.monitoring import figures_of, pairs, readiness
from tradepost.settings import Settings, SettingsError
from tradepost.worker import Worker

if TYPE_CHECKING:
    from redis.asyncio import Redis

# In the only order in which they may import one another.
AREAS = ("accounts", "catalog", "system")


class Shop(Litestar):
    """Litestar behind the porch: every request passes the pipeline first, also those that no route knows."""

    porch: Pipeline

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Answers a request; awaited by the server."""
        return self.porch(scope, receive, send)


def application() -> Shop:
    """The shop as Granian and the `litestar` command start it: by the settings of the environment."""
    return create_app(Settings.read())


def create_app(settings: Settings) -> Shop:
    """Both doors over one database."""
    registry, fields = Registry.collect(load("resource", "service")), found(RootField, load("graphql"))
    cache = ReadCache() if settings.read_cache else None
    database = database_of(settings, cache=cache)
    redis = _redis(settings.redis_url) if settings.redis_url else None
    limits = _limits(settings)
    means = means_of(settings, database)
    means.provide(Attempts, _attempts(settings, limits))
    worker = Worker(database, means, deliveries(), chores()) if settings.works else None
    signing, credentials = means.of(SigningKeys), means.of(Credentials)
    rest, explorer = RestDoor(registry, require_if_match=settings.require_if_match, cache=cache), graphiql_page()
    graphql = _graphql(settings, registry, fields, lambda: tool_answer(explorer))
    graphql.executor.cache = cache
    figures = figures_of(database, limits, worker, graphql, cache)

    means.provide(DocumentQuotes, graphql_quoting.Quotes(graphql.executor))
    means.provide(RequestQuotes, rest_quoting.Quotes(rest, introspects=settings.introspects))

    def introspects(scope: Any) -> bool:
        return settings.introspects or scope["context"].caller.known

    app = Shop(
        [
            *controllers(load("rest")),
            *pages(
                checks=readiness(database, redis),
                introspects=introspects,
                ops_loopback=settings.ops_loopback,
                collections=lambda version, permissions: rest.links[version].collections(permissions),
                public_keys=signing.document,
            ),
            *operation_routes(figures.text, lambda: pairs(registry, rest, fields), settings.ops_loopback),
            *contract_routes(introspects),
            graphql.route(),
            DocumentCalls(graphql).route(),
        ],
        openapi_config=None,
        logging_config=None,
        exception_handlers=dict(HANDLERS),
        on_startup=[signing.load],
        lifespan=[lambda app: _life(app, database, redis, limits, worker)],
        debug=settings.debug,
    )
    rest.open(_open(app, rest), {f.operation.name: Root(f.name, tuple(f.parameters)) for f in fields})
    contract = documents(registry, rest, app.routes, graphql.sdl(), Signing(SCOPES, SIGNING_IN))
    app.state.update(
        {
            "registry": registry,
            "database": database,
            "credentials": credentials,
            "rest": rest,
            "graphql": graphql,
            "limits": limits,
            "means": means,
            "worker": worker,
            "cache": cache,
            "contract": lambda: contract,
        }
    )
    app.porch = _porch(app, settings, credentials, database, figures, limits, means, cache)
    return app


def _porch(
    app: Litestar,
    settings: Settings,
    credentials: Credentials,
    database: Database,
    figures: Metrics,
    limits: Limits,
    means: Means,
    cache: ReadCache | None,
) -> Pipeline:
    """What every request passes first. The lanes are Litestar's own routes, taken from the finished app."""
    return Pipeline(
        Litestar.__call__.__get__(app),
        identify=credentials.caller_of,
        database=database,
        settings=PorchSettings.of(settings),
        lanes=lanes_of(app.routes) if settings.fast_lane else None,
        paths=paths_of(app.routes),
        log=AccessLog(settings.log_format) if settings.access_log else None,
        metrics=figures,
        limits=limits,
        means=means,
        apart=apart(app.routes),
        cache=cache,
    )


def _graphql(
    settings: Settings, registry: Registry, fields: Iterable[RootField[..., Any]], page: Callable[[], Answer]
) -> GraphQLDoor:
    """The GraphQL door with its documents; one that cannot be registered is a wrong setting."""
    shared = SharedTexts(settings.redis_url) if settings.redis_url and settings.apq else None
    folder = Path(settings.documents) if settings.documents else None
    try:
        return GraphQLDoor(
            registry, fields, introspects=settings.introspects, require_version=settings.require_if_match, page=page,
            documents=folder, only=settings.documents_only, learns=settings.apq, shared=shared,
        )  # fmt: skip
    except FaultyDocument as fault:
        raise SettingsError(f"DOCUMENTS: {fault}.") from None


def _redis(url: str) -> "Redis":
    """Redis as readiness asks it."""
    from redis.asyncio import Redis  # here: a shop without Redis does without the 14 MB of its commands

    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)


def _limits(settings: Settings) -> Limits:
    """The size of each role's bucket, by the settings; roles that are not named here have the staff's."""
    shared = SharedBuckets(settings.redis_url) if settings.redis_url else None
    return Limits(
        {"anonymous": settings.budget_anonymous, "customer": settings.budget_customer},
        known=settings.budget_staff,
        shared=shared,
    )


def _attempts(settings: Settings, limits: Limits) -> Attempts:
    """How often credentials may be tried."""
    secret = derive(settings.secret_key, "attempts")
    return Attempts(limits, secret, account=settings.budget_login_account, address=settings.budget_login_address)


def load(*files: str) -> list[ModuleType]:
    """These files of all rooms, the rooms in order."""
    names = [f"tradepost.areas.{area}.{file}" for file in files for area in AREAS]
    return [import_module(name) for name in names if find_spec(name)]


def found[T](kind: type[T], modules: Iterable[ModuleType]) -> list[T]:
    """What modules declare of a kind, in their order."""
    values = [v for m in modules for v in vars(m).values()]
    return list(dict.fromkeys([v for v in values if isinstance(v, kind)]))


def deliveries() -> list[Delivery]:
    """The functions of the rooms that hear events."""
    return found(Delivery, load("service"))


def chores() -> list[Chore]:
    """What the kit and the rooms have done every so often."""
    return found(Chore, [idempotency_sweep, *load("service")])


def controllers(modules: Iterable[ModuleType]) -> list[type[Controller]]:
    """The controllers of the rooms."""
    return [kind for kind in found(type, modules) if issubclass(kind, Controller) and kind is not Controller]


def _open(app: Litestar, door: RestDoor) -> Iterable[Route]:
    """Gives the REST routes their door, and the door its routes."""
    for known in app.routes:
        for method, (handler, _) in getattr(known, "route_handler_map", {}).items():
            if isinstance(handler, route) and method == str(next(iter(handler.http_methods))):
                handler.door = door
                head, brace, tail = known.path.partition("{")
                yield Route(handler.operation, method, f"{head}{{0}}{tail.partition('}')[2]}" if brace else head)


@asynccontextmanager
async def _life(
    app: Any, database: Database, redis: "Redis | None", limits: Limits, worker: Worker | None
) -> AsyncGenerator[None]:
    """The connections live as long as the process; the porch writes what it has kept, and the worker finishes what it delivers."""
    await database.start()
    texts: SharedTexts | None = app.state.graphql.persisted.shared
    for shared in (limits.shared, texts):
        if shared is not None:
            await shared.start()
    means: Means = app.state.means
    await means.of(Revocations).start()
    working = asyncio.create_task(worker.run()) if worker is not None else None
    noting = asyncio.create_task(means.of(Credentials).keep_used())
    try:
        yield
    finally:
        if worker is not None and working is not None:
            worker.stop()
            await working
        noting.cancel()
        await asyncio.wait([noting])
        await means.of(Revocations).stop()
        means.of(Passwords).stop()
        app.porch.stop()
        for shared in (limits.shared, texts):
            if shared is not None:
                await shared.stop()
        await database.stop()
        if redis is not None:
            await redis.aclose()

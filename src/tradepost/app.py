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

from tradepost.areas.accounts.openapi_text import AUTHENTICATION_GUIDE
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.policy import SCOPES
from tradepost.areas.accounts.revocations import Revocations
from tradepost.areas.accounts.service import Credentials
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.bootstrap import create_database, create_dependencies
from tradepost.doors.graphql import GraphQLDoor, RootField
from tradepost.doors.graphql.documents.trusted import TrustedDocumentError
from tradepost.doors.graphql.execution import quotes as graphql_quoting
from tradepost.doors.graphql.http.document_endpoint import DocumentEndpoint
from tradepost.doors.http.access_log import AccessLog
from tradepost.doors.http.allowed_methods import methods_by_path, self_authenticating_paths
from tradepost.doors.http.fast_path import fast_routes_of
from tradepost.doors.http.metrics import Metrics
from tradepost.doors.http.pipeline import Pipeline, PipelineSettings
from tradepost.doors.http.problem_responses import EXCEPTION_HANDLERS
from tradepost.doors.http.response import Response
from tradepost.doors.pages import page_routes
from tradepost.doors.pages.docs import graphiql_page, tool_response
from tradepost.doors.pages.metrics_and_parity import metrics_and_parity_routes
from tradepost.doors.rest import quotes as rest_quoting
from tradepost.doors.rest.api import RestDoor
from tradepost.doors.rest.contract_routes import contract_files, contract_routes
from tradepost.doors.rest.graphql_document import GraphQLRoot
from tradepost.doors.rest.links import Endpoint
from tradepost.doors.rest.openapi import AuthenticationDocs
from tradepost.doors.rest.route import OperationRoute
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.crypto import derive_key
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.operations.idempotency import sweep as idempotency_sweep
from tradepost.kit.operations.quotes import DocumentQuotes, RequestQuotes
from tradepost.kit.operations.registry import Registry
from tradepost.kit.rate_limit.credential_attempts import CredentialAttempts
from tradepost.kit.rate_limit.meter import RateLimits
from tradepost.kit.rate_limit.redis_buckets import RedisBuckets
from tradepost.kit.redis.document_store import DocumentStore
from tradepost.kit.worker.event_handlers import EventHandler
from tradepost.kit.worker.periodic import PeriodicTask
from tradepost.kit.writes.database import Database
from tradepost.monitoring import create_metrics, parity_report, readiness_checks
from tradepost.settings import Settings, SettingsError
from tradepost.worker import Worker

if TYPE_CHECKING:
    from redis.asyncio import Redis

# In the only order in which they may import one another.
AREAS = ("accounts", "catalog", "system")


class TradepostApp(Litestar):
    """Litestar behind the porch: every request passes the pipeline first, also those that no route knows."""

    pipeline: Pipeline

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Answers a request; awaited by the server."""
        return self.pipeline(scope, receive, send)


def application() -> TradepostApp:
    """The shop as Granian and the `litestar` command start it: by the settings of the environment."""
    return create_app(Settings.read())


def create_app(settings: Settings) -> TradepostApp:
    """Both doors over one database."""
    registry, fields = (
        Registry.collect(load_modules("resource", "service")),
        instances_of(RootField, load_modules("graphql")),
    )
    cache = ReadCache() if settings.read_cache else None
    database = create_database(settings, cache=cache)
    redis = _redis(settings.redis_url) if settings.redis_url else None
    limits = _limits(settings)
    means = create_dependencies(settings, database)
    means.provide(CredentialAttempts, _attempts(settings, limits))
    worker = Worker(database, means, deliveries(), periodic_tasks()) if settings.runs_worker else None
    signing, credentials = means.require(SigningKeys), means.require(Credentials)
    rest, explorer = RestDoor(registry, require_if_match=settings.require_if_match, cache=cache), graphiql_page()
    graphql = _graphql(settings, registry, fields, lambda: tool_response(explorer))
    graphql.executor.cache = cache
    figures = create_metrics(database, limits, worker, graphql, cache)

    means.provide(DocumentQuotes, graphql_quoting.GraphQLQuotes(graphql.executor))
    means.provide(RequestQuotes, rest_quoting.RestQuotes(rest, introspects=settings.introspection_enabled))

    def introspects(scope: Any) -> bool:
        return settings.introspection_enabled or scope["context"].caller.known

    app = TradepostApp(
        [
            *controllers(load_modules("rest")),
            *page_routes(
                checks=readiness_checks(database, redis),
                may_introspect=introspects,
                ops_loopback=settings.ops_loopback,
                collections=lambda version, permissions: rest.links[version].collections(permissions),
                public_keys=signing.jwks_json,
            ),
            *metrics_and_parity_routes(
                figures.render, lambda: parity_report(registry, rest, fields), settings.ops_loopback
            ),
            *contract_routes(introspects),
            graphql.route(),
            DocumentEndpoint(graphql).route(),
        ],
        openapi_config=None,
        logging_config=None,
        exception_handlers=dict(EXCEPTION_HANDLERS),
        on_startup=[signing.load],
        lifespan=[lambda app: _life(app, database, redis, limits, worker)],
        debug=settings.debug,
    )
    rest.register_routes(_open(app, rest), {f.operation.name: GraphQLRoot(f.name, tuple(f.parameters)) for f in fields})
    contract = contract_files(
        registry, rest, app.routes, graphql.sdl(), AuthenticationDocs(SCOPES, AUTHENTICATION_GUIDE)
    )
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
    app.pipeline = _porch(app, settings, credentials, database, figures, limits, means, cache)
    return app


def _porch(
    app: Litestar,
    settings: Settings,
    credentials: Credentials,
    database: Database,
    figures: Metrics,
    limits: RateLimits,
    means: Dependencies,
    cache: ReadCache | None,
) -> Pipeline:
    """What every request passes first. The lanes are Litestar's own routes, taken from the finished app."""
    return Pipeline(
        Litestar.__call__.__get__(app),
        identify=credentials.identify_request,
        database=database,
        settings=PipelineSettings.from_settings(settings),
        fast_routes=fast_routes_of(app.routes) if settings.fast_lane else None,
        methods=methods_by_path(app.routes),
        access_log=AccessLog(settings.log_format) if settings.access_log else None,
        metrics=figures,
        limits=limits,
        dependencies=means,
        self_authenticating=self_authenticating_paths(app.routes),
        read_cache=cache,
    )


def _graphql(
    settings: Settings, registry: Registry, fields: Iterable[RootField[..., Any]], page: Callable[[], Response]
) -> GraphQLDoor:
    """The GraphQL door with its documents; one that cannot be registered is a wrong setting."""
    shared = DocumentStore(settings.redis_url) if settings.redis_url and settings.apq else None
    folder = Path(settings.documents) if settings.documents else None
    try:
        return GraphQLDoor(
            registry, fields, introspection_enabled=settings.introspection_enabled, require_version=settings.require_if_match, explorer_page=page,
            documents=folder, trusted_only=settings.documents_only, apq=settings.apq, document_store=shared,
        )  # fmt: skip
    except TrustedDocumentError as fault:
        raise SettingsError(f"DOCUMENTS: {fault}.") from None


def _redis(url: str) -> "Redis":
    """Redis as readiness asks it."""
    from redis.asyncio import Redis  # here: a shop without Redis does without the 14 MB of its commands

    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)


def _limits(settings: Settings) -> RateLimits:
    """The size of each role's bucket, by the settings; roles that are not named here have the staff's."""
    shared = RedisBuckets(settings.redis_url) if settings.redis_url else None
    return RateLimits(
        {"anonymous": settings.budget_anonymous, "customer": settings.budget_customer},
        default_size=settings.budget_staff,
        shared=shared,
    )


def _attempts(settings: Settings, limits: RateLimits) -> CredentialAttempts:
    """How often credentials may be tried."""
    secret = derive_key(settings.secret_key, "attempts")
    return CredentialAttempts(
        limits, secret, per_account=settings.budget_login_account, per_address=settings.budget_login_address
    )


def load_modules(*files: str) -> list[ModuleType]:
    """These files of all rooms, the rooms in order."""
    names = [f"tradepost.areas.{area}.{file}" for file in files for area in AREAS]
    return [import_module(name) for name in names if find_spec(name)]


def instances_of[T](kind: type[T], modules: Iterable[ModuleType]) -> list[T]:
    """What modules declare of a kind, in their order."""
    values = [v for m in modules for v in vars(m).values()]
    return list(dict.fromkeys([v for v in values if isinstance(v, kind)]))


def deliveries() -> list[EventHandler]:
    """The functions of the rooms that hear events."""
    return instances_of(EventHandler, load_modules("service"))


def periodic_tasks() -> list[PeriodicTask]:
    """What the kit and the rooms have done every so often."""
    return instances_of(PeriodicTask, [idempotency_sweep, *load_modules("service")])


def controllers(modules: Iterable[ModuleType]) -> list[type[Controller]]:
    """The controllers of the rooms."""
    return [kind for kind in instances_of(type, modules) if issubclass(kind, Controller) and kind is not Controller]


def _open(app: Litestar, door: RestDoor) -> Iterable[Endpoint]:
    """Gives the REST routes their door, and the door its routes."""
    for known in app.routes:
        for method, (handler, _) in getattr(known, "route_handler_map", {}).items():
            if isinstance(handler, OperationRoute) and method == str(next(iter(handler.http_methods))):
                handler.door = door
                head, brace, tail = known.path.partition("{")
                yield Endpoint(handler.operation, method, f"{head}{{0}}{tail.partition('}')[2]}" if brace else head)


@asynccontextmanager
async def _life(
    app: Any, database: Database, redis: "Redis | None", limits: RateLimits, worker: Worker | None
) -> AsyncGenerator[None]:
    """The connections live as long as the process; the porch writes what it has kept, and the worker finishes what it delivers."""
    await database.start()
    texts: DocumentStore | None = app.state.graphql.persisted.shared
    for shared in (limits.shared, texts):
        if shared is not None:
            await shared.start()
    means: Dependencies = app.state.means
    await means.require(Revocations).start()
    working = asyncio.create_task(worker.run()) if worker is not None else None
    noting = asyncio.create_task(means.require(Credentials).record_last_used())
    try:
        yield
    finally:
        if worker is not None and working is not None:
            worker.stop()
            await working
        noting.cancel()
        await asyncio.wait([noting])
        await means.require(Revocations).stop()
        means.require(PasswordHasher).stop()
        app.porch.stop()
        for shared in (limits.shared, texts):
            if shared is not None:
                await shared.stop()
        await database.stop()
        if redis is not None:
            await redis.aclose()

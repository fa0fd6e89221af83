"""The composition root: the areas in order, then both APIs over one database."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from litestar import Controller, Litestar
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler

from tradepost.areas.accounts.email_limits import EmailLimits
from tradepost.areas.accounts.openapi_text import AUTHENTICATION_GUIDE
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.policy import SCOPES
from tradepost.areas.accounts.revocations import Revocations
from tradepost.areas.accounts.service import Credentials
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.areas.payments.event_limits import ProviderEventLimits
from tradepost.bootstrap import create_database, create_dependencies, stop_payments
from tradepost.doors.graphql import GraphQLDoor, RootField
from tradepost.doors.graphql.documents.trusted import TrustedDocumentError
from tradepost.doors.graphql.execution.quotes import GraphQLQuotes
from tradepost.doors.graphql.http.bad_credential import bad_credential_response
from tradepost.doors.graphql.http.document_endpoint import DocumentEndpoint
from tradepost.doors.http.access_log import AccessLog
from tradepost.doors.http.allowed_methods import methods_by_path, self_authenticating_paths
from tradepost.doors.http.cart_identity import CartIdentity
from tradepost.doors.http.fast_path import fast_routes_of
from tradepost.doors.http.metrics import Metrics
from tradepost.doors.http.pipeline import Pipeline, PipelineSettings
from tradepost.doors.http.problem_responses import EXCEPTION_HANDLERS
from tradepost.doors.http.response import Response
from tradepost.doors.pages import page_routes
from tradepost.doors.pages.docs import graphiql_page, tool_response
from tradepost.doors.pages.forms import FormPage, form_routes
from tradepost.doors.pages.metrics_and_parity import metrics_and_parity_routes
from tradepost.doors.pages.script_page import ScriptPage, script_page_routes
from tradepost.doors.rest.api import RestDoor
from tradepost.doors.rest.contract_routes import contract_files, contract_routes
from tradepost.doors.rest.graphql_document import GraphQLRoot
from tradepost.doors.rest.links import Endpoint
from tradepost.doors.rest.openapi import AuthenticationDocs
from tradepost.doors.rest.quotes import RestQuotes
from tradepost.doors.rest.route import OperationRoute
from tradepost.fake_provider import BASE_PATH, FakeProviderApp
from tradepost.kit.auth.cart_token import CartFinder, GuestTokens
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
from tradepost.kit.writes.domain_events import DomainEventHandler, DomainEventHandlers
from tradepost.kit.writes.event_types import EventTypes
from tradepost.monitoring import create_metrics, parity_report, readiness_checks
from tradepost.settings import Settings, SettingsError
from tradepost.worker import Worker

# In import order: an area may import only areas before it.
AREAS = ("accounts", "catalog", "inventory", "pricing", "carts", "orders", "payments", "system")


class TradepostApp(Litestar):
    """Litestar behind the pipeline, which sees every request, also those that match no route."""

    pipeline: Pipeline

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Handle an ASGI call."""
        return self.pipeline(scope, receive, send)


def application() -> TradepostApp:
    """Create the app with the settings of the environment, for Granian and the `litestar` CLI."""
    return create_app(Settings.read())


def create_app(settings: Settings) -> TradepostApp:
    """Create both APIs over one database."""
    registry, fields = declarations()
    read_cache = ReadCache(write_permissions=registry.public_write_permissions) if settings.read_cache else None
    database = create_database(settings, cache=read_cache)
    limits = _rate_limits(settings)
    types = event_types()
    dependencies = create_dependencies(settings, database, domain_event_handlers(), types)
    dependencies.provide(CredentialAttempts, _credential_attempts(settings, limits))
    dependencies.provide(EmailLimits, _email_limits(settings, limits))
    dependencies.provide(ProviderEventLimits, ProviderEventLimits(limits))
    worker = Worker(database, dependencies, event_handlers(), periodic_tasks()) if settings.runs_worker else None
    signing_keys, credentials = dependencies.require(SigningKeys), dependencies.require(Credentials)
    rest, explorer = RestDoor(registry, require_if_match=settings.require_if_match, cache=read_cache), graphiql_page()
    graphql = _graphql_door(settings, registry, fields, lambda: tool_response(explorer))
    graphql.executor.cache = read_cache
    metrics = create_metrics(database, limits, worker, read_cache)

    dependencies.provide(DocumentQuotes, GraphQLQuotes(graphql.executor))
    dependencies.provide(RequestQuotes, RestQuotes(rest, introspection_enabled=settings.introspection_enabled))

    def may_introspect(scope: Any) -> bool:
        return settings.introspection_enabled or scope["context"].caller.is_authenticated

    app = TradepostApp(
        [
            *controllers(load_modules("rest")),
            *page_routes(
                checks=readiness_checks(database, limits.shared),
                may_introspect=may_introspect,
                ops_loopback=settings.trusts_loopback,
                collections=lambda version, permissions: rest.links[version].collections(permissions),
                public_keys=signing_keys.jwks_json,
                event_types=types,
                state_machines=registry.state_machines,
            ),
            *([] if settings.storefront_url else _email_page_routes()),
            *metrics_and_parity_routes(
                metrics.render, lambda: parity_report(registry, rest, fields), settings.trusts_loopback
            ),
            *contract_routes(may_introspect),
            graphql.route(),
            DocumentEndpoint(graphql).route(),
            *_fake_provider_routes(dependencies.get(FakeProviderApp)),
        ],
        openapi_config=None,
        logging_config=None,
        exception_handlers=dict(EXCEPTION_HANDLERS),
        on_startup=[signing_keys.load],
        lifespan=[lambda app: _lifespan(app, database, limits, worker)],
        debug=settings.debug,
    )
    if (fake := dependencies.get(FakeProviderApp)) is not None:
        fake.shop = app
    graphql_roots = {field.operation.name: GraphQLRoot(field.name, tuple(field.parameters)) for field in fields}
    rest.register_routes(_connect_routes(app, rest), graphql_roots)
    authentication = AuthenticationDocs(SCOPES, AUTHENTICATION_GUIDE)
    app.state.update(
        {
            "registry": registry,
            "database": database,
            "credentials": credentials,
            "rest": rest,
            "graphql": graphql,
            "limits": limits,
            "dependencies": dependencies,
            "worker": worker,
            "cache": read_cache,
            "contract": cache(lambda: contract_files(registry, rest, app.routes, graphql.sdl(), authentication, types)),
        }
    )
    app.pipeline = _pipeline(app, settings, credentials, database, metrics, limits, dependencies, read_cache)
    return app


def _email_page_routes() -> list[HTTPRouteHandler]:
    """Return the routes of the pages that links in e-mails lead to."""
    modules = load_modules("pages")
    return [*form_routes(instances_of(FormPage, modules)), *script_page_routes(instances_of(ScriptPage, modules))]


def _fake_provider_routes(fake: FakeProviderApp | None) -> list[ASGIRouteHandler]:
    """Return the route of the payment pages of the provider `fake`."""
    return [] if fake is None else [ASGIRouteHandler(BASE_PATH, is_mount=True, copy_scope=False)(fake.serve)]


def _pipeline(
    app: Litestar,
    settings: Settings,
    credentials: Credentials,
    database: Database,
    metrics: Metrics,
    limits: RateLimits,
    dependencies: Dependencies,
    cache: ReadCache | None,
) -> Pipeline:
    """Create the pipeline in front of the app. It calls fast routes of the app directly."""
    return Pipeline(
        Litestar.__call__.__get__(app),
        identify=credentials.identify_request,
        database=database,
        settings=PipelineSettings.from_settings(settings),
        fast_routes=fast_routes_of(app.routes) if settings.fast_lane else None,
        methods=methods_by_path(app.routes),
        access_log=AccessLog(settings.log_format) if settings.access_log else None,
        metrics=metrics,
        limits=limits,
        dependencies=dependencies,
        self_authenticating=self_authenticating_paths(app.routes),
        error_formats={"/graphql": bad_credential_response},
        read_cache=cache,
        cart_identity=CartIdentity(
            dependencies.require(GuestTokens),
            dependencies.require(CartFinder),
            limits,
            wrong_per_hour=settings.budget_cart_tokens,
        ),
    )


def _graphql_door(
    settings: Settings, registry: Registry, fields: Iterable[RootField[..., Any]], explorer_page: Callable[[], Response]
) -> GraphQLDoor:
    """Create the GraphQL API. Raise SettingsError if a trusted document is invalid."""
    try:
        return GraphQLDoor(
            registry,
            fields,
            introspection_enabled=settings.introspection_enabled,
            require_version=settings.require_if_match,
            explorer_page=explorer_page,
            documents=Path(settings.documents) if settings.documents else None,
            trusted_only=settings.documents_only,
            apq=settings.apq,
            document_store=DocumentStore(settings.redis_url) if settings.redis_url and settings.apq else None,
        )
    except TrustedDocumentError as error:
        raise SettingsError(f"DOCUMENTS: {error}.") from None


def _rate_limits(settings: Settings) -> RateLimits:
    """Create the rate limits by role; BUDGET_STAFF applies to all roles not named here."""
    shared = RedisBuckets(settings.redis_url) if settings.redis_url else None
    return RateLimits(
        {"anonymous": settings.budget_anonymous, "customer": settings.budget_customer},
        default_size=settings.budget_staff,
        shared=shared,
    )


def _credential_attempts(settings: Settings, limits: RateLimits) -> CredentialAttempts:
    """Create the limits on attempts at credentials."""
    secret = derive_key(settings.secret_key, "attempts")
    return CredentialAttempts(
        limits,
        secret,
        per_account=settings.budget_login_account,
        per_address=settings.budget_login_address,
        per_account_hour=settings.budget_login_account_hour,
    )


def _email_limits(settings: Settings, limits: RateLimits) -> EmailLimits:
    """Create the limits on e-mails per address."""
    return EmailLimits(limits, derive_key(settings.secret_key, "email limits"), per_hour=settings.budget_emails)


@cache
def declarations() -> tuple[Registry, Sequence[RootField[..., Any]]]:
    """Return the registry and the GraphQL fields of all areas. All apps of a process share them."""
    registry = Registry.collect(load_modules("resource", "service"))
    return registry, instances_of(RootField, load_modules("graphql"))


def load_modules(*files: str) -> list[ModuleType]:
    """Import these modules of all areas: file by file, each in the order of AREAS."""
    names = [f"tradepost.areas.{area}.{file}" for file in files for area in AREAS]
    return [import_module(name) for name in names if find_spec(name)]


def instances_of[T](kind: type[T], modules: Iterable[ModuleType]) -> list[T]:
    """Return the module-level instances of a class, in order and without duplicates."""
    values = [value for module in modules for value in vars(module).values()]
    return list(dict.fromkeys([value for value in values if isinstance(value, kind)]))


def event_handlers() -> list[EventHandler]:
    """Return the handlers of all areas that the worker calls after the commit."""
    return instances_of(EventHandler, load_modules("service"))


def domain_event_handlers() -> DomainEventHandlers:
    """Return the handlers of all areas that run in the transaction."""
    return DomainEventHandlers(instances_of(DomainEventHandler, load_modules("service")))


def event_types() -> EventTypes:
    """Return the event types that the areas declare, in one list or one for each resource."""
    lists = [value for module in load_modules("event_types") for value in vars(module).values()]
    return EventTypes([type for types in lists if isinstance(types, list) for type in types])


def periodic_tasks() -> list[PeriodicTask]:
    """Return the periodic tasks of the kit and of all areas."""
    return instances_of(PeriodicTask, [idempotency_sweep, *load_modules("service")])


def controllers(modules: Iterable[ModuleType]) -> list[type[Controller]]:
    """Return the Litestar controllers in these modules."""
    return [kind for kind in instances_of(type, modules) if issubclass(kind, Controller) and kind is not Controller]


def _connect_routes(app: Litestar, door: RestDoor) -> Iterable[Endpoint]:
    """Set the door on all REST routes, and yield their endpoints."""
    for app_route in app.routes:
        for method, (handler, _) in getattr(app_route, "route_handler_map", {}).items():
            if isinstance(handler, OperationRoute) and method == str(next(iter(handler.http_methods))):
                handler.door = door
                yield Endpoint.from_template(handler.operation, method, app_route.path)


@asynccontextmanager
async def _lifespan(app: Any, database: Database, limits: RateLimits, worker: Worker | None) -> AsyncGenerator[None]:
    """Open the connections and run the worker while the app runs.

    At shutdown the worker finishes its deliveries, and the access log is flushed.
    """
    await database.start()
    document_store: DocumentStore | None = app.state.graphql.persisted.document_store
    for shared in (limits.shared, document_store):
        if shared is not None:
            await shared.start()
    dependencies: Dependencies = app.state.dependencies
    await dependencies.require(Revocations).start()
    worker_task = asyncio.create_task(worker.run()) if worker is not None else None
    last_used_task = asyncio.create_task(dependencies.require(Credentials).record_last_used())
    try:
        yield
    finally:
        if worker is not None and worker_task is not None:
            worker.stop()
            await worker_task
        last_used_task.cancel()
        await asyncio.wait([last_used_task])
        await dependencies.require(Revocations).stop()
        await stop_payments(dependencies)
        dependencies.require(PasswordHasher).stop()
        app.pipeline.stop()
        for shared in (limits.shared, document_store):
            if shared is not None:
                await shared.stop()
        await database.stop()

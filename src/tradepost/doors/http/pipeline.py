"""The ASGI pipeline in front of both APIs: one request, from its id to its access log entry.

The order: request id, trusted proxies, overload, allowed hosts, HTTPS, CORS preflight, API version,
caller, then a fast route or Litestar. An exception raised before the response has started becomes
a problem; every response is sent through its ResponseSender. The pipeline itself awaits only the
identification of the caller and the response.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any
from urllib.parse import quote

import msgspec
from uuid_utils import uuid7

from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.auth.credential_headers import CALLER_HEADER_NAMES, CART_TOKEN_NAME
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.dependencies import NO_DEPENDENCIES, Dependencies
from tradepost.kit.problems import NotFound, Problem, QuotaExceeded, Unauthenticated, Unavailable
from tradepost.kit.rate_limit.meter import RateLimits, unlimited_meter
from tradepost.kit.writes.call_context import CallContext

from . import rate_limit_headers as budget
from .access_log import AccessLog, AccessLogEntry, now
from .allowed_hosts import AllowedHosts
from .allowed_methods import AllowedMethods, MethodsByPath
from .api_version import resolve_version
from .asgi import App, Headers, Receive, Scope, Send, request_headers
from .cart_identity import CartIdentity
from .cors import METHODS, CorsPolicy
from .fast_path import FastRoutes, fast_path_tables
from .https_redirect import redirect_to_https
from .in_flight import InFlightRequests
from .metrics import Metrics
from .problem_responses import error_response, problem_response
from .request_body import DEFAULT_LIMIT
from .request_framing import refuse_framing
from .response import Response
from .response_cache import CachedResponse, ResponseCache
from .response_sender import HSTS, SECURITY_HEADERS, ResponseSender
from .trusted_proxies import FORWARDED_FOR, TrustedProxies

type Identify = Callable[[Headers], Caller | Awaitable[Caller]]
"""Return the caller that a request's headers identify; called only if they hold a credential.

It returns the Caller itself if the credential is cached, as most are: a coroutine would cost half
a microsecond more.
"""

type ErrorFormat = Callable[[Problem, Scope], Response]
"""Return the response of a problem that was raised before the route was called."""
NO_ERROR_FORMATS: Mapping[str, ErrorFormat] = {}

REQUEST_ID_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
MAX_PATH_LENGTH = 1000
"""Characters of a path that Litestar routes. The longest parameters have 100."""
CLIENT_CLOSED_REQUEST = 499
"""Logged if the client disconnected before the response started (nginx's code, never sent)."""


class PipelineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that the pipeline uses. The names are those of `Settings`."""

    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    https_redirect: bool = False
    hsts: bool = False
    body_limit: int = 1024 * 1024
    request_timeout: float = 30.0
    requests_in_flight: int = 1000
    introspection_enabled: bool = True

    @classmethod
    def from_settings(cls, settings: Any) -> "PipelineSettings":
        """Copy the settings of these names."""
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})


class Pipeline:
    """The ASGI app in front of both APIs. One per app and event loop; call `stop` at shutdown."""

    def __init__(
        self,
        app: App,
        *,
        identify: Identify,
        database: Any,
        settings: PipelineSettings,
        fast_routes: FastRoutes | None = None,
        methods: MethodsByPath | None = None,
        access_log: AccessLog | None = None,
        metrics: Metrics | None = None,
        limits: RateLimits | None = None,
        dependencies: Dependencies = NO_DEPENDENCIES,
        self_authenticating: frozenset[str] = frozenset(),
        error_formats: Mapping[str, ErrorFormat] = NO_ERROR_FORMATS,
        read_cache: ReadCache | None = None,
        cart_identity: CartIdentity | None = None,
    ) -> None:
        """Create the pipeline in front of `app`.

        fast_routes: routes that bypass `app`.
        methods: the methods of every path template, for OPTIONS. A literal path is never taken for
            the parameter of a fast route.
        access_log, metrics, limits: None turns them off.
        dependencies: passed to every CallContext.
        self_authenticating: paths whose routes read `Authorization` themselves; the caller is
            anonymous there.
        error_formats: by path, the response to a bad credential; other paths return REST's.
        read_cache: if given, responses that come from it are stored in a ResponseCache.
        cart_identity: finds the cart or order of `X-Cart-Token`; without it the header is ignored.
        """
        self.app, self.identify, self.database, self.settings = app, identify, database, settings
        self.access_log, self.metrics, self.limits = access_log, metrics, limits
        self.dependencies, self.self_authenticating = dependencies, self_authenticating
        self.error_formats, self.cart_identity = error_formats, cart_identity
        self.allowed_methods = AllowedMethods(methods or {})
        self.fast_path = fast_path_tables(fast_routes or {}, self.allowed_methods.literal_paths)
        self.allowed_hosts = AllowedHosts(settings.allowed_hosts)
        self.trusted_proxies = TrustedProxies(settings.trusted_proxies)
        self.cors = CorsPolicy(settings.cors_origins) if settings.cors_origins else None
        self.in_flight = InFlightRequests(settings.requests_in_flight, settings.request_timeout, access_log)
        self.response_cache = ResponseCache(read_cache, metrics) if read_cache is not None else None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request; lifespan and WebSocket scopes go straight to the app.

        Not a coroutine itself: every request would pay for one more.
        """
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        if self.trusted_proxies.networks:
            self.trusted_proxies.resolve(scope)
        elif FORWARDED_FOR in request_headers(scope):
            self.trusted_proxies.warn(scope)
        if (
            self.response_cache is not None
            and self.in_flight.has_room
            and (cached := self.response_cache.find(scope)) is not None
        ):
            return self.send_cached(cached, scope, receive, send)
        return self.handle(scope, receive, send)

    async def send_cached(self, cached: CachedResponse, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a stored response at the same price, with its own request id and access log entry.

        If the bucket does not hold enough points, the request is handled normally and refused.
        """
        started, limits = perf_counter(), self.limits
        request_id, headers = _request_id(scope["request_headers"]), cached.headers
        if limits is not None:
            bucket, shared = budget.anonymous_bucket(limits, scope), limits.shared
            remaining_each = (
                await shared.take(cached.points, bucket)
                if shared is not None
                else (limits.local.take(*bucket, cached.points),)
            )
            if remaining_each is None or (remaining := remaining_each[0]) < 0:
                return await self.handle(scope, receive, send)
            headers = [*headers, *budget.settle_cached(limits, bucket, remaining, cached.points, cached.net)]
        self.in_flight.ensure_timer()
        try:
            headers = [*headers, (b"x-request-id", request_id)]
            await send({"type": "http.response.start", "status": cached.status, "headers": headers})
            await send(cached.body)
        finally:
            seconds = perf_counter() - started
            if cached.series is not None:
                cached.series.observe(seconds)
            if self.access_log is not None:
                self.access_log.add(
                    AccessLogEntry(
                        now(),
                        request_id.decode(),
                        "GET",
                        cached.path,
                        cached.status,
                        seconds * 1000,
                        cached.size,
                        cached.template,
                    )
                )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request without the response cache."""
        sender = self._create_sender(scope, send)
        try:
            await self._serve(scope, receive, sender)
        except asyncio.CancelledError:
            if not sender.timed_out or sender.status:
                raise
            await self._send_timeout(scope, receive, sender)
        except Exception as error:
            if sender.status:
                raise
            await error_response(error, scope)(scope, receive, sender)
        finally:
            self._finish(scope, sender)

    def _create_sender(self, scope: Scope, send: Send) -> ResponseSender:
        """Set the request id and the original path in the scope, and create the sender.

        Add keys to the scope sparingly: Granian's dict has space for seven more before it grows.
        """
        request_id = _request_id(request_headers(scope))
        scope["request_id"] = request_id.decode()
        raw_path = scope.get("raw_path")
        scope["original_path"] = raw_path.decode() if raw_path and raw_path.isascii() else quote(scope["path"])
        if self.settings.body_limit != DEFAULT_LIMIT:
            scope["body_limit"] = self.settings.body_limit
        return ResponseSender(scope, send, request_id, SECURITY_HEADERS, self.in_flight.senders, self.limits)

    async def _serve(self, scope: Scope, receive: Receive, sender: ResponseSender) -> None:
        """Run the checks, identify the caller, and call a fast route or the app."""
        response = self._check(scope, sender)
        if response is not None:
            return await response(scope, receive, sender)
        headers, client = scope["request_headers"], scope.get("client")
        address = client[0] if client else ""
        has_credential = not (CALLER_HEADER_NAMES.isdisjoint(headers) or scope["path"] in self.self_authenticating)
        try:
            identified = self.identify(scope["headers"]) if has_credential else ANONYMOUS
            caller = identified if isinstance(identified, Caller) else await identified
            meter = unlimited_meter() if self.limits is None else budget.meter_for(self.limits, caller, scope)
            if self.limits is not None:
                sender.meter = meter
            if (token := headers.get(CART_TOKEN_NAME)) and self.cart_identity is not None:
                caller = await self.cart_identity.identify(caller, token, address, meter)
        except (Unauthenticated, QuotaExceeded) as problem:
            if (render := self.error_formats.get(scope["path"])) is None:
                raise
            return await sender.send(render(problem, scope))
        scope["context"] = context = CallContext(
            caller,
            self.database,
            scope["request_id"],
            meter=meter,
            dependencies=self.dependencies,
            address=address,
            hides_schema=not (self.settings.introspection_enabled or caller.is_authenticated),
        )
        table = self.fast_path.get(scope["method"])
        match = table.find(scope["path"]) if table is not None else None
        if match is None:
            # Litestar keeps the last 1,024 paths that it routed.
            if len(scope["path"]) > MAX_PATH_LENGTH:
                raise NotFound("No operation has a path of this length.")
            return await self.app(scope, receive, sender)
        route, path_params, scope["path_template"] = match
        response = await route.respond(scope, receive, path_params)
        await sender.send(response)
        if context.cache.entry is not None and self.response_cache is not None:
            self.response_cache.store(scope, sender, context, response)

    def _check(self, scope: Scope, sender: ResponseSender) -> Response | None:
        """Do what does not depend on the caller. A returned Response ends the request."""
        headers, settings = scope["request_headers"], self.settings
        if settings.hsts and scope.get("scheme") == "https":
            sender.common_headers = [*sender.common_headers, HSTS]
        if self.cors is not None:
            sender.common_headers = [*sender.common_headers, *self.cors.response_headers(headers.get(b"origin"))]
        if not self.in_flight.try_add(sender) and not scope["path"].startswith("/health/"):
            raise Unavailable("Too many requests are being served at the moment.", retry_after=1)
        if (refused := refuse_framing(scope)) is not None:
            return refused
        if not self.allowed_hosts.allows_any:
            self.allowed_hosts.check(scope)
        if settings.https_redirect and (redirect := redirect_to_https(scope)) is not None:
            return redirect
        method = scope["method"]
        if method == "OPTIONS":
            if self.cors is not None and (preflight := self.cors.preflight(scope)) is not None:
                return preflight
            if scope["path"] == "*":
                return Response(204, headers=[(b"allow", METHODS)])
        elif method == "HEAD":
            scope["method"] = "GET"
        path = scope["path"]
        scope["version"], scope["prefix"], route_path = resolve_version(path, headers.get(b"x-api-version"))
        if route_path is not path:
            self._strip_prefix(scope, route_path)
        return self.allowed_methods.options_response(scope["path"]) if method == "OPTIONS" else None

    def _strip_prefix(self, scope: Scope, route_path: str) -> None:
        """Replace the path by the path without the version prefix."""
        scope["path"] = route_path
        if raw_path := scope.get("raw_path"):
            scope["raw_path"] = raw_path[len(scope["prefix"]) :] or b"/"

    async def _send_timeout(self, scope: Scope, receive: Receive, sender: ResponseSender) -> None:
        """Send 503 for a request that was cancelled because it took too long."""
        if sender.task is not None:
            sender.task.uncancel()
        timeout = Unavailable(f"The request took longer than {self.settings.request_timeout:g} s.", retry_after=5)
        await problem_response(timeout, scope)(scope, receive, sender)

    def _finish(self, scope: Scope, sender: ResponseSender) -> None:
        """Remove the request from those in flight, count it and log it."""
        self.in_flight.senders.pop(sender, None)
        seconds, status = perf_counter() - sender.started, sender.status or CLIENT_CLOSED_REQUEST
        template = scope.get("path_template")
        if self.metrics is not None:
            self.metrics.series_for(sender.method, template, status).observe(seconds)
        if self.access_log is not None:
            caller_id, size = (context := scope.get("context")) and context.caller.id, max(sender.size, 0)
            graphql = scope.get("graphql")
            self.access_log.add(
                AccessLogEntry(
                    now(),
                    scope["request_id"],
                    sender.method,
                    scope["original_path"],
                    status,
                    seconds * 1000,
                    size,
                    template,
                    caller_id,
                    graphql=graphql.log_entry() if graphql is not None else None,
                )
            )

    def stop(self) -> None:
        """Stop the timer and write the remaining access log entries."""
        self.in_flight.stop()


def _request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the client's X-Request-ID if it is valid (1 to 128 safe characters), else a new id."""
    request_id = headers.get(b"x-request-id")
    if request_id and len(request_id) <= 128 and not request_id.translate(None, REQUEST_ID_CHARACTERS):
        return request_id
    return str(uuid7()).encode()

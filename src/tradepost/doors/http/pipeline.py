"""The porch itself: one request from its id to its access line, in front of both doors (pure ASGI).

The order: request id, proxies, overload, allowed hosts, HTTPS, CORS preflight, version, caller, then a fast lane or Litestar. What either of
them raises before its answer has begun becomes a problem; every answer leaves through its Reply. Nothing here awaits but the caller's
identification and the answer itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any
from urllib.parse import quote

import msgspec
from uuid_utils import uuid7

from tradepost.kit.auth.caller import ANONYMOUS, CREDENTIAL_HEADERS, Caller
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.dependencies import NO_DEPENDENCIES, Dependencies
from tradepost.kit.problems import Unavailable
from tradepost.kit.rate_limit.meter import RateLimits, unlimited_meter
from tradepost.kit.writes.call_context import CallContext

from . import rate_limit_headers as budget
from .access_log import AccessLog, AccessLogEntry, now
from .allowed_hosts import AllowedHosts
from .allowed_methods import AllowedMethods, MethodsByPath
from .api_version import resolve_version
from .asgi import App, Headers, Receive, Scope, Send, request_headers
from .cors import METHODS, CorsPolicy
from .fast_path import FastRoutes, fast_path_tables
from .https_redirect import redirect_to_https
from .in_flight import InFlightRequests
from .metrics import Metrics
from .problem_responses import error_response, problem_response
from .request_body import DEFAULT_LIMIT, ClientDisconnected
from .response import Response
from .response_cache import CachedResponse, ResponseCache
from .response_sender import HSTS, SECURITY_HEADERS, ResponseSender
from .trusted_proxies import TrustedProxies

type Identify = Callable[[Headers], Caller | Awaitable[Caller]]
"""Who calls, by a request's headers; asked only where they hold a credential. Who is known already is said at once, as most
callers are: a coroutine would cost them half a microsecond."""

ID_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
CLIENT_CLOSED_REQUEST = 499
"""What the access line says where the caller left before its answer (no answer has this status)."""


class PipelineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the porch needs of the settings, by the settings' own names."""

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
        """The porch's part of the shop's settings; what they do not name keeps its default."""
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__ if hasattr(settings, name)})


class Pipeline:
    """Pure ASGI in front of both doors. One per app and event loop; `stop` writes what the access log still holds."""

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
        read_cache: ReadCache | None = None,
    ) -> None:
        """`next` is the app behind the porch. `lanes` are the fast lanes, `paths` all templates with their methods (they answer
        OPTIONS, and a literal path is never taken for a lane's parameter). Without a `log` no access line is written, without
        `metrics` nothing is counted, without `limits` nobody has a bucket. `means` go into every CallContext. On the paths in `apart` nobody is a
        caller, because their routes read `Authorization` themselves. What a lane answers from the `cache` is given again without asking it."""
        self.app, self.identify, self.database, self.settings, self.access_log, self.metrics = (
            app,
            identify,
            database,
            settings,
            access_log,
            metrics,
        )
        self.limits, self.dependencies, self.self_authenticating = limits, dependencies, self_authenticating
        self.allowed_methods = AllowedMethods(methods or {})
        self.fast_path = fast_path_tables(fast_routes or {}, self.allowed_methods.literal_paths)
        self.allowed_hosts, self.trusted_proxies = (
            AllowedHosts(settings.allowed_hosts),
            TrustedProxies(settings.trusted_proxies),
        )
        self.cors = CorsPolicy(settings.cors_origins) if settings.cors_origins else None
        self.in_flight = InFlightRequests(settings.requests_in_flight, settings.request_timeout, access_log)
        self.response_cache = ResponseCache(read_cache, metrics) if read_cache is not None else None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serves one request; lifespan and WebSocket go to the app as they are. No coroutine of its own, which every request would pay for."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        if self.trusted_proxies.networks:
            self.trusted_proxies.resolve(scope)
        if (
            self.response_cache is not None
            and self.in_flight.has_room
            and (told := self.response_cache.find(scope)) is not None
        ):
            return self.send_cached(told, scope, receive, send)
        return self.handle(scope, receive, send)

    async def send_cached(self, told: CachedResponse, scope: Scope, receive: Receive, send: Send) -> None:
        """Gives an answer once more: for the same price, with an id and a line of its own. Where it cannot be paid the whole way says so."""
        started, limits = perf_counter(), self.limits
        request_id, headers = id_of(scope["fields"]), told.headers
        if limits is not None:
            bucket, shared = budget.anonymous_bucket(limits, scope), limits.shared
            lefts = (
                await shared.take(told.points, bucket)
                if shared is not None
                else (limits.local.take(*bucket, told.points),)
            )
            if lefts is None or (left := lefts[0]) < 0:
                return await self.handle(scope, receive, send)
            headers = [*headers, *budget.settle_cached(limits, bucket, left, told.points, told.net)]
        self.in_flight.ensure_timer()
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": told.status,
                    "headers": [*headers, (b"x-request-id", request_id)],
                }
            )
            await send(told.body)
        finally:
            took = perf_counter() - started
            if told.series is not None:
                told.series.observe(took)
            if self.access_log is not None:
                self.access_log.add(
                    AccessLogEntry(
                        now(),
                        request_id.decode(),
                        "GET",
                        told.path,
                        told.status,
                        took * 1000,
                        told.size,
                        told.template,
                    )
                )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request the whole way."""
        reply = self.begin(scope, send)
        try:
            await self.serve(scope, receive, reply)
        except asyncio.CancelledError:
            if not reply.timed_out or reply.status:
                raise
            await self.give_up(scope, receive, reply)
        except ClientDisconnected:
            pass
        except Exception as fault:
            if reply.status:
                raise
            await error_response(fault, scope)(scope, receive, reply)
        finally:
            self.end(scope, reply)

    def begin(self, scope: Scope, send: Send) -> ResponseSender:
        """Names the request and makes its way out. No key is put into the scope without need: Granian's dict has room for seven more before it grows."""
        request_id = id_of(request_headers(scope))
        scope["request_id"] = request_id.decode()
        raw = scope.get("raw_path")
        scope["called"] = raw.decode() if raw and raw.isascii() else quote(scope["path"])
        if self.settings.body_limit != DEFAULT_LIMIT:
            scope["body_limit"] = self.settings.body_limit
        return ResponseSender(scope, send, request_id, SECURITY_HEADERS, self.in_flight.senders, self.limits)

    async def serve(self, scope: Scope, receive: Receive, reply: ResponseSender) -> None:
        """Checks the request at the door and hands it on."""
        answer = self.admit(scope, reply)
        if answer is not None:
            return await answer(scope, receive, reply)
        nameless = CREDENTIAL_HEADERS.isdisjoint(scope["fields"]) or scope["path"] in self.self_authenticating
        named = ANONYMOUS if nameless else self.identify(scope["headers"])
        caller = named if isinstance(named, Caller) else await named
        if self.limits is not None:
            reply.meter = budget.meter_for(self.limits, caller, scope)
        scope["context"] = context = CallContext(
            caller,
            self.database,
            scope["request_id"],
            meter=reply.meter or unlimited_meter(),
            dependencies=self.dependencies,
            address=client[0] if (client := scope.get("client")) else "",
            hides_schema=not (self.settings.introspection_enabled or caller.is_authenticated),
        )
        table = self.fast_path.get(scope["method"])
        found = table.find(scope["path"]) if table is not None else None
        if found is None:
            return await self.app(scope, receive, reply)
        lane, given, scope["path_template"] = found
        answer = await lane.respond(scope, receive, given)
        await reply.send(answer)
        if context.cache.entry is not None and self.response_cache is not None:
            self.response_cache.store(scope, reply, context, answer)

    def admit(self, scope: Scope, reply: ResponseSender) -> Response | None:
        """All that is decided before the caller is known; an Answer ends the request here."""
        asked, settings = scope["fields"], self.settings
        if settings.hsts and scope.get("scheme") == "https":
            reply.common_headers = [*reply.common_headers, HSTS]
        if self.cors is not None:
            reply.common_headers = [*reply.common_headers, *self.cors.response_headers(asked.get(b"origin"))]
        if not self.in_flight.try_add(reply) and not scope["path"].startswith("/health/"):
            raise Unavailable("Too many requests are being served at this moment.", retry_after=1)
        if not self.allowed_hosts.allows_any:
            self.allowed_hosts.check(scope)
        if settings.https_redirect and (moved := redirect_to_https(scope)) is not None:
            return moved
        method = scope["method"]
        if method == "OPTIONS":
            if self.cors is not None and (preflight := self.cors.preflight(scope)) is not None:
                return preflight
            if scope["path"] == "*":
                return Response(204, headers=[(b"allow", METHODS)])
        elif method == "HEAD":
            scope["method"] = "GET"
        path = scope["path"]
        scope["version"], scope["prefix"], routed = resolve_version(path, asked.get(b"x-api-version"))
        if routed is not path:
            self.reroute(scope, routed)
        return self.allowed_methods.options_response(scope["path"]) if method == "OPTIONS" else None

    def reroute(self, scope: Scope, routed: str) -> None:
        """Takes the version's prefix off the path."""
        scope["path"] = routed
        if raw := scope.get("raw_path"):
            scope["raw_path"] = raw[len(scope["prefix"]) :] or b"/"

    async def give_up(self, scope: Scope, receive: Receive, reply: ResponseSender) -> None:
        """Answers a request that took too long; its own work has been cancelled."""
        if reply.task is not None:
            reply.task.uncancel()
        late = Unavailable(f"The answer took longer than {self.settings.request_timeout:g} s.", retry_after=5)
        await problem_response(late, scope)(scope, receive, reply)

    def end(self, scope: Scope, reply: ResponseSender) -> None:
        """Takes the request off the list, counts it and keeps its access line."""
        self.in_flight.senders.pop(reply, None)
        took, status, template = (
            perf_counter() - reply.started,
            reply.status or CLIENT_CLOSED_REQUEST,
            scope.get("path_template"),
        )
        if self.metrics is not None:
            self.metrics.series_for(reply.method, template, status).observe(took)
        if self.access_log is not None:
            caller, size = (context := scope.get("context")) and context.caller.id, max(reply.size, 0)
            self.access_log.add(
                AccessLogEntry(
                    now(),
                    scope["request_id"],
                    reply.method,
                    scope["called"],
                    status,
                    took * 1000,
                    size,
                    template,
                    caller,
                )
            )

    def stop(self) -> None:
        """Stops the clock and writes what the access log still holds; called when the app shuts down."""
        self.in_flight.stop()


def id_of(asked: Mapping[bytes, bytes]) -> bytes:
    """The id of a request: the caller's own, where that is one, else a new one."""
    given = asked.get(b"x-request-id")
    return given if given and len(given) <= 128 and not given.translate(None, ID_LETTERS) else str(uuid7()).encode()

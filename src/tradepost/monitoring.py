"""What the shop tells its operators: its figures, whether it is ready, and every operation at both doors."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tradepost.doors.graphql import GraphQLDoor, RootField
from tradepost.doors.http.metrics import Metrics
from tradepost.doors.pages.health import Check, Degraded
from tradepost.doors.pages.metrics_and_parity import OperationParity
from tradepost.doors.rest.api import RestDoor
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.clock import now
from tradepost.kit.operations.registry import Registry
from tradepost.kit.rate_limit.meter import RateLimits
from tradepost.kit.worker.outbox_queue import is_behind
from tradepost.kit.writes.database import Database
from tradepost.migrations.head import is_at_head
from tradepost.worker import Worker

if TYPE_CHECKING:
    from redis.asyncio import Redis


def create_metrics(
    database: Database, limits: RateLimits, worker: Worker | None, graphql: GraphQLDoor, cache: ReadCache | None
) -> Metrics:
    """What `/metrics` tells besides requests. What the worker does is counted where it is done, so `tradepost worker` tells it in its log."""
    relay = worker.relay if worker is not None else None
    return Metrics(
        {
            "sql_statements_total": (
                "counter",
                "Statements that reads sent to the database.",
                lambda: database.reader.statement_count,
            ),
            "plans_compiled_total": (
                "counter",
                "Selections that were compiled to SQL.",
                lambda: database.reads.plans.misses,
            ),
            "graphql_handovers_total": (
                "counter",
                "GraphQL operations that graphql-core had to run, because no plan can.",
                lambda: graphql.executor.fallbacks,
            ),
            "points_charged_total": ("counter", "Points that requests have cost.", lambda: limits.charged_points),
            "requests_over_budget_total": (
                "counter",
                "Requests refused because a bucket was empty.",
                lambda: limits.refusals,
            ),
            "read_cache_hits_total": (
                "counter",
                "Public reads that were answered from the read cache.",
                lambda: cache.hits if cache else 0,
            ),
            "read_cache_misses_total": (
                "counter",
                "Public reads that the read cache did not have.",
                lambda: cache.misses if cache else 0,
            ),
            "read_cache_dropped_total": (
                "counter",
                "Answers that were dropped because of a write.",
                lambda: cache.dropped if cache else 0,
            ),
            "read_cache_bytes": ("gauge", "Bytes that the read cache holds.", lambda: cache.bytes if cache else 0),
            "events_delivered_total": (
                "counter",
                "Events that this process delivered.",
                lambda: relay.delivered if relay else 0,
            ),
            "event_faults_total": (
                "counter",
                "Attempts to deliver an event that failed.",
                lambda: relay.failed if relay else 0,
            ),
            "events_dead_total": ("counter", "Events that were given up.", lambda: relay.dead if relay else 0),
            "limits_shared": (
                "gauge",
                "1 where the buckets are shared by all processes, 0 where this one limits by itself.",
                lambda: float(limits.is_shared),
            ),
        }
    )


def readiness_checks(database: Database, redis: "Redis | None") -> dict[str, Check]:
    """What the shop stands on, by name."""
    checks: dict[str, Check] = {
        "database": lambda: _answers(database),
        "migrations": lambda: _is_current(database),
        "outbox": lambda: _is_relayed(database),
    }
    return checks | ({"redis": lambda: _shares(redis)} if redis is not None else {})


async def _is_relayed(database: Database) -> None:
    """Without a worker events and letters wait; the shop stays open."""
    if await is_behind(database, now()):
        raise Degraded("events wait for a worker")


async def _shares(redis: "Redis") -> None:
    """Without Redis each process limits by itself; the shop stays open."""
    from redis.exceptions import RedisError  # here: loaded only where there is a Redis

    try:
        await redis.ping()
    except (RedisError, OSError) as fault:
        raise Degraded(type(fault).__name__) from fault


def parity_report(registry: Registry, rest: RestDoor, fields: Iterable[RootField[..., Any]]) -> list[OperationParity]:
    """Every operation, and where it is at each door."""
    routes, names = rest.links[1].endpoints, {f.operation.name: f.name for f in fields}
    found: list[OperationParity] = []
    for name, operation in registry.operations.items():
        route = f"{routes[name].method} /v1{routes[name].path.replace('{0}', '{key}')}" if name in routes else None
        problems = tuple([p.code for p in operation.problems])
        only = f"{operation.exclusive_to}: {operation.reason}" if operation.exclusive_to else None
        found.append(OperationParity(name, route, names.get(name), operation.access.permission, problems, only))
    return found


async def _answers(database: Database) -> None:
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("SELECT 1")


async def _is_current(database: Database) -> None:
    if not await is_at_head(database.engine):
        raise RuntimeError("the database is not at the newest migration; run `tradepost migrate`")

"""Monitoring: metrics, readiness checks, and the report on which API has which operation."""

from collections.abc import Callable, Iterable
from typing import Any

from tradepost.doors.graphql import RootField
from tradepost.doors.http.metrics import Collectors, Metrics
from tradepost.doors.pages.health import Check, Degraded
from tradepost.doors.pages.metrics_and_parity import OperationParity
from tradepost.doors.rest.api import RestDoor
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.cache_registry import cache_figures
from tradepost.kit.clock import now
from tradepost.kit.operations.registry import Registry
from tradepost.kit.rate_limit.buckets import SharedBuckets
from tradepost.kit.rate_limit.meter import RateLimits
from tradepost.kit.worker.outbox_queue import is_behind
from tradepost.kit.worker.outbox_relay import OutboxRelay
from tradepost.kit.writes.database import Database
from tradepost.migrations.head import is_at_head
from tradepost.worker import Worker


def create_metrics(database: Database, limits: RateLimits, worker: Worker | None, cache: ReadCache | None) -> Metrics:
    """Return the metrics.

    They cover this process only: a separate `tradepost worker` logs its counts when it stops.
    """
    return Metrics(
        {
            **_read_metrics(database),
            **_limit_metrics(limits),
            **_read_cache_metrics(cache),
            **_event_metrics(worker),
            **_cache_metrics(),
            "limits_shared": (
                "gauge",
                "1 if all processes share their rate limits through Redis, 0 if this process has its own.",
                lambda: float(limits.is_shared),
            ),
        }
    )


def _read_metrics(database: Database) -> Collectors:
    statements = "SQL statements sent to the database by reads."
    return {
        "sql_statements_total": ("counter", statements, lambda: database.reader.statement_count),
        "plans_compiled_total": ("counter", "Selections compiled to SQL.", lambda: database.reads.plans.misses),
    }


def _limit_metrics(limits: RateLimits) -> Collectors:
    refused = "Requests refused with 429 because a bucket was empty."
    return {
        "points_charged_total": ("counter", "Points charged for requests.", lambda: limits.charged_points),
        "requests_over_budget_total": ("counter", refused, lambda: limits.refusals),
    }


def _figure(owner: ReadCache | OutboxRelay | None, name: str) -> Callable[[], float]:
    """Return a function that reads a figure of an object; 0 if there is none."""
    return lambda: getattr(owner, name) if owner is not None else 0


def _read_cache_metrics(cache: ReadCache | None) -> Collectors:
    return {
        "read_cache_hits_total": ("counter", "Public reads served from the read cache.", _figure(cache, "hits")),
        "read_cache_misses_total": ("counter", "Public reads not found in the read cache.", _figure(cache, "misses")),
        "read_cache_dropped_total": (
            "counter",
            "Read cache entries dropped by writes.",
            _figure(cache, "dropped"),
        ),
        "read_cache_bytes": ("gauge", "Size of the read cache in bytes.", _figure(cache, "bytes")),
    }


def _event_metrics(worker: Worker | None) -> Collectors:
    relay = worker.relay if worker is not None else None
    return {
        "events_delivered_total": ("counter", "Events delivered by this process.", _figure(relay, "delivered")),
        "event_faults_total": ("counter", "Failed attempts to deliver an event.", _figure(relay, "failed")),
        "events_dead_total": ("counter", "Events not delivered after the last retry.", _figure(relay, "dead")),
    }


def _cache_metrics() -> Collectors:
    evictions = "Entries evicted because a cache was full."
    return {
        "cache_budget_bytes": ("gauge", "The most bytes that a cache may take.", cache_metric("budget_bytes")),
        "cache_bytes": ("gauge", "Approximate size of a cache in bytes.", cache_metric("bytes")),
        "cache_entries": ("gauge", "Entries in a cache.", cache_metric("entries")),
        "cache_hits_total": ("counter", "Lookups that found an entry in a cache.", cache_metric("hits")),
        "cache_misses_total": ("counter", "Values that a cache did not have.", cache_metric("misses")),
        "cache_evictions_total": ("counter", evictions, cache_metric("evictions")),
    }


def cache_metric(name: str) -> Callable[[], dict[str, float]]:
    """Return the collector of one figure of all caches, by label."""
    return lambda: {f'cache="{cache}"': getattr(figures, name) for cache, figures in cache_figures().items()}


def readiness_checks(database: Database, shared: SharedBuckets | None) -> dict[str, Check]:
    """Return the checks of `/health/ready` by name."""
    checks: dict[str, Check] = {
        "database": lambda: _check_database(database),
        "migrations": lambda: _check_migrations(database),
        "outbox": lambda: _check_outbox(database),
    }
    return checks | ({"redis": lambda: _check_redis(shared)} if shared is not None else {})


async def _check_database(database: Database) -> None:
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("SELECT 1")


async def _check_migrations(database: Database) -> None:
    if not await is_at_head(database.engine):
        raise RuntimeError("the database is not at the latest migration; run `tradepost migrate`")


async def _check_outbox(database: Database) -> None:
    """Raise Degraded if no worker runs: events and e-mails then wait, but requests are served."""
    if await is_behind(database, now()):
        raise Degraded("events are waiting for a worker")


async def _check_redis(shared: SharedBuckets) -> None:
    """Raise Degraded if Redis is unavailable: each process then applies its own rate limits."""
    if await shared.take(0, ("check", 1)) is None:
        raise Degraded("unavailable")


def parity_report(registry: Registry, rest: RestDoor, fields: Iterable[RootField[..., Any]]) -> list[OperationParity]:
    """Return every operation with its REST route and its GraphQL field."""
    endpoints, field_names = rest.links[1].endpoints, {field.operation.name: field.name for field in fields}
    report: list[OperationParity] = []
    for name, operation in registry.operations.items():
        endpoint = endpoints.get(name)
        route = f"{endpoint.method} /v1{endpoint.template}" if endpoint is not None else None
        problems = tuple([problem.code for problem in operation.problems])
        only = f"{operation.exclusive_to}: {operation.reason}" if operation.exclusive_to else None
        report.append(OperationParity(name, route, field_names.get(name), operation.access.permission, problems, only))
    return report

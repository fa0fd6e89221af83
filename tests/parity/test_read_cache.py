"""The read cache at both doors: an app with the cache answers as an app without one."""

import asyncio

import pytest

from tests.parity.cacheable_reads import Get, has_key, node_reads, public_operations, public_reads, read_by_both_doors
from tests.parity.cases import READS
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.sample_rows import SampleRows
from tradepost.app import TradepostApp
from tradepost.kit.cache.read_cache import ReadCache


@pytest.fixture(params=["anonymous", "customer"])
def reader(harness: DualDoorApp, request: pytest.FixtureRequest) -> ApiClient:
    """Each kind of caller that may not write what is cached."""
    return harness.callers[request.param]


async def test_a_hit_equals_a_miss_to_the_byte_for_every_public_read(
    harness: DualDoorApp, sample_rows: SampleRows, uncached: TradepostApp, reader: ApiClient, cache: ReadCache
) -> None:
    reads = public_reads(harness, sample_rows) | {"node": await node_reads(harness)}
    assert reads.keys() == {*public_operations(harness), "node"}
    for operation, gets in reads.items():
        for get in gets:
            cache.clear()
            misses, hits = cache.misses, cache.hits
            first = await get.answer(harness.app, reader)
            second = await get.answer(harness.app, reader)
            assert first == second == await get.answer(uncached, reader), (operation, get)
            if first[0] != 200 or b'{"r":null}' in first[1]:
                assert (cache.hits - hits, cache.entries) == (0, {}), "a missing row is not cached"
                continue
            for _ in range(20):
                # On SQLite a write of the other app, which stores when a key was used, empties the
                # cache; on a busy machine the connection to Redis may be lost for a moment.
                if (cache.misses - misses, cache.hits - hits) == (1, 1):
                    break
                await asyncio.sleep(0.1 if cache.suspended else 0)
                misses, hits = cache.misses, cache.hits
                cache.clear()
                assert await get.answer(harness.app, reader) == await get.answer(harness.app, reader) == first
            else:
                raise AssertionError((operation, get))
            conditional = Get(get.path, get.params, (*get.headers, ("if-none-match", first[2]["etag"])))
            assert (await conditional.answer(harness.app, reader))[:2] == (304, b"")


async def test_a_hit_costs_as_much_as_a_miss(
    harness: DualDoorApp, sample_rows: SampleRows, reader: ApiClient, cache: ReadCache
) -> None:
    for gets in (*public_reads(harness, sample_rows).values(), await node_reads(harness)):
        for get in gets:
            await get.answer(harness.app, reader)  # compiling is charged once
            cache.clear()
            assert await get.cost(harness.app, reader) == await get.cost(harness.app, reader), get


async def test_kinds_of_callers_do_not_share_entries(
    harness: DualDoorApp, sample_rows: SampleRows, uncached: TradepostApp, cache: ReadCache
) -> None:
    callers = list(harness.callers.values())
    for gets in (*public_reads(harness, sample_rows, full=False).values(), await node_reads(harness)):
        for get in gets:
            for caller in (*callers, *reversed(callers)):
                assert await get.answer(harness.app, caller) == await get.answer(uncached, caller), (caller.name, get)


async def test_a_caller_that_may_write_the_catalogue_reads_it_from_the_database(
    harness: DualDoorApp, sample_rows: SampleRows, cache: ReadCache
) -> None:
    assert cache.write_permissions == {"catalog:write", "pricing:write", "stock:write"}
    reads = [*public_reads(harness, sample_rows, full=False).values(), await node_reads(harness)]
    before = cache.hits, cache.misses
    for get in [get for gets in reads for get in gets]:
        await get.answer(harness.app, harness.staff)
    assert (cache.hits, cache.misses) == before, "the cache is not even looked up"


async def test_only_public_reads_are_cached(harness: DualDoorApp, sample_rows: SampleRows, cache: ReadCache) -> None:
    keys = {name: keys[0] for name, keys in sample_rows.keys.items()} | {"User": harness.customer.user.id}
    before = cache.hits, cache.misses
    private = [n for n in READS if not harness.operation(n).public and harness.operation(n).kind != "query"]
    for operation in private:
        key = keys[harness.operation(operation).path_resource.name] if has_key(operation) else ""
        for fields in READS[operation].statements:
            rest, graphql = read_by_both_doors(harness, operation, key, fields)
            for caller in harness.callers.values():
                for _ in range(2):
                    await rest.answer(harness.app, caller)
                    await graphql.answer(harness.app, caller)
    for resource in ("User", "AuditEntry"):
        for caller in harness.callers.values():
            await caller.post(f'{{ node(id: "{keys[resource]}") {{ id }} }}')
            await caller.post(f'{{ nodes(ids: ["{keys[resource]}", "{keys["Product"]}"]) {{ id }} }}')
    assert (cache.hits, cache.misses) == before, "the cache is not even looked up"
    assert (cache.entries, cache.bytes) == ({}, 0)


async def test_200_concurrent_requests_for_one_row_take_one_statement(
    harness: DualDoorApp, sample_rows: SampleRows
) -> None:
    key = (await harness.anonymous.rest("GET", "/products", params={"limit": "1"})).json()["data"][0]["id"]
    for path, params in (
        (f"/v1/products/{key}", {"fields": "id,name"}),
        ("/graphql", {"query": "{ products { nodes { id } } }"}),
    ):
        requests = [harness.anonymous.client.get(path, params=params) for _ in range(200)]
        answers, statements = await harness.record(asyncio.gather(*requests))
        assert len(statements) == 1
        assert {(a.status_code, a.content) for a in answers} == {(200, answers[0].content)}


async def test_an_app_without_a_read_cache_reads_each_time(harness: DualDoorApp, uncached: TradepostApp) -> None:
    assert uncached.state.cache is None
    assert uncached.state.database.invalidation is None
    get, count = Get("/v1/products"), uncached.state.database.reader.statement_count
    for _ in range(3):
        await get.answer(uncached, harness.anonymous)
    assert uncached.state.database.reader.statement_count == count + 3

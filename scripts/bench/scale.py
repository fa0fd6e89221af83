"""`just bench --scale`: a keyset walk through a million products, memory over half a million requests, two workers. Writes SCALE.md."""

import http.client
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from . import machine, quiet, work
from .asking import request
from .contestants import TRADEPOST, Contestant
from .database import Cluster, cluster, tradepost
from .load import Generator
from .measure import Entrant, Figures, compare
from .processes import Server, tree_cpu
from .rounds import say

PRODUCTS, PAGE, PAGES = 1_000_000, 100, 10_000
# Ids as the shop makes them: 48 bits of time, the version, the variant, chance, and the number of the kind.
ID = "(lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 13) || '{0}')::uuid"
CATEGORY = f"""INSERT INTO category (id, created_at, updated_at, version, slug, name, description, position, path)
SELECT {ID.format("01")}, t, t, 1, 'everything', 'Everything', '', 0, '' FROM (SELECT timestamptz '2023-12-31' AS t, md5('c') AS h)"""
MANY = f"""INSERT INTO product (id, created_at, updated_at, version, slug, name, description, status, attributes, tags, price_from_amount, price_from_currency,
    rating_count, rating_sum, category_id)
SELECT {ID.format("02")}, t, t, 1, 'thing-' || n, 'Thing ' || n, 'It is one of a million, and stands here to be counted and walked past.', 'active',
    '{{"material":"oak","height_cm":80}}', '["oak","new"]', 1000 + n % 9000, 'EUR', 0, 0, (SELECT id FROM category)
FROM (SELECT n, timestamptz '2024-01-01' + n * interval '1 minute' AS t, md5(n::text) AS h FROM generate_series(1, {PRODUCTS}) AS n)"""
VARIED = f"""INSERT INTO variant (id, created_at, updated_at, version, product_id, position, sku, name, options, options_key, price_amount, price_currency,
    attributes, tax_class, track_inventory, allow_backorder)
SELECT {ID.format("03")}, t, t, 1, product, i, slug || '-' || i, 'Size ' || i, json_build_object('size', i::text), i::text, 1000, 'EUR',
    '{{}}', 'standard', true, false
FROM (SELECT p.id AS product, p.slug, i, p.created_at AS t, md5(p.slug || i) AS h
      FROM (SELECT * FROM product ORDER BY created_at DESC LIMIT 1000) p, generate_series(0, 2) AS i)"""
FIRST = f"/v1/products?limit={PAGE}&fields=id,slug,name,price_from"


def measure_scale(into: Path, requests: int) -> None:
    """Makes the million, measures, writes."""
    with cluster() as server, Generator() as generator:
        say(f"making {PRODUCTS:,} products")
        server.run("CREATE DATABASE shop")
        tradepost(server.url("shop"), server.folder, "migrate")
        server.run(CATEGORY, MANY, VARIED, "VACUUM (ANALYZE)", database="shop")
        ids = [str(row[0]) for row in server.rows("SELECT id FROM product TABLESAMPLE SYSTEM (1) LIMIT 2000")]
        watch = quiet.Watch(server.processes())
        parts = [
            _walked(server, generator),
            _remembered(server, generator, ids, requests),
            _doubled(server, generator, ids),
        ]
        said = quiet.said(*watch.others(), watch.load)
    head = (
        f"# Scale\n\nWritten by `just bench --scale`, {time.strftime('%Y-%m-%d')}.\n\n{machine.described()}\n- {said}\n"
    )
    into.mkdir(parents=True, exist_ok=True)
    (into / "SCALE.md").write_text("\n".join([head, *parts]))
    print("\n".join([head, *parts]))


@contextmanager
def _running(server: Cluster, workers: int = 1) -> Iterator[Server]:
    shop = Contestant(
        **vars(TRADEPOST) | {"name": f"tradepost-{workers}", "said": TRADEPOST.said | {"WORKERS": str(workers)}}
    )
    found = shop.start(server.url("shop"), server.folder)
    try:
        yield found
    finally:
        found.stop()


def _walked(server: Cluster, generator: Generator) -> str:
    """The last page of a walk beside the first one."""
    with _running(server) as shop:
        say("walking")
        at, seen, path = _walk(shop)
        entrants = [
            _asking(title, shop, [request("GET", p)]) for title, p in (("page 1", FIRST), (f"page {at:,}", path))
        ]
        found = compare(generator, entrants, server.processes(), range(7), 1.0, 64)
    first, last = found.values()
    ratio = median(b / a for a, b in zip(_whole(first), _whole(last), strict=True))
    cells = [
        (title, f"{median(f.cpu):,.0f}", f"{median(f.database):,.0f}", f"{median(f.p50):.1f} / {median(f.p99):.1f}")
        for title, f in found.items()
    ]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return (
        f"## A keyset walk over {seen:,} products in {at:,} pages of {PAGE}\n\nThe last page costs {last.to(first):.2f} times the first in the server's CPU"
        f" time and {ratio:.2f} times in that of server and database together (aim: at most 1.5): {_kept(ratio <= 1.5)}.\n\n"
        "|  | CPU, us | database, us | p50 / p99, ms |\n|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def _walk(shop: Server) -> tuple[int, int, str]:
    """From the first page to the last by the links: how many pages, how many products, and where the last page is."""
    connection, path, seen = http.client.HTTPConnection("127.0.0.1", shop.port), FIRST, 0
    for at in itertools.count(1):
        connection.request("GET", path)
        page = json.loads(connection.getresponse().read())
        seen += len(page["data"])
        if not page["has_more"]:
            return at, seen, path
        path = page["links"]["next"]
    raise AssertionError


def _remembered(server: Cluster, generator: Generator, ids: Sequence[str], requests: int) -> str:
    """The memory of a worker while it answers the mixed load through both doors."""
    both = [
        pair
        for pairs in zip(work.mixed(work.tradepost_rest, ids), work.mixed(work.tradepost_graphql, ids), strict=True)
        for pair in pairs
    ]
    step, sizes = requests // 10, []
    with _running(server) as shop:
        for done in range(step, requests + 1, step):
            run = generator.drive(shop.port, both, step)
            sizes.append((done, shop.memory()[0]))
            say(f"{done:,} requests: {sizes[-1][1]:.1f} MB ({run.failed} failed)")
    grown = sizes[-1][1] - sizes[0][1]
    lines = [f"| {done:,} | {size:.1f} |" for done, size in sizes]
    return (
        "## The memory of a worker under the mixed load, REST and GraphQL in turn\n\n"
        f"From request {sizes[0][0]:,} to {sizes[-1][0]:,} it changed by {grown:+.1f} MB ({grown / sizes[0][1]:+.1%}).\n\n| requests | MB |\n|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


def _doubled(server: Cluster, generator: Generator, ids: Sequence[str]) -> str:
    """One worker and two, in turn, on a route that is bound by CPU, and who has the cores with each."""
    lines = []
    with _running(server) as one, _running(server, 2) as two:
        for kind in ("one", "list20"):
            requests = work.tradepost_rest(kind, ids)
            found = compare(
                generator,
                [_asking("one", one, requests), _asking("two", two, requests)],
                server.processes(),
                range(5),
                1.0,
                64,
            )
            faster = median(b / a for a, b in zip(found["one"].rate, found["two"].rate, strict=True))
            lines.append(f"| {work.KINDS[kind]} | {found['two'].to(found['one']):.2f} | {faster:.2f} | | | | |")
            for workers, shop in (("one", one), ("two", two)):
                shares = _shares(server, generator, shop, requests, int(2 * median(found[workers].rate)))
                lines.append(
                    f"| ... who has the cores with {workers} | | | "
                    + " | ".join([f"{share:.0%}" for share in shares])
                    + " |"
                )
    return (
        f"## Two workers beside one, on {machine.cores()} cores\n\nThe load generator has the last core as far as it needs it, and the database runs here too:"
        " where the cores are full, requests/s cannot double (aims: CPU at most 1.15, requests/s 1.7 where there is room).\n\n"
        "| work | CPU per request, x | requests/s, x | cores busy | shop | PostgreSQL | generator |\n|---|---|---|---|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


def _shares(server: Cluster, generator: Generator, shop: Server, requests: Sequence[bytes], count: int) -> list[float]:
    """Which share of all cores was busy while so many requests were answered, and what the shop, the database and the load generator had of that."""
    assert generator.process.pid is not None
    database, load = server.processes(), psutil.Process(generator.process.pid)

    def used() -> list[float]:
        return [
            time.perf_counter() * machine.cores(),
            machine.busy()[0],
            shop.cpu(),
            tree_cpu(database),
            tree_cpu(load),
        ]

    before = used()
    generator.drive(shop.port, requests, count)
    whole, *shares = [b - a for a, b in zip(before, used(), strict=True)]
    return [share / whole for share in shares]


def _asking(title: str, server: Server, requests: Sequence[bytes]) -> Entrant:
    return Entrant(title, server, lambda _: requests)


def _whole(figures: Figures) -> list[float]:
    return [a + b for a, b in zip(figures.cpu, figures.database, strict=True)]


def _kept(met: bool) -> str:
    return "met" if met else "**not met**"

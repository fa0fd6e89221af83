"""Measures Tradepost beside its peers and its limits and writes RESULTS.md and results.svg beside this file. It asserts nothing.

just bench [--quick] [--products N] [--starts N] [--rounds N] [--seconds S] [--only KIND ...] [--scale [--requests N]] [--into FOLDER]
"""

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from . import chart, machine, quiet, work
from .database import cluster, stock
from .install import HERE, INTO, compile_own
from .load import Generator
from .report import Report
from .rounds import Bench, Plan, say

UNFINISHED = INTO / "unfinished"  # what a run has so far


def main() -> None:
    """Reads what is wanted, measures, writes."""
    given = _given()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # as Ctrl-C does: servers are stopped and folders removed on the way out
    if given.scale:
        from .scale import measure_scale

        measure_scale(given.into, given.requests)
        return
    plan = Plan(
        products=given.products or (10_000 if given.quick else 100_000),
        starts=given.starts or (1 if given.quick else 3),
        rounds=given.rounds or (3 if given.quick else 4),
        seconds=given.seconds or (0.1 if given.quick else 0.5),
        least=16 if given.quick else 64,
        kinds=given.only or list(work.KINDS),
        warm=0.2 if given.quick else 1.0,
        pipeline=("--rounds", "3", "--requests", "300") if given.quick else (),
    )
    report = measured(plan, whole=not given.only)
    write(report, given.into)
    print(report.text())


def write(report: Report, into: Path) -> None:
    """The page and its chart."""
    into.mkdir(parents=True, exist_ok=True)
    (into / "RESULTS.md").write_text(report.text())
    (into / "results.svg").write_text(chart.drawn(report.results))


def measured(plan: Plan, *, whole: bool) -> Report:
    """All stages; `whole` is false where only some kinds of reading are wanted."""
    began = time.perf_counter()
    how = (
        f"{plan.products:,} products on PostgreSQL 18 (Unix socket, fsync on), 32 connections with keep-alive, one worker each,"
        f" {plan.starts} start{'s' * (plan.starts > 1)} of each, {plan.rounds} interleaved rounds of about {plan.seconds:g} s a turn with each start,"
        f" {time.strftime('%Y-%m-%d')}"
    )
    report = Report(machine=machine.described(), how=how, quiet="")
    compile_own()
    with cluster() as server, Generator() as generator:
        server.run("CREATE DATABASE shop")
        say("making the shop")
        key = stock(server.url("shop"), plan.products, server.folder)
        watch = quiet.Watch(server.processes())

        def keep() -> None:
            """What there is so far, for whoever interrupts a long run."""
            report.quiet = quiet.said(*watch.others(), watch.load)
            write(report, UNFINISHED)

        bench = Bench(plan, server, generator, report, key, keep)
        bench.reads(server.folder)
        if whole:
            bench.writes(server.folder)
            bench.sqlite(server.folder)
            bench.pipeline()
        keep()
    shutil.rmtree(UNFINISHED)
    report.how += f", {(time.perf_counter() - began) / 60:.0f} minutes in all"
    return report


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="just bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="10,000 products, one start, 3 short rounds, a fifth of the warm-up: ends within 3 minutes once the peers are installed.",
    )
    parser.add_argument("--products", type=int, help="How many products the shop has [100000].")
    parser.add_argument("--starts", type=int, help="How often the servers are started [3].")
    parser.add_argument("--rounds", type=int, help="How often each has its turn with each start [4].")
    parser.add_argument("--seconds", type=float, help="How long a turn is, about [0.5].")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(work.KINDS),
        metavar="KIND",
        help=f"Only these kinds of reading: {', '.join(work.KINDS)}.",
    )
    parser.add_argument(
        "--scale",
        action="store_true",
        help="A million products, half a million requests, two workers; writes SCALE.md.",
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=500_000,
        help="With --scale: how many requests the memory is watched for [500000].",
    )
    parser.add_argument("--into", type=Path, default=HERE, help="Where the results are written.")
    return parser.parse_args()


if __name__ == "__main__":
    main()

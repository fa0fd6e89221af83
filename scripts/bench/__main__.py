"""Measure Tradepost, its peers and the limit; write RESULTS.md and results.svg."""

import argparse
import dataclasses
import signal
import sys
import time
from pathlib import Path

from . import chart, work
from .database import create_shop, postgresql
from .install import HERE
from .report import Report
from .stages import FULL, QUICK, Bench


def main() -> None:
    parser = argparse.ArgumentParser(prog="just bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 products, one start, 3 short rounds.")
    parser.add_argument("--products", type=int, help="Products in the shop [100000].")
    parser.add_argument("--starts", type=int, help="How often each server is started [3].")
    parser.add_argument("--rounds", type=int, help="Rounds with each start [4].")
    parser.add_argument("--seconds", type=float, help="Approximate length of a turn [0.5].")
    parser.add_argument("--kinds", nargs="+", choices=[*work.KINDS], help="Measure only these reads.")
    parser.add_argument("--into", type=Path, default=HERE, help="Folder for the results.")
    arguments = parser.parse_args()
    overrides = {name: value for name, value in vars(arguments).items() if name in vars(FULL) and value}
    plan = dataclasses.replace(QUICK if arguments.quick else FULL, **overrides)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # like Ctrl-C: stop servers, remove folders
    start, report = time.perf_counter(), Report()
    with postgresql() as cluster:
        cluster.execute("CREATE DATABASE shop")
        key = create_shop(cluster.url("shop"), plan.products, cluster.folder)
        Bench(plan, cluster, report, key).run()
    minutes = (time.perf_counter() - start) / 60
    report.environment += [plan.description(), f"{time.strftime('%Y-%m-%d')}, {minutes:.0f} minutes"]
    arguments.into.mkdir(parents=True, exist_ok=True)
    (arguments.into / "RESULTS.md").write_text(report.text())
    (arguments.into / "results.svg").write_text(chart.draw(report.results))
    print(report.text())


if __name__ == "__main__":
    main()

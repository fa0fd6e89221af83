"""Prometheus metrics of this process (text exposition format 0.0.4).

A request costs one dict lookup and one binary search. Every process counts for itself and has its
own value of the label `worker`: sum over it.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import accumulate

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram buckets, in seconds."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

type Value = float | Mapping[str, float]
"""The value of a metric; a mapping has one value per label, which its key is: `cache="plans"`."""
type Collectors = Mapping[str, tuple[str, str, Callable[[], Value]]]
"""Further metrics by name: their type, their help text, and a function that returns the value."""


class Series:
    """A histogram of request durations for one method, route and status.

    The last bucket counts the requests above all bounds.
    """

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets, self.seconds = [0] * (len(BOUNDS) + 1), 0.0

    def observe(self, seconds: float) -> None:
        """Count a finished request."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class Metrics:
    """Counts requests by method, route template and status.

    Clients cannot create series: the values of all three labels are a small fixed set.
    """

    def __init__(self, collectors: Collectors | None = None) -> None:
        self.collectors = dict(collectors or {})
        self.series: dict[tuple[str, str, int], Series] = {}

    def series_for(self, method: str, template: str | None, status: int) -> Series:
        """Return the series of such requests.

        Requests that match no route have an empty route label.
        """
        key = (method if method in METHODS else "other", template or "", status)
        series = self.series.get(key)
        if series is None:
            series = self.series[key] = Series()
        return series

    def render(self) -> bytes:
        """Return all metrics as text."""
        worker = f'worker="{os.getpid()}"'
        lines = [
            "# HELP tradepost_request_seconds Duration of requests by method, route and status.",
            "# TYPE tradepost_request_seconds histogram",
        ]
        for (method, template, status), series in sorted(self.series.items()):
            labels = f'method="{method}",route="{_escaped(template)}",status="{status}",{worker}'
            counts = list(accumulate(series.buckets))
            lines += [
                f'tradepost_request_seconds_bucket{{{labels},le="{bound}"}} {n}'
                for bound, n in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True)
            ]
            lines += [
                f"tradepost_request_seconds_sum{{{labels}}} {series.seconds:.6f}",
                f"tradepost_request_seconds_count{{{labels}}} {counts[-1]}",
            ]
        for name, (metric_type, help_text, read) in self.collectors.items():
            value = read()
            samples = (
                {f"{label},{worker}": n for label, n in value.items()}
                if isinstance(value, Mapping)
                else {worker: value}
            )
            lines += [f"# HELP tradepost_{name} {help_text}", f"# TYPE tradepost_{name} {metric_type}"]
            lines += [f"tradepost_{name}{{{labels}}} {n:g}" for labels, n in samples.items()]
        return ("\n".join(lines) + "\n").encode()


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

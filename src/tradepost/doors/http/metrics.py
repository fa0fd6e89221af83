"""Counters of this worker, in the text form that Prometheus reads (exposition format 0.0.4).

A request costs one look-up and one search among the bounds. Every worker counts for itself and says which it is: sum over `worker`.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import accumulate

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration's buckets, in seconds."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

type Figure = float | Mapping[str, float]
type Gauges = Mapping[str, tuple[str, str, Callable[[], Figure]]]
"""Further figures by name: their type, what they say, and how they are read; a mapping has one for each `reason`."""


class Series:
    """The requests of one method, route and status: how many took how long (the last bucket is those over all bounds)."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets, self.seconds = [0] * (len(BOUNDS) + 1), 0.0

    def observe(self, seconds: float) -> None:
        """One more has ended."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class Metrics:
    """Counts requests by method, route template and status. All three are few, whatever is asked for."""

    def __init__(self, gauges: Gauges | None = None) -> None:
        self.gauges = dict(gauges or {})
        self.series: dict[tuple[str, str, int], Series] = {}

    def series_for(self, method: str, template: str | None, status: int) -> Series:
        """Where such requests are counted. Without a template (no route has the path) that is under an empty one."""
        key = (method if method in METHODS else "other", template or "", status)
        found = self.series.get(key)
        if found is None:
            found = self.series[key] = Series()
        return found

    def render(self) -> bytes:
        """All figures."""
        worker = f'worker="{os.getpid()}"'
        lines = [
            "# HELP tradepost_request_seconds How long requests took, by route and status.",
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
        for name, (kind, said, read) in self.gauges.items():
            figure = read()
            found = (
                {f'reason="{reason}",{worker}': n for reason, n in figure.items()}
                if isinstance(figure, Mapping)
                else {worker: figure}
            )
            lines += [f"# HELP tradepost_{name} {said}", f"# TYPE tradepost_{name} {kind}"]
            lines += [f"tradepost_{name}{{{labels}}} {n:g}" for labels, n in found.items()]
        return ("\n".join(lines) + "\n").encode()


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

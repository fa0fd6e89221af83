"""The aims: ratios of the server's CPU time per request that Tradepost has to reach."""

from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from .measure import Turns, ratios

type Results = Mapping[str, Mapping[str, Turns]]
REST, GRAPHQL, LIMIT = "Tradepost REST", "Tradepost GraphQL", "limit: bare ASGI + prepared asyncpg + msgspec"
CACHED_304, CACHED_200 = "Tradepost, read cache on: 304", "Tradepost, read cache on: 200"
UNCACHED_304 = "Tradepost, read cache off: 304"
FIRST_PAGE, LAST_PAGE = "Tradepost REST, first page", "Tradepost REST, last page"
FASTAPI, SQLITE, FASTIFY = "FastAPI + Pydantic + SQLAlchemy", "FastAPI + SQLAlchemy + aiosqlite", "Fastify + pg (Node)"
STRAWBERRY, MERCURIUS, POSTGRAPHILE = "FastAPI + Strawberry", "Mercurius, JIT (Node)", "PostGraphile (Node)"


class Aim(NamedTuple):
    """`title` against `other`: a ratio up to `must`; with `less`, the inverse, from `must` upwards.

    An aim without marks is for comparison.
    """

    kind: str
    title: str
    other: str
    must: float | None = None
    goal: float | None = None
    less: bool = False


AIMS = (
    Aim("one", REST, LIMIT, 2.0, 1.25),
    Aim("list20", REST, LIMIT, 1.5, 1.15),
    Aim("list100", REST, LIMIT, 1.3, 1.1),
    Aim("one", REST, FASTAPI, 6, 10, less=True),
    Aim("list20", REST, FASTAPI, 6, 8, less=True),
    Aim("list100", REST, FASTAPI, 6, 7.5, less=True),
    Aim("list100", REST, FASTIFY, 1.5, 2, less=True),
    Aim("one:8", GRAPHQL, REST, 1.5, 1.4),
    Aim("list20:8", GRAPHQL, REST, 1.3, 1.25),
    Aim("list100:8", GRAPHQL, REST, 1.2, 1.15),
    Aim("variants:8", GRAPHQL, REST, 1.2, 1.15),
    Aim("list100:8", GRAPHQL, STRAWBERRY, 40, 50, less=True),
    Aim("list100:8", LIMIT, STRAWBERRY, less=True),
    Aim("list100:8", GRAPHQL, MERCURIUS, 2.5, 4, less=True),
    Aim("list100:8", GRAPHQL, POSTGRAPHILE, 3.5, 5, less=True),
    Aim("list100:8", LIMIT, POSTGRAPHILE, less=True),
    Aim("304", CACHED_304, LIMIT, 0.6, 0.45),
    Aim("304", CACHED_200, LIMIT, 0.6, 0.45),
    Aim("304", UNCACHED_304, LIMIT),
    Aim("depth", LAST_PAGE, FIRST_PAGE, 1.5, 1.1),
    Aim("write", REST, FASTAPI, 1.0, 1.5, less=True),
    Aim("sqlite:one", REST, SQLITE, 10, 20, less=True),
    Aim("sqlite:list20", REST, SQLITE, 6, 10, less=True),
    Aim("sqlite:list100", REST, SQLITE, 5, 8, less=True),
)


def row(aim: Aim, results: Results) -> list[str]:
    """A row of the report: the aim, median and range of the rounds, the marks and the verdict."""
    relation = "less than" if aim.less else "against"
    name = f"{aim.kind.removesuffix(':8')}: {aim.title} {relation} {aim.other}".replace(LIMIT, "the limit")
    marks = ["" if mark is None else f"{mark:g}x" for mark in (aim.must, aim.goal)]
    turns = results.get(aim.kind, {})
    if aim.title not in turns or aim.other not in turns:
        return [name, "", "", *marks, "not measured"]
    measured = ratios(turns[aim.other if aim.less else aim.title], turns[aim.title if aim.less else aim.other])
    value = median(measured)
    return [name, f"{value:.2f}x", f"{min(measured):.2f} to {max(measured):.2f}", *marks, verdict(value, *aim[3:])]


def verdict(value: float, must: float | None, goal: float | None, less: bool = False) -> str:
    if must is None or goal is None:
        return "comparison"
    sign = -1 if less else 1
    return "goal met" if sign * value <= sign * goal else "must met" if sign * value <= sign * must else "**not met**"

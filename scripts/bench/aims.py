"""The aims of the issue "GraphQL at REST speed", as ratios of the server's CPU time per request."""

from collections.abc import Mapping
from dataclasses import dataclass

from .measure import Figures

type Results = Mapping[str, Mapping[str, Figures]]
REST, GRAPHQL, LIMIT = "Tradepost REST", "Tradepost GraphQL", "limit: bare ASGI + prepared asyncpg + msgspec"
UNCHANGED, HIT, UNCACHED = (
    "Tradepost, read cache on: 304",
    "Tradepost, read cache on: 200",
    "Tradepost, read cache off: 304",
)
FASTAPI, SQLITE = "FastAPI + Pydantic + SQLAlchemy", "FastAPI + SQLAlchemy + aiosqlite"


@dataclass(frozen=True)
class Aim:
    """`title` of `kind` against `other`. Where `less`, the ratio is how many times less we use, and more is better. Where there is a `wide` kind, the same was
    measured with the wide payload of the REST tables too, and is shown beside it. An aim without `must` is there to compare with.
    """

    text: str
    kind: str
    title: str
    other: str
    must: float | None
    goal: float | None
    less: bool = False

    @property
    def wide(self) -> str | None:
        """The kind of the same work with the wide payload."""
        return self.kind.removesuffix(":8") if self.kind.endswith(":8") else None


def _row(text: str, kinds: str, title: str, other: str, musts: str, goals: str, less: bool = False) -> list[Aim]:
    rows = zip(kinds.split(), musts.split(), goals.split(), strict=True)
    return [
        Aim(f"{text}, {kind.removesuffix(':8')}", kind, title, other, float(must), float(goal), less)
        for kind, must, goal in rows
    ]


AIMS = [
    *_row("REST against the limit", "one list20 list100", REST, LIMIT, "2.0 1.5 1.3", "1.25 1.15 1.10"),
    *_row("REST less than FastAPI", "one list20 list100", REST, FASTAPI, "6 6 6", "10 8 7.5", less=True),
    *_row("REST less than Fastify + pg", "list100", REST, "Fastify + pg (Node)", "1.5", "2", less=True),
    *_row(
        "GraphQL against our REST",
        "one:8 list20:8 list100:8 variants:8",
        GRAPHQL,
        REST,
        "1.5 1.3 1.2 1.2",
        "1.4 1.25 1.15 1.15",
    ),
    *_row(
        "GraphQL less than FastAPI + Strawberry", "list100:8", GRAPHQL, "FastAPI + Strawberry", "40", "50", less=True
    ),
    Aim("the limit's bare rows, beside it", "list100:8", LIMIT, "FastAPI + Strawberry", None, None, less=True),
    Aim(
        "without Strawberry's caches, beside it",
        "list100:8",
        GRAPHQL,
        "FastAPI + Strawberry, without its caches",
        None,
        None,
        less=True,
    ),
    *_row("GraphQL less than Ariadne", "list100:8", GRAPHQL, "Ariadne", "30", "45", less=True),
    *_row("GraphQL less than Mercurius JIT", "list100:8", GRAPHQL, "Mercurius, JIT (Node)", "2.5", "4", less=True),
    *_row("GraphQL less than PostGraphile", "list100:8", GRAPHQL, "PostGraphile (Node)", "3.5", "5", less=True),
    Aim("the limit's bare rows, beside it", "list100:8", LIMIT, "PostGraphile (Node)", None, None, less=True),
    Aim("304, read cache on, against the limit for one by id", "304", UNCHANGED, LIMIT, 0.6, 0.45),
    Aim("200 from the read cache against the limit for one by id", "304", HIT, LIMIT, 0.6, 0.45),
    Aim("304 without the read cache, beside them", "304", UNCACHED, LIMIT, None, None),
    *_row(
        "SQLite: REST less than FastAPI + aiosqlite",
        "sqlite:one sqlite:list20 sqlite:list100",
        REST,
        SQLITE,
        "10 6 5",
        "20 10 8",
        less=True,
    ),
    *_row(
        "creating a product with three variants, less than FastAPI + SQLAlchemy",
        "write",
        REST,
        FASTAPI,
        "1.0",
        "1.5",
        less=True,
    ),
]


@dataclass(frozen=True)
class Outcome:
    """An aim and the ratio that was measured: the median and the ends of the rounds, or None where one of the two was not there."""

    aim: Aim
    ratio: float | None
    ends: tuple[float, float] = (0.0, 0.0)
    wide: "Outcome | None" = None

    @property
    def verdict(self) -> str:
        """In words."""
        if self.ratio is None:
            return "not measured"
        if self.aim.must is None:
            return "to compare"
        if self._reaches(self.aim.goal):
            return "goal met"
        return "must met" if self._reaches(self.aim.must) else "**not met**"

    def _reaches(self, mark: float | None) -> bool:
        assert self.ratio is not None
        assert mark is not None
        return self.ratio >= mark if self.aim.less else self.ratio <= mark


def outcomes(results: Results) -> list[Outcome]:
    """All aims in order."""
    return [
        _outcome(aim, results.get(aim.kind, {}), _outcome(aim, results.get(aim.wide, {})) if aim.wide else None)
        for aim in AIMS
    ]


def _outcome(aim: Aim, found: Mapping[str, Figures], wide: Outcome | None = None) -> Outcome:
    ours, theirs = found.get(aim.title), found.get(aim.other)
    if ours is None or theirs is None:
        return Outcome(aim, None, wide=wide)
    a, b = (theirs, ours) if aim.less else (ours, theirs)
    return Outcome(aim, a.to(b), a.spread(b), wide)

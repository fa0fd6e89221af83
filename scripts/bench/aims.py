"""The aims of the issue "GraphQL at REST speed", as ratios of the server's CPU time per request."""

from collections.abc import Mapping
from dataclasses import dataclass

from .measure import Figures

type Results = Mapping[str, Mapping[str, Figures]]
REST, GRAPHQL, LIMIT = "Tradepost REST", "Tradepost GraphQL", "limit: bare ASGI + prepared asyncpg + msgspec"
FASTAPI, SQLITE = "FastAPI + Pydantic + SQLAlchemy", "FastAPI + SQLAlchemy + aiosqlite"


@dataclass(frozen=True)
class Aim:
    """`title` of `kind` against `other`. Where `less`, the ratio is how many times less we use, and more is better; `base` is the other's kind."""

    text: str
    kind: str
    title: str
    other: str
    must: float
    goal: float
    less: bool = False


def _row(text: str, kinds: str, title: str, other: str, musts: str, goals: str, less: bool = False) -> list[Aim]:
    rows = zip(kinds.split(), musts.split(), goals.split(), strict=True)
    return [Aim(f"{text}, {kind}", kind, title, other, float(must), float(goal), less) for kind, must, goal in rows]


AIMS = [
    *_row("REST against the limit", "one list20 list100", REST, LIMIT, "2.0 1.5 1.3", "1.25 1.15 1.10"),
    *_row("REST less than FastAPI", "one list20 list100", REST, FASTAPI, "6 6 6", "10 8 7.5", less=True),
    *_row("REST less than Fastify + pg", "list100", REST, "Fastify + pg (Node)", "1.5", "2", less=True),
    *_row("GraphQL against our REST", "one list20 list100 variants", GRAPHQL, REST, "1.5 1.3 1.2 1.2", "1.4 1.25 1.15 1.15"),
    *_row("GraphQL less than FastAPI + Strawberry", "list100", GRAPHQL, "FastAPI + Strawberry", "40", "50", less=True),
    *_row("GraphQL less than Ariadne", "list100", GRAPHQL, "Ariadne", "30", "45", less=True),
    *_row("GraphQL less than Mercurius JIT", "list100", GRAPHQL, "Mercurius, JIT (Node)", "2.5", "4", less=True),
    *_row("GraphQL less than PostGraphile", "list100", GRAPHQL, "PostGraphile (Node)", "3.5", "5", less=True),
    *_row("304 against the limit for one by id", "304", REST, LIMIT, "0.6", "0.45"),
    *_row("SQLite: REST less than FastAPI + aiosqlite", "sqlite:one sqlite:list20 sqlite:list100", REST, SQLITE, "10 6 5", "20 10 8", less=True),
    *_row("creating a product with three variants, less than FastAPI + SQLAlchemy", "write", REST, FASTAPI, "1.0", "1.5", less=True),
]


@dataclass(frozen=True)
class Outcome:
    """An aim and the ratio that was measured: the median and the ends of the rounds, or None where one of the two was not there."""

    aim: Aim
    ratio: float | None
    ends: tuple[float, float] = (0.0, 0.0)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.ratio is None:
            return "not measured"
        if self._reaches(self.aim.goal):
            return "goal met"
        return "must met" if self._reaches(self.aim.must) else "**not met**"

    def _reaches(self, mark: float) -> bool:
        assert self.ratio is not None
        return self.ratio >= mark if self.aim.less else self.ratio <= mark


def outcomes(results: Results) -> list[Outcome]:
    """All aims in order."""
    return [_outcome(aim, results.get(aim.kind, {})) for aim in AIMS]


def _outcome(aim: Aim, found: Mapping[str, Figures]) -> Outcome:
    ours, theirs = found.get(aim.title), found.get(aim.other)
    if ours is None or theirs is None:
        return Outcome(aim, None)
    a, b = (theirs, ours) if aim.less else (ours, theirs)
    return Outcome(aim, a.to(b), a.spread(b))

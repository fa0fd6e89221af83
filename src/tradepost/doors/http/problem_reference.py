"""Problems in words: what the pages under `/problems` and the OpenAPI document say of each kind, written from the class itself."""

from typing import Any

import msgspec

from tradepost.kit.problems import Problem, all_problems

EXAMPLE_REQUEST_ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e10"


class ProblemDescription(msgspec.Struct):
    """A kind of problem in words: what happened, what to do, and a document as it comes over the wire."""

    type: str
    code: str
    status: int
    title: str
    cause: str
    cure: str
    example: dict[str, Any]


def describe_problem(kind: type[Problem]) -> ProblemDescription:
    """The words of a class."""
    address = f"/problems/{kind.code}"
    example = {
        "type": address,
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": f"{kind.title}.",
    }
    example |= kind.example | {"instance": "/v1/products", "request_id": EXAMPLE_REQUEST_ID}
    return ProblemDescription(
        address, kind.code, kind.status, kind.title, " ".join((kind.__doc__ or "").split()), kind.cure, example
    )


def describe_problems() -> dict[str, ProblemDescription]:
    """All kinds that are loaded, by code, ordered by status; a subclass without a code of its own is its parent's kind."""
    kinds = sorted(all_problems(), key=lambda kind: (kind.status, kind.code))
    return {kind.code: describe_problem(kind) for kind in kinds if "code" in vars(kind)}

"""State machines as tables: which operation moves a row from which statuses to which one.

From the table follow the rows on which an operation is open, hence its links and
`availableActions`, and the check of the write itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import InstrumentedAttribute

from ..auth.access import RowPolicy, Viewer
from ..problems import InvalidTransition


class Step(msgspec.Struct, frozen=True):
    """One operation: the statuses that it starts from, and the status that it leads to."""

    sources: frozenset[str]
    target: str


class Transitions:
    """The state machine of a resource.

    column: the column of the status.
    steps: the steps by operation.
    internal: the steps that follow from something else, such as a payment or the time. They have no
        operation, so nobody is offered them.
    """

    def __init__(
        self,
        column: InstrumentedAttribute[str],
        steps: Mapping[str, tuple[Iterable[str], str]],
        internal: Mapping[str, tuple[Iterable[str], str]] | None = None,
    ) -> None:
        self.column = column
        self.steps, self.internal = _steps(steps), _steps(internal or {})

    def add_step(self, operation: str, sources: Iterable[str], target: str, permitted: RowPolicy) -> RowPolicy:
        """Add the step of a later area, and return the rows on which it is open."""
        self.steps[operation] = Step(frozenset(sources), target)
        return self._row_policy(operation, permitted)

    @property
    def statuses(self) -> frozenset[str]:
        """All statuses of the table."""
        steps = (*self.steps.values(), *self.internal.values())
        return frozenset([status for step in steps for status in (*step.sources, step.target)])

    def open_from(self, status: str) -> list[str]:
        """Return the operations that are open from a status, in the order of the table."""
        return [operation for operation, step in self.steps.items() if status in step.sources]

    def row_policies(self, permitted: Mapping[str, RowPolicy]) -> dict[str, RowPolicy]:
        """Return for each operation the rows on which it is open, to a viewer who may call it."""
        return {operation: self._row_policy(operation, permitted[operation]) for operation in self.steps}

    def _row_policy(self, operation: str, permitted: RowPolicy) -> RowPolicy:
        sources = sorted(self.steps[operation].sources)

        def is_open(viewer: Viewer) -> ColumnElement[bool]:
            return and_(self.column.in_(sources), permitted(viewer))

        return is_open

    def move(self, row: Any, operation: str) -> str:
        """Set the status of a locked row to that after a step, and return it.

        Raise InvalidTransition, which names the operations that are open.
        """
        status: str = getattr(row, self.column.key)
        step = self.steps.get(operation) or self.internal[operation]
        if status not in step.sources:
            raise InvalidTransition(self.refusal(operation, status))
        setattr(row, self.column.key, step.target)
        return step.target

    def refusal(self, operation: str, status: str) -> str:
        """Return why an operation is not open from a status, and which ones are."""
        names = [f"`{name}`" for name in self.open_from(status)]
        cure = f"possible now: {', '.join(names)}" if names else "no operation changes this status"
        return f"`{operation}` is not possible while the status is `{status}`; {cure}."


def _steps(steps: Mapping[str, tuple[Iterable[str], str]]) -> dict[str, Step]:
    return {name: Step(frozenset(sources), target) for name, (sources, target) in steps.items()}

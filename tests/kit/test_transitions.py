"""A state machine refuses every step that is not in its table, and names those that are open."""

from dataclasses import dataclass
from itertools import product

import pytest
from sqlalchemy import Integer, MetaData, Table, Text, create_engine, select, true
from sqlalchemy.orm import Mapped, mapped_column, registry

from tradepost.kit.auth.access import Viewer
from tradepost.kit.problems import InvalidTransition
from tradepost.kit.resource.transitions import Transitions

mapper = registry(metadata=MetaData())


@mapper.mapped
class ParcelRow:
    """A parcel."""

    __tablename__ = "parcel"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    status: Mapped[str] = mapped_column(Text)


STEPS = {
    "parcel_ship": (("pending",), "shipped"),
    "parcel_deliver": (("shipped",), "delivered"),
    "parcel_cancel": (("pending", "shipped"), "cancelled"),
}
PARCEL = Transitions(ParcelRow.status, STEPS)
STATUSES = ("pending", "shipped", "delivered", "cancelled")


@dataclass
class Parcel:
    status: str


def test_the_statuses_are_those_of_the_steps() -> None:
    assert PARCEL.statuses == set(STATUSES)
    assert PARCEL.open_from("pending") == ["parcel_ship", "parcel_cancel"]
    assert PARCEL.open_from("delivered") == []


@pytest.mark.parametrize(("status", "operation"), list(product(STATUSES, STEPS)))
def test_a_step_is_made_or_refused_as_the_table_says(status: str, operation: str) -> None:
    sources, target = STEPS[operation]
    parcel = Parcel(status)
    if status in sources:
        assert PARCEL.move(parcel, operation) == parcel.status == target
        return
    with pytest.raises(InvalidTransition) as error:
        PARCEL.move(parcel, operation)
    assert parcel.status == status
    assert f"`{operation}` is not possible while the status is `{status}`" in error.value.detail
    assert [name for name in STEPS if f"`{name}`" in error.value.detail.partition(";")[2]] == PARCEL.open_from(status)


def test_an_internal_step_is_made_but_not_offered() -> None:
    machine = Transitions(ParcelRow.status, STEPS, internal={"parcel_lose": (("shipped",), "lost")})
    assert machine.statuses == {*STATUSES, "lost"}
    assert machine.open_from("shipped") == PARCEL.open_from("shipped")
    assert set(machine.row_policies(dict.fromkeys(STEPS, lambda _: true()))) == set(STEPS)
    parcel = Parcel("shipped")
    assert machine.move(parcel, "parcel_lose") == parcel.status == "lost"
    with pytest.raises(InvalidTransition):
        machine.move(parcel, "parcel_lose")


def test_the_rows_on_which_an_operation_is_open_are_those_of_the_table() -> None:
    engine, viewer = create_engine("sqlite://"), Viewer(frozenset(), False)
    policies = PARCEL.row_policies({operation: lambda _: true() for operation in STEPS})
    table = ParcelRow.__table__
    assert isinstance(table, Table)
    mapper.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"status": status} for status in STATUSES])
        for operation, (sources, _) in STEPS.items():
            rows = connection.execute(select(ParcelRow.status).where(policies[operation](viewer))).scalars()
            assert set(rows) == set(sources)
    engine.dispose()

"""What stands behind a shape: its table, its visible rows, and the names that may be filtered, sorted and followed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from ..auth.access import ANYONE, Access, RowPolicy, Viewer
from ..db.base import Table as Row
from ..ids import parse_id
from ..problems import NotFound
from ..schema.struct_fields import Member, member, members, snake_case
from .filters import Filter, Sort

ACTIONS = "available_actions"

type Expression = ColumnElement[Any] | Callable[[Viewer], ColumnElement[Any]]


class LinkTable(msgspec.Struct, frozen=True):
    """The link table of a many-to-many relation: its column that names this side, and the one that names the other.

    `sorts` are columns of the link table that hold a sort key of the other side. A list in the order of these is read from an index of the link table,
    as far as it is asked for; for any other order the database has to sort all rows of the relation.
    """

    source_key: InstrumentedAttribute[Any]
    target_key: InstrumentedAttribute[Any]
    sort_columns: Mapping[str, InstrumentedAttribute[Any]] = {}


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A name that leads from one resource to another: to-one by a column here, to-many by a column there or through a link table.

    A bounded relation is a plain list of at most 100 (a rule of the shop sees to that), a paged one a connection.
    """

    name: str
    target: "Resource[Any]"
    join: InstrumentedAttribute[Any] | LinkTable
    is_to_many: bool
    paged: bool = False
    order: tuple[str, ...] = ()
    access: Access = ANYONE
    doc: str = ""

    @property
    def default_size(self) -> int:
        """Rows per parent where no number was asked for."""
        return 20 if self.paged else 100

    @property
    def list_name(self) -> str:
        """What its cursors are bound to."""
        column = self.join.source_key if isinstance(self.join, LinkTable) else self.join
        return f"{column.class_.__tablename__}.{column.key}"


class EmbeddedValue:
    """An embedded value shape (money, address): each member is a column `<field>_<member>`. Where no row stands behind it, it may be a list of them."""

    relations: Mapping[str, Relation] = {}

    def __init__(self, at: Member) -> None:
        self.is_list = at.item is not None
        shape = at.shape if at.item is None else at.item.shape
        assert shape is not None
        self.name, self.shape, self.null, self.member = shape.__name__, shape, at.null, at
        self.members = members(shape)

    @staticmethod
    def from_member(at: Member) -> "EmbeddedValue | Member":
        """The value that a member holds, or holds a list of; else the member itself."""
        return EmbeddedValue(at) if at.kind == "value" or (at.item is not None and at.item.kind == "value") else at

    def nested(self, name: str) -> None:
        """Values hold scalars only."""
        return None


class Result[S: msgspec.Struct]:
    """A shape that operations answer with. By itself no row stands behind it: tokens, an acceptance, the state of a bucket.

    fields: members with an access of their own.    sealed: members that are secret, so what is kept of an answer holds them encrypted.
    personal: no cache keeps an answer with it.
    """

    def __init__(
        self,
        shape: type[S],
        *,
        name: str | None = None,
        field_access: Mapping[str, Access] | None = None,
        secret_members: Iterable[str] = (),
        personal: bool = False,
    ) -> None:
        self.shape, self.name, self.field_access = shape, name or shape.__name__, dict(field_access or {})
        self.secret_members, self.personal = frozenset(secret_members), personal
        self.relations: dict[str, Relation] = {}
        self.members: dict[str, EmbeddedValue | Member] = {
            n: EmbeddedValue.from_member(m) for n, m in members(shape).items()
        }

    def nested(self, name: str) -> "EmbeddedValue | Resource[Any] | None":
        """What may be asked below a name: a value's members, a relation's resource, or nothing."""
        if name in self.relations:
            return self.relations[name].target
        own = self.members[name]
        return own if isinstance(own, EmbeddedValue) else None

    def is_to_many(self, name: str) -> bool:
        """Whether the name is a to-many relation."""
        return name in self.relations and self.relations[name].is_to_many

    def is_readable(self, name: str, permissions: frozenset[str]) -> bool:
        """Whether holders of these permissions may read the member or follow the relation."""
        return self.access(name).allows(permissions)

    def access(self, name: str) -> Access:
        """The access of a member or relation."""
        return self.relations[name].access if name in self.relations else self.field_access.get(name, ANYONE)

    @property
    def label(self) -> str:
        """Its name in a sentence."""
        return self.operation_prefix.replace("_", " ")

    @property
    def operation_prefix(self) -> str:
        """What the names of its operations begin with: `gift_card` of `gift_card_update`."""
        return snake_case(self.name)


class Resource[S: msgspec.Struct](Result[S]):
    """A Result that the rows of a table stand behind. Later rooms add relations, filters and sorts; the registry freezes it before anything is compiled.

    visible: the rows that a viewer may see, as SQL.    names: the columns that find one row, the id first, then another (a slug).
    columns: expressions behind members that are no column of the table.    fields: members with an access of their own.
    actions: operations on one row, each with the rule that says where it is open.    relevance: the order where a `q` is given.
    """

    def __init__(
        self, shape: type[S], model: type[Row], *, visible: RowPolicy,
        name: str | None = None, key_columns: tuple[str, ...] = ("id",), order: tuple[str, ...] = ("-created_at",),
        filters: Mapping[str, Filter] | None = None, sorts: Mapping[str, Sort] | None = None,
        expressions: Mapping[str, Expression] | None = None, field_access: Mapping[str, Access] | None = None, actions: Mapping[str, RowPolicy] | None = None,
        secret_members: Iterable[str] = (), personal: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(shape, name=name, field_access=field_access, secret_members=secret_members, personal=personal)
        self.model, self.visible = model, visible
        self.table: Any = model.__table__
        self.key_columns, self.order, self.type_number = key_columns, order, model.__number__
        self.filters, self.sorts = dict(filters or {}), dict(sorts or {})
        self.expressions, self.actions = dict(expressions or {}), dict(actions or {})
        self.versioned = "version" in self.table.c
        self.members[ACTIONS] = member(ACTIONS, msgspec.inspect.ListType(msgspec.inspect.StrType()))
        self.frozen = False

    def has_one(
        self,
        name: str,
        target: "Resource[Any]",
        *,
        join: InstrumentedAttribute[Any],
        access: Access = ANYONE,
        doc: str = "",
    ) -> None:
        """Adds a to-one relation over a column of this table."""
        self._add(Relation(name=name, target=target, join=join, is_to_many=False, access=access, doc=doc))

    def has_many(
        self, name: str, target: "Resource[Any]", *, join: InstrumentedAttribute[Any] | LinkTable,
        paged: bool = False, order: tuple[str, ...] = (), access: Access = ANYONE, doc: str = "",
    ) -> None:  # fmt: skip
        """Adds a to-many relation over a column of the other table or through a link table."""
        self._add(
            Relation(
                name=name,
                target=target,
                join=join,
                is_to_many=True,
                paged=paged,
                order=order or target.order,
                access=access,
                doc=doc,
            )
        )

    def _add(self, relation: Relation) -> None:
        if self.frozen or relation.name in self.members or relation.name in self.relations:
            raise ValueError(
                f"{self.name} cannot take the relation `{relation.name}`: the registry is frozen or the name is taken"
            )
        self.relations[relation.name] = relation

    def parse_key(self, text: str) -> tuple[str, str]:
        """Which column a path's name means and what to look for: the id if it is a UUID, else the resource's other name (a slug)."""
        if (id := parse_id(text)) is not None:
            return "id", id
        # PostgreSQL takes no NUL, and no name has one.
        if len(self.key_columns) == 1 or "\0" in text:
            raise self.not_found(text)
        return self.key_columns[-1], text

    def not_found(self, key: str) -> NotFound:
        """The problem of a row that is not there, or not for this caller."""
        return NotFound(f"There is no {self.label} `{key}`.")

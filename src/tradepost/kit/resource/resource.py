"""Resource: a Struct bound to its table, visible rows, filters, sort keys and relations."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from ..auth.access import ANYONE, Access, RowPolicy, Viewer
from ..db.base import Table as Row
from ..ids import parse_id
from ..problems import NotFound, Validation
from ..quoting import quote
from ..schema.struct_fields import Member, member, members, snake_case
from .filters import Filter, Sort, equality_filter
from .transitions import Transitions

ACTIONS = "available_actions"
MAX_VALUE_DEPTH = 4

type Expression = ColumnElement[Any] | InstrumentedAttribute[Any] | Callable[[Viewer], ColumnElement[Any]]


class LinkTable(msgspec.Struct, frozen=True):
    """The link table of a many-to-many relation, with its column for each side.

    sort_columns: columns of the link table that repeat a sort key of the other side. A page in
        that order is read from an index of the link table; for any other order the database
        sorts all rows of the relation.
    """

    source_key: InstrumentedAttribute[Any]
    target_key: InstrumentedAttribute[Any]
    sort_columns: Mapping[str, InstrumentedAttribute[Any]] = {}


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A named relation from one resource to another.

    join: for a to-one relation a column of this table, for a to-many relation a column of the
        other table or a link table.
    paged: whether it is a connection; a bounded relation is a plain list of at most 100 rows,
        which a business rule guarantees.
    default: whether REST returns it, with its default fields, if the client selects no fields. It
        must be bounded.
    """

    name: str
    target: "Resource[Any]"
    join: InstrumentedAttribute[Any] | LinkTable
    is_to_many: bool
    paged: bool = False
    default: bool = False
    order: tuple[str, ...] = ()
    access: Access = ANYONE
    doc: str = ""

    def __post_init__(self) -> None:
        if self.default and (self.paged or not self.is_to_many):
            raise ValueError(f"`{self.name}` cannot be a default relation: it is not a bounded list")

    @property
    def default_size(self) -> int:
        """The number of rows per parent if no number is requested."""
        return 20 if self.paged else 100

    @property
    def list_name(self) -> str:
        """The name of the list that its cursors are bound to."""
        column = self.join.source_key if isinstance(self.join, LinkTable) else self.join
        return f"{column.class_.__tablename__}.{column.key}"


class EmbeddedValue:
    """An embedded value (money, address) or a list of values. Its members may be values too.

    In a table each leaf is a column, named after the members that lead to it
    (`shipping_price_amount`), or an expression of the resource with that name. A list of values is
    one JSON column, which holds the values as they are on the wire; members that are added to its
    Struct later are null in older rows.
    """

    relations: Mapping[str, Relation] = {}

    def __init__(self, member: Member, depth: int = 1) -> None:
        if depth > MAX_VALUE_DEPTH:
            raise TypeError(f"`{member.name}`: values can be nested {MAX_VALUE_DEPTH} deep")
        self.is_list = member.item is not None
        shape = member.shape if member.item is None else member.item.shape
        assert shape is not None
        self.name, self.shape, self.null, self.member = shape.__name__, shape, member.null, member
        self.members: dict[str, EmbeddedValue | Member] = {
            n: EmbeddedValue.from_member(m, depth + 1) for n, m in members(shape).items()
        }

    @staticmethod
    def from_member(member: Member, depth: int = 1) -> "EmbeddedValue | Member":
        """Return the value that a member holds (or a list of it); else the member itself.

        depth: how deep its value is nested in other values; 1 for a member of a resource.
        """
        is_value = member.kind == "value" or (member.item is not None and member.item.kind == "value")
        return EmbeddedValue(member, depth) if is_value else member

    def nested(self, name: str) -> "EmbeddedValue | None":
        """Return the value whose fields can be selected below a name, or None."""
        member = self.members[name]
        return member if isinstance(member, EmbeddedValue) else None


class Result[S: msgspec.Struct]:
    """A Struct that operations return. Without a table: tokens, an acknowledgement, a rate limit.

    field_access: the access rules of members that are not open to everyone.
    secret_members: secrets, which are encrypted in stored idempotency outcomes.
    personal: personal data, which is never cached.
    added_types: the types of members that later areas added, which the Struct does not have.
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
        self.added_types = dict[str, Any]()
        self.members: dict[str, EmbeddedValue | Member] = {
            n: EmbeddedValue.from_member(m) for n, m in members(shape).items()
        }

    def nested(self, name: str) -> "EmbeddedValue | Resource[Any] | None":
        """Return the value or resource whose fields can be selected below a name, or None."""
        if name in self.relations:
            return self.relations[name].target
        member = self.members[name]
        return member if isinstance(member, EmbeddedValue) else None

    def is_to_many(self, name: str) -> bool:
        """Whether the name is a to-many relation."""
        return name in self.relations and self.relations[name].is_to_many

    def is_readable(self, name: str, permissions: frozenset[str]) -> bool:
        """Whether holders of these permissions may read the member or follow the relation."""
        return self.access(name).allows(permissions)

    def access(self, name: str) -> Access:
        """Return the access rule of a member or relation."""
        return self.relations[name].access if name in self.relations else self.field_access.get(name, ANYONE)

    @property
    def label(self) -> str:
        """The name as written in a sentence: `gift card`."""
        return self.operation_prefix.replace("_", " ")

    @property
    def operation_prefix(self) -> str:
        """The start of its operations' names: `gift_card` of `gift_card_update`."""
        return snake_case(self.name)


class Resource[S: msgspec.Struct](Result[S]):
    """A Result whose rows are in a table.

    Later areas add members, relations, filters, sorts and actions, until the registry freezes it.

    visible: the rows that a viewer may see, as SQL.
    key_columns: the columns that identify a row: the id, then an optional second one (a slug or a
        number), which holds text that is not an id. `GET` takes either, as do the GraphQL arguments
        `id` and the one of the column's name.
    slug: the member that missing slugs are generated from. The column `slug` is then the second key
        column and a filter.
    references: the columns that inputs set to the id of a related row, each with its resource.
    order: the default sort keys.
    expressions: SQL for members, and for leaves of values (`price_currency`), that have no column.
    column_prefixes: the start of the column names of an embedded value, if it is not the member's
        name: `shipping.total` and `shipping_total` have the same name.
    actions: the operations on one row, each with the rows it is open on, as SQL.
    bearer_identity: the attribute of a Caller that holds the id of the row whose secret it sends.
        A replayed outcome with the secret shows the row's relations, as the first answer did.
    transitions: the state machine of its status. Its operations are actions too, and open only on
        rows with a status that they start from.
    """

    def __init__(
        self,
        shape: type[S],
        model: type[Row],
        *,
        visible: RowPolicy,
        name: str | None = None,
        key_columns: tuple[str, ...] = ("id",),
        slug: str | None = None,
        order: tuple[str, ...] = ("-created_at",),
        filters: Mapping[str, Filter] | None = None,
        sorts: Mapping[str, Sort] | None = None,
        expressions: Mapping[str, Expression] | None = None,
        column_prefixes: Mapping[str, str] | None = None,
        field_access: Mapping[str, Access] | None = None,
        actions: Mapping[str, RowPolicy] | None = None,
        transitions: Transitions | None = None,
        secret_members: Iterable[str] = (),
        bearer_identity: str | None = None,
        personal: bool = False,
    ) -> None:
        super().__init__(shape, name=name, field_access=field_access, secret_members=secret_members, personal=personal)
        self.bearer_identity = bearer_identity
        self.model, self.visible = model, visible
        self.table: Any = model.__table__
        self.key_columns, self.order, self.type_number = key_columns, order, model.__number__
        self.slug, self.references = slug, dict[str, Resource[Any]]()
        self.filters, self.sorts = dict(filters or {}), dict(sorts or {})
        if slug is not None:
            self.key_columns = ("id", "slug")
            self.filters = {"slug": equality_filter(cast(Any, model).slug, bounded=True)} | self.filters
        self.expressions, self.actions = dict(expressions or {}), dict(actions or {})
        self.column_prefixes = dict(column_prefixes or {})
        self.transitions = transitions
        if transitions is not None:
            self.actions |= transitions.row_policies(self.actions)
        self.versioned = "version" in self.table.c
        self.members[ACTIONS] = member(ACTIONS, msgspec.inspect.ListType(msgspec.inspect.StrType()))
        self.frozen = False

    def has_one(
        self,
        name: str,
        target: "Resource[Any]",
        *,
        join: InstrumentedAttribute[Any],
        settable: bool = False,
        access: Access = ANYONE,
        doc: str = "",
        back: str | None = None,
        back_paged: bool = True,
        back_order: tuple[str, ...] = (),
        back_doc: str = "",
    ) -> None:
        """Add a to-one relation over a column of this table.

        settable: inputs set the column, so services check that the related row exists.
        back: the name of the to-many relation to add to the other resource.
        back_order: the default sort keys of that relation.
        """
        self._add(Relation(name=name, target=target, join=join, is_to_many=False, access=access, doc=doc))
        if settable:
            self.references[join.key] = target
        if back is not None:
            target.has_many(back, self, join=join, paged=back_paged, order=back_order, access=access, doc=back_doc)

    def has_many(
        self,
        name: str,
        target: "Resource[Any]",
        *,
        join: InstrumentedAttribute[Any] | LinkTable,
        paged: bool = False,
        default: bool = False,
        order: tuple[str, ...] = (),
        access: Access = ANYONE,
        doc: str = "",
    ) -> None:
        """Add a to-many relation over a column of the other table or through a link table."""
        self._add(
            Relation(
                name=name,
                target=target,
                join=join,
                is_to_many=True,
                paged=paged,
                default=default,
                order=order or target.order,
                access=access,
                doc=doc,
            )
        )

    def add_member(
        self,
        name: str,
        type: Any,
        *,
        expression: Expression | None = None,
        leaves: Mapping[str, Expression] | None = None,
        access: Access = ANYONE,
        doc: str = "",
    ) -> None:
        """Add a member of a later area. It is read by SQL; no input has it.

        type: its type, annotated like that of a Struct's member.
        expression: its SQL, about the columns of this resource's model.
        leaves: instead, if the type is a Struct, the SQL of each leaf: `amount`, `currency`.
        """
        self._check_addition("member", name, self.members, self.relations)
        annotated = Annotated[type, Meta(description=doc)] if doc else type
        self.members[name] = EmbeddedValue.from_member(member(name, msgspec.inspect.type_info(annotated)))
        self.members[ACTIONS] = self.members.pop(ACTIONS)  # it stays the last one
        self.added_types[name] = annotated
        if expression is not None:
            self.expressions[name] = expression
        self.expressions |= {f"{name}_{leaf}": sql for leaf, sql in (leaves or {}).items()}
        if access is not ANYONE:
            self.field_access[name] = access

    def add_filter(self, name: str, filter: Filter) -> None:
        """Add a filter of a later area."""
        self._check_addition("filter", name, self.filters)
        self.filters[name] = filter

    def add_sort(self, name: str, sort: Sort) -> None:
        """Add a sort key of a later area."""
        self._check_addition("sort key", name, self.sorts)
        self.sorts[name] = sort

    def add_action(self, operation: str, open_rows: RowPolicy) -> None:
        """Add an operation of a later area on one row, and the rows that it is open on."""
        self._check_addition("action", operation, self.actions)
        self.actions[operation] = open_rows

    def add_transition(self, operation: str, sources: Iterable[str], target: str, permitted: RowPolicy) -> None:
        """Add a step of a later area to the state machine.

        permitted: the rows that the viewer may call it on, whatever their status is.
        """
        assert self.transitions is not None, f"{self.name} has no state machine"
        self.add_action(operation, self.transitions.add_step(operation, sources, target, permitted))

    def _add(self, relation: Relation) -> None:
        self._check_addition("relation", relation.name, self.members, self.relations)
        self.relations[relation.name] = relation

    def _check_addition(self, kind: str, name: str, *taken: Container[str]) -> None:
        """Raise ValueError if the registry is frozen, or the name is taken."""
        if self.frozen or any(name in names for names in taken):
            reason = "the registry is frozen" if self.frozen else "the name is taken"
            raise ValueError(f"cannot add the {kind} `{name}` to {self.name}: {reason}")

    def parse_key(self, text: str) -> tuple[str, str]:
        """Return the column and value that a key in a path refers to: the id, or a slug."""
        if (id := parse_id(text)) is not None:
            return "id", id
        # PostgreSQL rejects NUL in text, and no stored key has one.
        if len(self.key_columns) == 1 or "\0" in text:
            raise self.not_found(text)
        return self.key_columns[-1], text

    def parse_id(self, text: str) -> str:
        """Return an id in canonical form, or raise NotFound for other text."""
        id = parse_id(text)
        if id is None:
            raise self.not_found(text)
        return id

    def not_found(self, key: str) -> NotFound:
        """Return the problem of a row that does not exist or is not visible to the caller."""
        return NotFound(f"There is no {self.label} {quote(key)}.")

    def reference_not_found(self, pointer: str, id: str) -> Validation:
        """Return the problem of an input that refers to such a row."""
        return Validation.at_pointer(pointer, f"There is no {self.label} {quote(id)}.", "not_found")

"""Event types: what an area announces, and in which shape.

Each area declares its own in `event_types.py`, as lists. The documentation and
`events.json` are made from them, and tests refuse every event that does not fit its declaration.
Events with personal data (`mail.*`) are internal and not declared.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from ..auth.access import ANYONE, Access
from ..resource.resource import Resource


class NoData(msgspec.Struct, forbid_unknown_fields=True):
    """No members: the subject says it all."""


class ChangedMembers(msgspec.Struct, forbid_unknown_fields=True):
    """The names of the members that changed."""

    changed: list[str]


class EventType(msgspec.Struct, frozen=True, eq=False):
    """A type of event.

    name: `<subject>.<past participle>`.
    subject: the resource of the row that the event is about; None if clients cannot read it.
    doc: when it happens.
    data: the shape of its data.
    access: who may read the subject. Nothing depends on it yet: clients see events only in the
        audit log, which has a permission of its own.
    is_stored: False if its events are only for handlers in the transaction (`emit_to_handlers`).
        Clients never see them, so the documentation leaves them out.
    """

    name: str
    subject: Resource[Any] | None
    doc: str
    data: type[msgspec.Struct] = NoData
    access: Access = ANYONE
    is_stored: bool = True


def row_event_types(resource: Resource[Any], access: Access, delete_access: Access | None = None) -> list[EventType]:
    """Return the types that `create_row`, `change_row` and `delete_row` emit.

    delete_access: the same for deletions, after which there is no row left to be checked.
    """
    name, noun = resource.operation_prefix, resource.label
    return [
        EventType(f"{name}.created", resource, f"The {noun} was created.", access=access),
        EventType(f"{name}.updated", resource, f"The {noun} was changed.", ChangedMembers, access),
        EventType(f"{name}.deleted", resource, f"The {noun} was deleted.", access=delete_access or access),
    ]


class UndeclaredEvent(AssertionError):
    """An event that fits no declaration. Raised in tests only."""


class EventTypes:
    """The event types of all areas, by name.

    strict: whether events are checked. Tests do; a shop in production must not refuse a change
        because of its event.
    """

    strict: ClassVar[bool] = False

    def __init__(self, types: Iterable[EventType] = ()) -> None:
        self.types: Mapping[str, EventType] = {}
        for type in types:
            if type.name in self.types:
                raise ValueError(f"two event types are called {type.name}")
            self.types = {**self.types, type.name: type}

    def check(self, name: str, data: Mapping[str, Any]) -> None:
        """Raise UndeclaredEvent if an event does not fit its declaration."""
        if (type := self.types.get(name)) is None:
            raise UndeclaredEvent(f"the event type `{name}` is not declared: add it to `event_types.py` of its area")
        known = {field.encode_name for field in msgspec.structs.fields(type.data)}
        if unknown := sorted(data.keys() - known):
            raise UndeclaredEvent(f"`{name}` has no member {', '.join(unknown)}: add it to {type.data.__name__}")
        try:
            msgspec.convert(data, type.data)
        except msgspec.ValidationError as error:
            raise UndeclaredEvent(f"the data of `{name}` is not a {type.data.__name__}: {error}") from error

    @property
    def documented(self) -> list[EventType]:
        """The types whose events clients can see, sorted by name."""
        return [type for _, type in sorted(self.types.items()) if type.is_stored]

    def described(self) -> list[dict[str, Any]]:
        """Return all types as JSON, sorted by name, with the JSON Schema of their data."""
        return [
            {
                "type": type.name,
                "description": type.doc,
                "subject": type.subject and type.subject.name,
                "data": data_schema(type.data),
            }
            for type in self.documented
        ]


def data_schema(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of an event's data, in one piece."""
    [schema], components = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    name = schema["$ref"].rpartition("/")[2]
    others = {other: component for other, component in components.items() if other != name}
    return components[name] | ({"$defs": others} if others else {})

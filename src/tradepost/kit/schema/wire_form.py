"""Values as they are on the wire, for columns of JSON that hold them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

import msgspec

from ..clock import to_rfc3339


def wire_form(value: Any) -> Any:
    """Return a Struct, or a list of Structs, as builtins under REST's names.

    Times have six decimals, ids are text, enums have their values. Unset members are left out.
    """
    if isinstance(value, msgspec.Struct):
        fields = [(f.encode_name, getattr(value, f.name)) for f in msgspec.structs.fields(value)]
        return {name: wire_form(member) for name, member in fields if member is not msgspec.UNSET}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return to_rfc3339(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {key: wire_form(item) for key, item in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [wire_form(item) for item in cast(Sequence[Any], value)]
    return value

"""Join the values and errors of root fields to a response."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ..plan.root_plans import Root

encode = msgspec.json.Encoder().encode


def join_response(roots: Sequence[Root], results: Sequence[Any], errors: Sequence[dict[str, Any]]) -> bytearray:
    """Return the response without its last brace.

    If a field that cannot be null has failed, `data` is null (specification, 6.4.4).
    results: for each root field the bytes of its key and value, or the exception that it raised.
    errors: the entries of `errors`, one for each exception.
    """
    if not errors:
        return bytearray(b'{"data":{%b}' % b",".join(results))
    values: list[bytes | bytearray] = []
    for root, result in zip(roots, results, strict=True):
        if type(result) is bytearray:
            values.append(result)
        elif root.nullable:
            values.append(root.json_key + b"null")
        else:
            return bytearray(b'{"errors":%b,"data":null' % encode(errors))
    return bytearray(b'{"errors":%b,"data":{%b}' % (encode(errors), b",".join(values)))

"""The variables of a trusted document as query parameters, by their names and declared types."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from graphql import GraphQLInputObjectType, GraphQLSchema
from graphql.language import NamedTypeNode, NonNullTypeNode, VariableDefinitionNode

from tradepost.kit.problems import Fault, InvalidParameter, Problem
from tradepost.kit.quoting import quote
from tradepost.kit.schema.numbers import parse_whole_number

from ..documents.document import PreparedOperation
from ..problems import RequestError

NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
BOOLEANS = {"true": True, "false": False}
VARIABLE_IN_MESSAGE = re.compile(r"Variable '\$(\w+)'")


class QueryParameter:
    """The query parameter of one variable."""

    __slots__ = ("is_json", "name", "required", "type_name")

    def __init__(self, definition: VariableDefinitionNode, schema: GraphQLSchema) -> None:
        self.name, type = definition.variable.name.value, definition.type
        self.required = isinstance(type, NonNullTypeNode) and definition.default_value is None
        type = type.type if isinstance(type, NonNullTypeNode) else type
        self.type_name = type.name.value if isinstance(type, NamedTypeNode) else ""
        # Lists, input objects and the scalar JSON are written as JSON.
        self.is_json = self.type_name in ("", "JSON") or isinstance(
            schema.type_map.get(self.type_name), GraphQLInputObjectType
        )

    def parse(self, text: str) -> Any:
        """Return the value of a text, or raise InvalidParameter.

        Strings, ids, timestamps and enum values are used as they are.
        """
        if self.is_json:
            return self._parse_json(text)
        match self.type_name:
            case "Boolean":
                return BOOLEANS[text] if text in BOOLEANS else self._reject("neither `true` nor `false`")
            case "Int" | "BigInt":
                number = parse_whole_number(text)
                return number if number is not None else self._reject("not a whole number")
            case "Float":
                return float(text) if NUMBER.fullmatch(text) else self._reject("not a number")
            case _:
                return text

    def _parse_json(self, text: str) -> Any:
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            self._reject("not well-formed JSON, as required for lists and input objects")

    def _reject(self, fault: str) -> Any:
        """Raise InvalidParameter without quoting the text."""
        raise InvalidParameter(f"`{self.name}` is {fault}.", parameter=self.name)


def query_parameters(operation: PreparedOperation) -> dict[str, QueryParameter]:
    """Return the query parameters of an operation by name."""
    parameters = [QueryParameter(d, operation.document.schema) for d in operation.node.variable_definitions or ()]
    return {parameter.name: parameter for parameter in parameters}


def parse_variables(query_string: bytes, parameters: Mapping[str, QueryParameter]) -> dict[str, Any]:
    """Return the variables in a query string.

    Raise InvalidParameter if one is unknown, repeated, missing, or not valid for its type.
    """
    variables = dict[str, Any]()
    for name, text in _pairs(query_string):
        parameter = parameters.get(name)
        if parameter is None:
            detail = f"{quote(name)} is not a parameter here" + ("." if parameters else "; this document has none.")
            raise InvalidParameter(detail, parameter=name, allowed=list(parameters), unknown=name)
        if name in variables:
            raise InvalidParameter(f"`{name}` is given twice.", parameter=name)
        variables[name] = parameter.parse(text)
    for name, parameter in parameters.items():
        if parameter.required and name not in variables:
            raise InvalidParameter(f"`{name}` is missing.", parameter=name)
    return variables


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise InvalidParameter("The query string is not percent-encoded UTF-8.") from None


def refusal_problem(error: RequestError) -> Problem:
    """Return a request error as a problem of HTTP. Invalid variables become invalid parameters."""
    if error.problem is not None:
        return error.problem
    faults: list[Fault] = []
    for entry in error.errors:
        message = entry["message"]
        match = VARIABLE_IN_MESSAGE.search(message)
        name = match[1] if match else None
        detail = VARIABLE_IN_MESSAGE.sub(f"`{name}`", message)
        faults.append(Fault(code="invalid", detail=detail, parameter=name))
    return InvalidParameter(faults[0].detail, parameter=faults[0].parameter, errors=faults)

"""The variables of a registered document as query parameters: one each, by the name and the type that the document declares."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from graphql import GraphQLInputObjectType, GraphQLSchema
from graphql.language import NamedTypeNode, NonNullTypeNode, VariableDefinitionNode

from tradepost.kit.problems import Fault, InvalidParameter, Problem

from ..documents.document import PreparedOperation
from ..problems import RequestError

WHOLE, NUMBER = re.compile(r"-?[0-9]{1,19}"), re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
SWITCHES = {"true": True, "false": False}
BLAMED = re.compile(r"Variable '\$(\w+)'")


class QueryParameter:
    """One variable: how its text is read, and whether it has to be given."""

    __slots__ = ("kind", "name", "needed", "structured")

    def __init__(self, definition: VariableDefinitionNode, schema: GraphQLSchema) -> None:
        self.name, of = definition.variable.name.value, definition.type
        self.needed = isinstance(of, NonNullTypeNode) and definition.default_value is None
        of = of.type if isinstance(of, NonNullTypeNode) else of
        self.kind = of.name.value if isinstance(of, NamedTypeNode) else ""
        # Lists, input objects and free JSON are written as JSON.
        self.structured = self.kind in ("", "JSON") or isinstance(
            schema.type_map.get(self.kind), GraphQLInputObjectType
        )

    def value(self, text: str) -> Any:
        """The value that a text means; texts, ids, times and enums' names are what they are."""
        if self.structured:
            return self.json(text)
        match self.kind:
            case "Boolean":
                return SWITCHES[text] if text in SWITCHES else self.refuse("neither `true` nor `false`")
            case "Int" | "BigInt":
                return int(text) if WHOLE.fullmatch(text) else self.refuse("not a whole number")
            case "Float":
                return float(text) if NUMBER.fullmatch(text) else self.refuse("not a number")
            case _:
                return text

    def json(self, text: str) -> Any:
        """A value in JSON."""
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            self.refuse("not well-formed JSON, which a list or an input object is written in")

    def refuse(self, fault: str) -> Any:
        """Says what is wrong with the text; it is not quoted."""
        raise InvalidParameter(f"`{self.name}` is {fault}.", parameter=self.name)


def query_parameters(operation: PreparedOperation) -> dict[str, QueryParameter]:
    """The parameters of a document, by name."""
    made = [QueryParameter(d, operation.document.schema) for d in operation.node.variable_definitions or ()]
    return {p.name: p for p in made}


def parse_variables(query: bytes, known: Mapping[str, QueryParameter]) -> dict[str, Any]:
    """The variables that a query string gives; 400 where one is unknown, missing, or no text of its type."""
    given = dict[str, Any]()
    for name, text in pairs(query):
        parameter = known.get(name)
        if parameter is None:
            said = f"`{name[:100]}` is no parameter here" + ("." if known else "; this document has none.")
            raise InvalidParameter(said, parameter=name[:100], allowed=list(known))
        if name in given:
            raise InvalidParameter(f"`{name}` is given twice.", parameter=name)
        given[name] = parameter.value(text)
    for name, parameter in known.items():
        if parameter.needed and name not in given:
            raise InvalidParameter(f"`{name}` is missing.", parameter=name)
    return given


def pairs(query: bytes) -> list[tuple[str, str]]:
    """The parameters in a query string."""
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise InvalidParameter("The query string cannot be read; percent-encode its values as UTF-8.") from None


def refusal_problem(refused: RequestError) -> Problem:
    """Why a document is not run, as a problem of HTTP: a variable that does not fit is a parameter that is not valid."""
    if refused.problem is not None:
        return refused.problem
    found: list[Fault] = []
    for error in refused.errors:
        blamed = BLAMED.search(error["message"])
        name = blamed[1] if blamed else None
        found.append(Fault(code="invalid", detail=f"{BLAMED.sub(f'`{name}`', error['message'])}", parameter=name))
    return InvalidParameter(found[0].detail, parameter=found[0].parameter, errors=found)

"""How an operation is declared, once: a method of a protocol with its HTTP verb and path.

The generic handler, the remote client, the OpenAPI document and the route tests are all
derived from the catalogue of these declarations.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Literal, TypeVar, get_type_hints
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic_core import from_json

from ..errors import Invalid

__all__ = [
    "UNSET",
    "Operation",
    "Request",
    "Unset",
    "delete",
    "get",
    "operations_of",
    "patch",
    "post",
    "put",
    "stream",
]

Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
F = TypeVar("F", bound=Callable[..., Any])


class Unset(Enum):
    """The default of a field that an update leaves as it is: not the same as null."""

    UNSET = "__unset__"


UNSET = Unset.UNSET


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


def _declare(verb: Verb, path: str) -> Callable[[F], F]:
    def mark(function: F) -> F:
        function.__dict__["__route__"] = (verb, path)
        return function

    return mark


def get(path: str) -> Callable[[F], F]:
    """Declare a method that reads."""
    return _declare("GET", path)


def post(path: str) -> Callable[[F], F]:
    """Declare a method that makes something."""
    return _declare("POST", path)


def put(path: str) -> Callable[[F], F]:
    """Declare a method that puts a value in place of another."""
    return _declare("PUT", path)


def patch(path: str) -> Callable[[F], F]:
    """Declare a method that changes what it is given and leaves the rest."""
    return _declare("PATCH", path)


def delete(path: str) -> Callable[[F], F]:
    """Declare a method that takes something away."""
    return _declare("DELETE", path)


def stream(name: str) -> Callable[[F], F]:
    """Declare a method that is the stream `name` of the Session, too large for JSON."""

    def mark(function: F) -> F:
        function.__dict__["__stream__"] = name
        return function

    return mark


@dataclass(frozen=True)
class Request:
    """An operation's call as HTTP carries it; `body` is JSON or None."""

    verb: Verb
    path: str
    query: dict[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Operation:
    """One Session method: `family.name`, its verb and its path below `/omero-jlab/api/v1/`."""

    family: str
    name: str
    verb: Verb
    path: str
    function: Callable[..., Any]

    @property
    def writes(self) -> bool:
        """Whether it may change the repository."""
        return self.verb != "GET"

    @cached_property
    def signature(self) -> inspect.Signature:
        """The method's parameters, without `self`."""
        whole = inspect.signature(self.function)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """The parameters that stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @cached_property
    def pattern(self) -> str:
        """The path as a regular expression with one named group per parameter."""
        return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path))

    @cached_property
    def parameters(self) -> type[BaseModel]:
        """A model of the arguments, which converts and checks them."""
        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {
            name: (hints[name], ... if p.default is p.empty else p.default)
            for name, p in self.signature.parameters.items()
        }
        name = "".join(part.title() for part in (self.family, self.name))
        return create_model(name, __base__=_Parameters, **fields)

    @cached_property
    def result(self) -> TypeAdapter[Any]:
        """Converts the answer to and from JSON."""
        hint = get_type_hints(self.function, include_extras=True)["return"]
        return TypeAdapter(hint)

    @property
    def summary(self) -> str:
        """The first line of the method's docstring."""
        return (inspect.getdoc(self.function) or self.name).partition("\n")[0]

    def request(self, *args: Any, **kwargs: Any) -> Request:
        """The HTTP form of a call."""
        bound = self.signature.bind(*args, **kwargs).arguments
        given = {k: v for k, v in bound.items() if v is not UNSET}
        sent = self._checked(given).model_dump(mode="json", include=set(given))
        path = self.path.format(**{k: quote(str(sent[k]), safe="") for k in self.in_path})
        rest = {k: v for k, v in sent.items() if k not in self.in_path}
        if self.verb in ("GET", "DELETE"):
            plain = {
                k: v if isinstance(v, str) else json.dumps(v)
                for k, v in rest.items()
                if v is not None
            }
            return Request(self.verb, path, plain, None)
        return Request(self.verb, path, {}, json.dumps(rest).encode())

    def arguments(
        self, in_path: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        """The arguments of a call that came over HTTP.

        Raises
        ------
        Invalid
            One is missing, unknown or of the wrong type; all of them are named.
        """
        given: dict[str, Any] = {**in_path}
        known = self.parameters.model_fields
        for key, text in query.items():
            is_text = key not in known or known[key].annotation in (str, str | None)
            given[key] = text if is_text else _from_query(text)
        if self.verb not in ("GET", "DELETE") and body:
            try:
                fields = from_json(body)
            except ValueError as error:
                raise Invalid(f"The body of {self.verb} {self.path} is no JSON: {error}") from None
            if not isinstance(fields, dict):
                raise Invalid(f"The body of {self.verb} {self.path} must be a JSON object.")
            given |= fields
        checked = self._checked(given)
        return {name: getattr(checked, name) for name in known}

    def _checked(self, given: Mapping[str, Any]) -> BaseModel:
        try:
            return self.parameters.model_validate(given)
        except ValidationError as error:
            found = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()
            )
            raise Invalid(f"{self.family}.{self.name} was called wrongly: {found}") from None


def _from_query(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return text


def operations_of(family: str, protocol: type) -> tuple[Operation, ...]:
    """The operations that `protocol` declares, in the order of their declaration."""
    declared = [(n, f, getattr(f, "__route__", None)) for n, f in vars(protocol).items()]
    return tuple(Operation(family, n, r[0], r[1], f) for n, f, r in declared if r)

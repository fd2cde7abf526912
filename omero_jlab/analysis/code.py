"""What a function is: its name, its text, and a digest of it and of what it uses."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["called", "digest", "text", "version"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LARGEST = 1 << 20


def called(function: Callable[..., Any]) -> str:
    """The function's name, with its module unless a notebook or a script defined it."""
    inner = _inner(function)
    module = getattr(inner, "__module__", "") or ""
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return name if module in ("", "__main__") else f"{module}.{name}"


def text(function: Callable[..., Any]) -> str:
    """The function's own text; empty where there is none."""
    inner = _inner(function)
    try:
        return inspect.getsource(inner if inspect.isroutine(inner) else type(inner))
    except (OSError, TypeError):
        return ""


def version(function: Callable[..., Any]) -> str:
    """The version of the package that the function is from; empty for a notebook's."""
    package = (getattr(_inner(function), "__module__", "") or "").partition(".")[0]
    try:
        return importlib.metadata.version(package) if package else ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def digest(function: Callable[..., Any]) -> str:
    """The SHA-256 of a function's text and of what it uses of its own.

    That are the functions and classes of the same package or notebook that it names, theirs in
    turn, and plain constants: a threshold that is changed somewhere above makes another function.
    Of libraries, files and larger objects nothing is known.
    """
    told = hashlib.sha256()
    for part in _parts(function, set(), _home(_inner(function))):
        told.update(part.encode("utf-8", "surrogatepass"))
        told.update(b"\0")
    return told.hexdigest()


def _inner(function: Any) -> Any:
    """What is called in the end."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, types.MethodType):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function


def _home(function: Any) -> str:
    return (getattr(function, "__module__", "") or "__main__").partition(".")[0]


def _parts(value: Any, seen: set[int], home: str) -> Iterator[str]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, functools.partial):
        yield f"partial {_plain(value.args)} {_plain(tuple(sorted(value.keywords.items())))}"
        yield from _parts(value.func, seen, home)
    elif isinstance(value, types.MethodType):
        yield from _parts(value.__func__, seen, home)
        yield from _parts(type(value.__self__), seen, home)
        yield _plain(tuple(sorted(vars(value.__self__).items()))) if _has_fields(value) else ""
    elif isinstance(value, types.FunctionType):
        yield from _of_function(value, seen, home)
    elif isinstance(value, type):
        yield _source(value) or value.__qualname__
        for method in vars(value).values():
            if isinstance(method, types.FunctionType):
                yield from _of_function(method, seen, home)
    elif hasattr(value, "__wrapped__"):
        yield from _parts(value.__wrapped__, seen, home)
    elif callable(value) and not isinstance(value, types.BuiltinFunctionType):
        yield from _parts(type(value), seen, home)
        yield _plain(tuple(sorted(vars(value).items()))) if hasattr(value, "__dict__") else ""
    else:
        yield repr(type(value))


def _has_fields(method: types.MethodType) -> bool:
    return hasattr(method.__self__, "__dict__") and not isinstance(method.__self__, type)


def _of_function(function: types.FunctionType, seen: set[int], home: str) -> Iterator[str]:
    unwrapped = inspect.unwrap(function)
    yield _source(unwrapped) or _compiled(function.__code__)
    yield _plain(function.__defaults__) + _plain(
        tuple(sorted((function.__kwdefaults__ or {}).items()))
    )
    if unwrapped is not function and isinstance(unwrapped, types.FunctionType):
        yield from _of_function(unwrapped, seen, home)
    for name, used in sorted(_used(function).items()):
        if isinstance(used, types.FunctionType | type | functools.partial):
            if _home(used) == home:
                yield name
                yield from _parts(used, seen, home)
        else:
            yield f"{name} = {_plain(used)}"


def _used(function: types.FunctionType) -> dict[str, Any]:
    """What the names in a function stand for that it does not define."""
    found = {
        name: function.__globals__[name]
        for name in _names(function.__code__)
        if name in function.__globals__
    }
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _source(value: Any) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        return ""


def _compiled(code: types.CodeType) -> str:
    """A function without a text, as it is compiled."""
    constants = [
        _compiled(each) if isinstance(each, types.CodeType) else _plain(each)
        for each in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _plain(value: Any) -> str:
    """A plain value as text; of others, which may differ from one call to the next, their type."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    if type(value).__module__ == "numpy" and getattr(value, "nbytes", _LARGEST + 1) <= _LARGEST:
        return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    return type(value).__qualname__

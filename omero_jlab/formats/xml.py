"""XML from strangers: no entities, no document types, bounded in size and depth."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from ..errors import TooLarge, Unreadable

__all__ = ["local_name", "parse"]

_MAX_BYTES = 64 << 20
_MAX_DEPTH = 100


class _Shallow(TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TooLarge(f"The XML is nested deeper than {_MAX_DEPTH} elements.")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse(data: bytes, name: str) -> Element:
    """The root element of `data`, with namespaces left out of the tags.

    Raises
    ------
    Unreadable
        It is no well-formed XML, or has a document type or entities.
    TooLarge
        More than 64 MiB, or nested deeper than 100 elements.
    """
    if len(data) > _MAX_BYTES:
        raise TooLarge(f"The XML of {name} has {len(data)} bytes, more than {_MAX_BYTES}.")
    parser = DefusedXMLParser(target=_Shallow(), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise Unreadable(f"The XML of {name} has entities or a document type: {error}") from error
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"The XML of {name} is damaged: {error}") from error
    for element in root.iter():
        element.tag = local_name(element.tag)
    return root


def local_name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]

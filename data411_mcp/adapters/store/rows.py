"""Our values as rows and back. A column is named like the field that it keeps; times are
microseconds, truth values 0 or 1, sets of words one text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from data411_mcp.adapters.store.sql import Row, micros, moment

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def columns(value: DataclassInstance) -> dict[str, object]:
    """The value's fields as query parameters. Tuples are left out: they have tables of their
    own."""
    found = ((field.name, getattr(value, field.name)) for field in fields(value))
    return {name: _stored(held) for name, held in found if not isinstance(held, tuple)}


def record(cls: type[T], row: Row, **given: object) -> T:
    """A dataclass from its row; `given` are the fields that the row does not hold as they are."""
    read = {
        name: row[name] if reader is None or row[name] is None else reader(row[name])
        for name, reader in _readers(cls).items()
        if name not in given
    }
    return cls(**read, **given)


def _stored(held: object) -> object:
    match held:
        case datetime():
            return micros(held)
        case Enum():
            return held.value
        case bool():
            return int(held)
        case frozenset():
            return " ".join(sorted(held))
    return held


@cache
def _readers(cls: type[Any]) -> Mapping[str, Callable[[Any], object] | None]:
    hints = get_type_hints(cls)
    return {field.name: _reader(hints[field.name]) for field in fields(cls)}


def _reader(hint: Any) -> Callable[[Any], object] | None:
    """For the stored form of a field of that type; None where it is kept as it is."""
    for kind in (hint, *get_args(hint)):
        if kind is datetime:
            return moment
        if isinstance(kind, type) and (kind is bool or issubclass(kind, Enum)):
            return kind
    return None

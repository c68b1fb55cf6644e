"""Frozen records as JSON, and back."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from archbench.libraries import needed


class Record:
    """A frozen dataclass that is written under the names of its fields, in their order.

    A subclass says what is otherwise: SCHEMA, the first key; DERIVED, properties that follow the
    fields; KEYS, all keys in their order, fields and properties alike; OMITTED, keys that are left
    out where they are true.
    """

    __slots__ = ()

    SCHEMA: ClassVar[str] = ""
    DERIVED: ClassVar[tuple[str, ...]] = ()
    KEYS: ClassVar[tuple[str, ...]] = ()
    OMITTED: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the record under its JSON names: lists for tuples, objects for records."""
        keys = self.KEYS or (*self.__dataclass_fields__, *self.DERIVED)
        values = ((key, getattr(self, key)) for key in keys)
        found = {key: as_json(v) for key, v in values if v is not True or key not in self.OMITTED}
        return {"schema": self.SCHEMA, **found} if self.SCHEMA else found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Read a record from its JSON; keys without a field are ignored.

        Raises:
            ValueError: it is something else, or of another schema: what was expected, and where.
            MissingLibrary: msgspec cannot be imported.
        """
        with needed("msgspec", "reading records"):
            import msgspec

        if cls.SCHEMA and found["schema"] != cls.SCHEMA:
            raise ValueError(f"schema '{found['schema']}' is not {cls.SCHEMA}")
        try:
            return msgspec.convert(found, cls)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error


def as_json(value: Any) -> Any:
    """Return a value as JSON has it, but for what JSON has no form for.

    >>> as_json((1, {"a": (2, None)}))
    [1, {'a': [2, None]}]
    """
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, tuple | list):
        return [as_json(one) for one in value]
    if isinstance(value, Mapping):
        return {key: as_json(one) for key, one in value.items()}
    return value

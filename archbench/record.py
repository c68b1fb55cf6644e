"""Frozen records as JSON and back, as the rows of data frames and of CSV, and in one line."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from archbench.libraries import needed
from archbench.one_line import one_line

if TYPE_CHECKING:
    import pandas

    Column = pandas.Series[Any]

LONGEST = 200  # characters of repr()
SHORT = 3  # items of a tuple that repr() still shows

Row = dict[str, Any]  # a value for each column


class Record:
    """A frozen dataclass that is written under the names of its fields, in their order.

    A subclass says what is otherwise: SCHEMA, the first key; DERIVED, properties that follow the
    fields; KEYS, all keys in their order, fields and properties alike; OMITTED, keys that are left
    out where they are true or empty; COLUMNS, the columns of its data frame and of CSV, where these
    are not simply the keys of its rows.
    """

    __slots__ = ()

    SCHEMA: ClassVar[str] = ""
    DERIVED: ClassVar[tuple[str, ...]] = ()
    KEYS: ClassVar[tuple[str, ...]] = ()
    OMITTED: ClassVar[tuple[str, ...]] = ()
    COLUMNS: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        """Keep the one-line repr(): dataclass() writes one of all fields into a class without."""
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Record.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return one_line(f"<{type(self).__name__} {self.summary_line}>", LONGEST)

    @property
    def summary_line(self) -> str:
        """What the record says, in short: its main figures; by default the fields that are set."""
        set_fields = {
            name: getattr(self, name)
            for name, field in self.__dataclass_fields__.items()
            if getattr(self, name) != _default(field)
        }
        text = ", ".join(f"{name}={_short(value)}" for name, value in set_fields.items())
        return text or "with all defaults"

    def to_dict(self) -> dict[str, Any]:
        """Return the record under its JSON names: lists for tuples, objects for records."""
        values = self.values()
        found = {
            key: as_json(value)
            for key, value in values.items()
            if key not in self.OMITTED or value not in (True, (), {})
        }
        return {"schema": self.SCHEMA, **found} if self.SCHEMA else found

    def values(self) -> Row:
        """Return the values behind the JSON names, as they are: shapes are tuples."""
        keys = self.KEYS or (*self.__dataclass_fields__, *self.DERIVED)
        return {key: getattr(self, key) for key in keys}

    def to_rows(self) -> list[Row]:
        """Return the rows of to_frame(), which CSV has too; by default one, the JSON in a row."""
        return [flat(self.to_dict())]

    def to_frame(self) -> "pandas.DataFrame":
        """Return the rows as a data frame; an empty cell is a value that does not exist.

        Raises:
            MissingLibrary: pandas cannot be imported.
        """
        return frame_of(self.to_rows(), self.COLUMNS)

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


R = TypeVar("R", bound=Record)


class Records(tuple[R, ...]):
    """Several records of one kind, as a tuple, with the data frame of all of them."""

    __slots__ = ()

    COLUMNS: ClassVar[tuple[str, ...]] = ()  #: of the data frame; by default the keys of the rows

    def __repr__(self) -> str:
        return one_line(f"<{type(self).__name__} {self.summary_line}>", LONGEST)

    @property
    def summary_line(self) -> str:
        """How many there are."""
        return f"{len(self):,}"

    def to_rows(self) -> list[Row]:
        """Return the rows of all records."""
        return [row for record in self for row in record.to_rows()]

    def to_frame(self) -> "pandas.DataFrame":
        """Return the rows of all records as a data frame.

        Raises:
            MissingLibrary: pandas cannot be imported.
        """
        return frame_of(self.to_rows(), self.COLUMNS)


def _default(field: Any) -> Any:
    """Return the default of a dataclass's field; MISSING where it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _short(value: Any) -> str:
    """Write a field's value: other records by their class, long tuples by their length."""
    if isinstance(value, Record):
        return type(value).__name__
    if isinstance(value, tuple | Mapping):
        plain = not any(isinstance(one, Record | tuple | Mapping) for one in value)
        return repr(value) if plain and len(value) <= SHORT else f"({len(value)})"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


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


def flat(found: Mapping[str, Any]) -> Row:
    """Bring nested keys to one level, and lists into one cell: "memory_estimate_peak_bytes".

    >>> flat({"a": 1, "b": {"c": 2}, "flags": ["x", "y"], "d": None})
    {'a': 1, 'b_c': 2, 'flags': 'x y', 'd': None}
    """
    row: Row = {}
    for key, value in found.items():
        if isinstance(value, Mapping):
            row |= {f"{key}_{inner}": item for inner, item in value.items()}
        else:
            row[key] = " ".join(map(str, value)) if isinstance(value, list) else value
    return row


def frame_of(rows: Iterable[Row], columns: Sequence[str] = ()) -> "pandas.DataFrame":
    """Return rows as a data frame: those columns, or every key of any row.

    Whole numbers stay whole: beside an empty cell pandas would make them floating-point numbers,
    which hold counts up to 2^53 only.

    Raises:
        MissingLibrary: pandas cannot be imported.

    >>> frame_of([{"a": 2**60 + 1, "b": 1.5}, {"a": None}])["a"].tolist()
    [1152921504606846977, <NA>]
    """
    with needed("pandas", "data frames"):
        import pandas

    frame = pandas.DataFrame(list(rows), columns=list(columns) or None, dtype=object)
    return frame.apply(_typed) if len(frame) else frame


def _typed(column: "Column") -> "Column":
    """Give a column of values the type that holds all of them."""
    present = [value for value in column if value is not None and value == value]
    kinds = {type(value) for value in present}
    if int not in kinds or (kinds == {int} and len(present) == len(column)):
        return column.infer_objects()
    if kinds == {int}:
        with suppress(OverflowError):
            return column.astype("Int64")
    return column

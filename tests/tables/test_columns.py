"""Tables made of columns and the values that they show."""

from archbench.tables.columns import Columns, table_of, without_empty
from archbench.tables.table import Column, Table

WORDS: Columns[str] = (
    (Column("word", "word"), lambda word: word),
    (Column("note", "note", optional=True), lambda word: "long" if len(word) > 3 else ""),
    (Column("length", "length"), len),
    (Column("number", "number", optional=True), lambda word: None if word.isalpha() else 0),
)


def keys(table: Table) -> list[str]:
    return [column.key for column in table.columns]


def test_each_record_has_a_row_with_a_value_for_each_column() -> None:
    """Optional columns are there too, until they are left out."""
    table = table_of(WORDS, ["a", "bc"], "words")
    assert keys(table) == ["word", "note", "length", "number"]
    assert (table.title, table.rows) == ("words", (("a", "", 1, None), ("bc", "", 2, None)))


def test_an_optional_column_stays_if_any_row_has_a_value() -> None:
    """A zero is a value; nothing and an empty text are none."""
    assert keys(without_empty(table_of(WORDS, ["a", "bc"]))) == ["word", "length"]
    table = without_empty(table_of(WORDS, ["a", "long", "7"]))
    assert keys(table) == ["word", "note", "length", "number"]
    assert table.rows[2] == ("7", "", 1, 0)


def test_what_stands_around_the_rows_stays() -> None:
    """Title, marks and headings belong to rows, which all stay."""
    column = Column("note", "note", optional=True)
    table = Table((column,), (("",),), "title", frozenset({0}), {0: "family"})
    assert without_empty(table) == Table((), ((),), "title", frozenset({0}), {0: "family"})

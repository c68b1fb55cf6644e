"""One small table in every format, and what happens where space is short."""

import io

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from archbench.commands.compare.changes import compare_structure
from archbench.commands.compare.report import structure_report
from archbench.commands.registry.report import info_report, list_report
from archbench.commands.summary.records import Summary
from archbench.commands.summary.report import summary_report
from archbench.networks.construct import paper_table
from archbench.networks.registry import ARCHITECTURES, find, related
from archbench.networks.registry.totals import kept_totals
from archbench.tables.render import Format, as_csv, as_markdown, as_rich, as_text, show
from archbench.tables.table import Column, Kind, Report, Table, Tone, Toned
from tests.shelf import counted

SMALL = Table(
    (
        Column("name", "name"),
        Column("output_shape", "output size", Kind.IMAGE),
        Column("params", "params", Kind.COUNT, group="n"),
        Column("more_params", "more", Kind.COUNT, group="n"),
        Column("latency_s", "latency", Kind.SECONDS),
        Column("n1x1", "#1×1", Kind.PRINTED),
        Column("ratio", "ratio", Kind.RATIO, rank=1),
    ),
    (
        ("a|b [red]", (64, 112, 112), 9472, None, 0.0123, 64, 1.5),
        ("net*_1", (1000,), 1_444_080, 12, None, None, None),
        ("c", None, 0, 2_000_000, 0.5, 192, 0.25),
    ),
    marked=frozenset({1}),
)
REPORT = Report("a title", (SMALL,), {"schema": "x/1", "n": 1}, (("params", "3"),), ("a note",))


def printed(report: Report, width: int) -> str:
    stream = io.StringIO()
    show(report, Console(file=stream, width=width, markup=False, highlight=False, emoji=False))
    return stream.getvalue()


def test_csv_keeps_every_digit() -> None:
    """Integers stay integers beside an empty cell; shapes are channels first."""
    assert as_csv(SMALL) == (
        "name,output_shape,params,more_params,latency_s,n1x1,ratio\n"
        "a|b [red],64x112x112,9472,,0.0123,64,1.5\n"
        "net*_1,1000,1444080,12,,,\n"
        "c,,0,2000000,0.5,192,0.25\n"
    )


def test_people_see_one_unit_per_column() -> None:
    """Three digits that count, a dash for what is missing, blank where the paper is blank."""
    lines = [line.rstrip() for line in printed(REPORT, 200).split("\n")]
    assert lines[0] == "a title"
    assert lines[2].split() == [
        *("name", "output", "size", "params", "(M)", "more", "(M)", "latency", "(ms)", "#1×1"),
        "ratio",
    ]
    assert lines[4].split() == [
        *("a|b", "[red]", "112×112×64", "0.00947", "-", "12.3", "64", "1.500")
    ]
    assert lines[5].split() == ["net*_1", "1×1×1000", "1.44", "0.0000120", "-", "-"]
    assert lines[6].split() == ["c", "-", "0", "2.00", "500", "192", "0.250"]
    assert lines[8:10] == ["params  3", "a note"]


def test_markdown_stays_a_table_whatever_the_cells_hold() -> None:
    """Parsed again, it has the same cells; marks of Markdown come out as themselves."""
    html = MarkdownIt("commonmark").enable("table").render(as_markdown(REPORT))
    assert html.count("<tr>") == 4
    assert html.count("<td") == 3 * 7
    assert "<td>a|b [red]</td>" in html
    assert "<strong>net*_1</strong>" in html
    assert "<h2>a title</h2>" in html


def test_json_is_the_document() -> None:
    """Nothing of the tables."""
    assert as_text(REPORT, Format.JSON) == '{\n  "schema": "x/1",\n  "n": 1\n}\n'


@pytest.mark.parametrize("name", [row.name for row in ARCHITECTURES if row.name != "resnet1202"])
@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("layers", [False, True])
def test_no_line_is_wider_than_the_terminal(name: str, width: int, layers: bool) -> None:
    """Columns go, by name, and no cell is cut."""
    architecture = next(row for row in ARCHITECTURES if row.name == name)
    found = Summary(counted(name), architecture, paper_table(architecture, {}))
    report = summary_report(found, layers=layers)
    out = printed(report, width)
    assert max(cell_len(line.rstrip()) for line in out.split("\n")) <= width
    assert "…" not in out
    shown = out.split("\n\n")[1].split("─")[0]
    for column in report.tables[0].columns:
        word = column.title.split()[-1]
        assert word in shown or f"Left out at {width} columns" in out


def test_at_80_columns_googlenet_keeps_what_matters() -> None:
    """The stage's name and depth go; the paper's widths, params and MACs stay."""
    architecture = find("googlenet")
    found = Summary(counted("googlenet"), architecture, paper_table(architecture, {}))
    report = summary_report(found)
    out = printed(report, 80)
    assert "Left out at 80 columns: stage, depth (-f csv has them)." in out
    row = next(line for line in out.split("\n") if line.startswith("inception (5b)"))
    assert row.split()[2:] == ["7×7×1024", "384", "192", "384", "48", "128", "128", "1,444", "70.7"]


def test_nothing_is_cut_in_a_pipe() -> None:
    """The list's longest column, what sets a version apart, is there whole."""
    out = printed(list_report(ARCHITECTURES, kept_totals()), 100_000)
    assert "Left out" not in out
    for row in ARCHITECTURES:
        assert row.differs in out
        assert row.paper.where in out


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_list_and_every_info_fit_their_terminal(width: int) -> None:
    """No line is wider, nothing is shortened; the errors keep their conditions beside them."""
    kept = kept_totals()
    reports = [list_report(ARCHITECTURES, kept)]
    reports += [info_report(row, kept[row.name], related(row)) for row in ARCHITECTURES]
    for report in reports:
        out = printed(report, width)
        assert max(cell_len(line.rstrip()) for line in out.split("\n")) <= width, report.title
        assert "…" not in out
    assert "22.97 / 6.28, dense, several scales" in printed(reports[0], 80)


def test_a_heading_above_rows_is_never_cut() -> None:
    """The first column is as wide as the longest heading of a group of rows."""
    table = Table((Column("name", "n"),), (("nin",), ("dsn",)), groups={1: "baselines"})
    out = io.StringIO()
    show(Report("two", (table,), {}), Console(file=out, width=80))
    assert "baselines\n" in out.getvalue()


def test_the_list_is_grouped_by_family() -> None:
    """Each family is a heading, in print and in Markdown; a column in CSV."""
    report = list_report(ARCHITECTURES, kept_totals())
    out = printed(report, 80).split("\n")
    headings = [line.strip() for line in out if line.strip() in ("baseline", "inception", "plain")]
    assert headings == ["baseline", "inception", "plain"]
    assert "| *inception* |" in as_text(report, Format.MD)
    first = as_text(report, Format.CSV).split("\n")[1]
    assert first.startswith("alexnet,baseline,2012,3x227x227,1000,60965224,724406816,8,40.7,18.2,")


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize(
    "names",
    [
        ("inception-resnet-v2", "inception-resnet-v2-paper"),
        ("googlenet", "bn-googlenet"),
        ("resnet34", "plain34"),
        ("inception-v3", "inception-v2"),
        ("alexnet", "vgg16", "inception-resnet-v1", "preact-resnet1001"),
    ],
    ids="-".join,
)
def test_comparisons_fit_their_terminal(names: tuple[str, ...], width: int) -> None:
    """Long names give way to letters, which the title tells; nothing is shortened."""
    comparison = compare_structure([counted(name) for name in names])
    out = printed(structure_report(comparison), width)
    assert "…" not in out
    table = out.split("\n\n", 1)[1]
    assert max(cell_len(line.rstrip()) for line in table.split("\n")) <= width
    assert all(name in out.split("\n\n")[0].replace("\n", " ") for name in names)


def test_toned_texts_are_coloured_and_say_it_too() -> None:
    """On a terminal by colour; in every other form the text alone."""
    cells = ((Toned("112K =", Tone.GOOD),), (Toned("364K ≠ 366.75", Tone.BAD),))
    table = Table((Column("params", "params"),), cells)
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system="standard")
    console.print(as_rich(table, 80)[0])
    assert "\x1b[32m112K =" in stream.getvalue()
    assert "\x1b[1;31m364K ≠ 366.75" in stream.getvalue()
    assert as_csv(table) == "params\n112K =\n364K ≠ 366.75\n"
    assert "| 364K ≠ 366.75 |" in as_markdown(Report("title", (table,), {}))


def test_a_cell_of_several_lines_is_as_wide_as_the_longest() -> None:
    """As a block of layers in a table of the papers; Markdown has it on one."""
    table = Table((Column("a", "a"), Column("b", "b")), (("3×3, 64;\n3×3, 64 =", "x"),))
    stream = io.StringIO()
    Console(file=stream, width=80).print(as_rich(table, 80)[0])
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines[2:] == ["3×3, 64;   x", "3×3, 64 ="]
    assert "| 3×3, 64; 3×3, 64 = | x |" in as_markdown(Report("title", (table,), {}))


def test_long_names_stand_above_their_texts() -> None:
    """Where they would leave the text less than two thirds of the line."""
    pairs = (("inception_3a, params: 159K <", "cut and not rounded " * 5),)
    stream = io.StringIO()
    show(Report("title", (), {}, pairs), Console(file=stream, width=60))
    lines = stream.getvalue().splitlines()
    assert lines[2] == "inception_3a, params: 159K <"
    assert lines[3].startswith("    cut and not rounded")
    assert max(map(len, lines)) <= 60


def test_no_digit_is_cut_on_a_narrow_terminal() -> None:
    """A table that cannot be made narrower is printed whole, and the terminal wraps its lines."""
    table = Table((Column("a", "a"), Column("b", "b", Kind.INTEGER)), (("x" * 30, 123_456_789),))
    stream = io.StringIO()
    show(Report("title", (table,), {}), Console(file=stream, width=24, force_terminal=True))
    assert "123,456,789" in stream.getvalue()
    assert "…" not in stream.getvalue()


def test_prose_takes_the_width_that_is_left() -> None:
    """It wraps on a terminal, shares a wide one, and goes where it does not fit; pipes have it."""
    text = " ".join(["word"] * 30)
    columns = (
        Column("id", "id"),
        Column("first", "first", Kind.PROSE),
        Column("second", "second", Kind.PROSE, rank=1),
    )
    report = Report("title", (Table(columns, (("name", text, text),)),), {})

    def shown(width: int, terminal: bool = True) -> list[str]:
        stream = io.StringIO()
        show(report, Console(file=stream, width=width, force_terminal=terminal, color_system=None))
        return stream.getvalue().splitlines()

    assert any("Left out at 50 columns: second" in line for line in shown(50))
    assert max(len(line.rstrip()) for line in shown(120)) <= 120
    assert sum("word" in line for line in shown(120)) < sum("word" in line for line in shown(80))
    piped = shown(100_000, terminal=False)
    assert f"name  {text}  {text}" in piped
    assert all(line == line.rstrip() for line in piped)

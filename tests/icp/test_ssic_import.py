"""The official SSIC file into the store, and files that are none."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import openpyxl
import pytest

from data411_mcp.adapters import ssic_workbook
from data411_mcp.adapters.ssic_workbook import read_ssic
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.icp.ssic_table import edition_of
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.icp.ssic_import import import_ssic
from data411_mcp.services.ports.icp import SsicRow, SsicTable

OFFICIAL = Path(__file__).resolve().parents[3] / "shared/eval/sg"
HEADER = (
    "SSIC 2025",
    "SSIC 2025 Title",
    "Groups Classified Under this Code",
    "Detailed Definitions",
    "Cross References",
    "Examples of Activities Classified Under this Code",
)
BLANK = "<Blank>"
CODES = (
    ("A", "AGRICULTURE AND FISHING", "•01", "This section includes growing.", BLANK, BLANK),
    ("01", "AGRICULTURE", "•011", BLANK, BLANK, BLANK),
    ("011", "GROWING OF CROPS", "•0111", BLANK, BLANK, BLANK),
    ("0111", "Growing of Food Crops", "•01111", BLANK, BLANK, BLANK),
    ("01111", "Growing of  leafy vegetables", BLANK, "Growing in\n\n soil.\n", "•x", "•kangkong"),
    ("01112", "Growing of mushrooms", BLANK, None, None, None),
    ("62011", "Development of software", BLANK, "Writing programs.", BLANK, BLANK),
)
ROWS = (
    SsicRow("A", "section", "AGRICULTURE AND FISHING", "This section includes growing."),
    SsicRow("01", "division", "AGRICULTURE"),
    SsicRow("011", "group", "GROWING OF CROPS"),
    SsicRow("0111", "class", "Growing of Food Crops"),
    SsicRow("01111", "subclass", "Growing of leafy vegetables", "Growing in\nsoil.", "•kangkong"),
    SsicRow("01112", "subclass", "Growing of mushrooms"),
    SsicRow("62011", "subclass", "Development of software", "Writing programs."),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(tmp_path / "store.sqlite3") as opened:
        yield opened


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    def made(*rows: object, name: str = "codes.xlsx", before: str | None = None) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        if before is not None:
            sheet.append([before])
            sheet = book.create_sheet("Table")
        for row in rows:
            sheet.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return made


def refused(path: Path) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as refusal:
        read_ssic(path)
    assert str(path.parent) not in f"{refusal.value.message} {refusal.value.hint}"
    return refusal.value


# --- reading -----------------------------------------------------------------------------


def test_the_detailed_definitions_are_read_with_their_edition(
    workbook: Callable[..., Path],
) -> None:
    title = ("Singapore Standard Industrial Classification 2025 – Detailed Definitions",)
    table = read_ssic(workbook(title, ("Last updated: 15 April 2025",), (), HEADER, *CODES))
    assert table == SsicTable("2025", ROWS)


def test_the_table_may_stand_on_any_sheet(workbook: Callable[..., Path]) -> None:
    assert read_ssic(workbook(HEADER, *CODES, before="Read me")).rows == ROWS


def test_the_structure_as_csv_takes_its_edition_from_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "ssic2020.csv"
    path.write_text(
        "\ufeffcode,level,parent,section,title\nA,section,,A,FARMS\n1,division,A,A,FARMING\n"
        "1111,subclass,0111,A,Leaves\n01112,subclass,0111,A,Mushrooms\n62011,subclass,6201,J,Apps\n"
        "62011,subclass,6201,J,Again\nx1,subclass,,,No code\n0,,,,No code\n",
        encoding="utf-8",
    )
    assert read_ssic(path) == SsicTable(
        "2020",
        (
            SsicRow("A", "section", "FARMS"),
            SsicRow("01", "division", "FARMING"),
            SsicRow("01111", "subclass", "Leaves"),
            SsicRow("01112", "subclass", "Mushrooms"),
            SsicRow("62011", "subclass", "Apps"),
        ),
    )


@pytest.mark.parametrize(
    ("said", "edition"),
    [
        ("SSIC 2025", "2025"),
        ("ssic2025a-detailed", "2025A"),
        ("SSIC 2025A Title", "2025A"),
        ("SSIC Version 2020", "2020"),
        ("Singapore Standard Industrial Classification 2015 (Version 2018)", "2015"),
        ("my_ssic_2025_codes", "2025"),
        ("Codes of 2025", ""),
    ],
)
def test_the_edition_is_what_the_file_calls_itself(said: str, edition: str) -> None:
    assert edition_of(said) == edition


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official workbook is not shipped")
def test_the_official_files_are_read_whole() -> None:
    detailed = read_ssic(OFFICIAL / "ssic2025a-detailed-definitions.xlsx")
    structure = read_ssic(OFFICIAL / "ssic2025.csv")
    assert (detailed.edition, structure.edition) == ("2025", "2025")
    assert len(detailed.rows) == len(structure.rows) == 1694
    assert sum(row.level == "subclass" for row in detailed.rows) == 988
    assert [row.code for row in detailed.rows] == [row.code for row in structure.rows]
    assert sum(bool(row.definition) for row in detailed.rows) > 1000


# --- what is no table --------------------------------------------------------------------


def test_a_table_that_does_not_say_its_edition_is_not_guessed(
    workbook: Callable[..., Path],
) -> None:
    path = workbook(("Code", "Title"), *((code[0], code[1]) for code in CODES))
    assert "edition" in refused(path).message


@pytest.mark.parametrize(
    "rows",
    [
        [("SSIC 2025", "Detailed Definitions"), *CODES],  # no titles
        [("SSIC 2025 Title", "Examples of Activities Classified Under this Code"), *CODES],
        [HEADER, *CODES[:4]],  # nothing of five digits
        [HEADER],
        [*[("",)] * 20, HEADER, *CODES],  # the header stands too deep
        [],
    ],
)
def test_a_workbook_without_the_columns_is_refused(
    workbook: Callable[..., Path], rows: list[tuple[str, ...]]
) -> None:
    assert "no table" in refused(workbook(*rows)).message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00\x01",
        b"%PDF-1.7 \x00",
        b"PK\x03\x04 and then nothing",
        b"<html>Please log in</html>",
        b'code,title\n"' + b"x" * 200_000,
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "ssic2025.xlsx"
    path.write_bytes(body)
    refused(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.xlsx").message
    assert "cannot be read" in refused(tmp_path).message


def zip_of(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        zip_of({"xl/worksheets/sheet1.xml": b" " * 40_000_000}),
        zip_of({f"xl/{n}.xml": b"" for n in range(600)}),
        zip_of({"readme.txt": b"no workbook"}),
        zip_of({"[Content_Types].xml": b"<Types><!ENTITY", "xl/workbook.xml": b"<"}),
    ],
    ids=["bomb", "many members", "another archive", "broken"],
)
def test_a_hostile_archive_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "ssic2025.xlsx"
    path.write_bytes(body)
    refused(path)


def test_a_file_over_the_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssic_workbook, "FILE_BYTES_MAX", 1000)
    path = tmp_path / "ssic2025.csv"
    path.write_text("code,title\n" * 1000, encoding="utf-8")
    assert "MB" in refused(path).message


# --- importing ---------------------------------------------------------------------------


async def test_an_import_says_what_came_in(store: SqliteStore) -> None:
    done = await import_ssic(store, SsicTable("2025", ROWS))
    assert (done.edition, done.codes, done.defined, done.newest) == ("2025", 7, 3, True)
    assert done.by_level["subclass"] == 3
    assert set(await store.ssic_rows()) == set(ROWS)
    older = await import_ssic(store, SsicTable("2020", ROWS[:5]))
    assert not older.newest
    assert set(await store.ssic_rows()) == set(ROWS)


async def test_the_structure_does_not_take_the_definitions_away(store: SqliteStore) -> None:
    await import_ssic(store, SsicTable("2025", ROWS))
    bare = tuple(SsicRow(row.code, row.level, f"{row.title}!") for row in ROWS)
    assert (await import_ssic(store, SsicTable("2025", bare))).defined == 3
    kept = {row.code: row for row in await store.ssic_rows()}
    assert kept["01111"] == SsicRow(
        "01111", "subclass", "Growing of leafy vegetables!", "Growing in\nsoil.", "•kangkong"
    )

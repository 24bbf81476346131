"""Lists of products, as people keep them."""

from __future__ import annotations

import pytest

from imgsim_core.applications.products.table import MOST_ROWS, read_table
from imgsim_core.errors import CatalogueError
from imgsim_core.text_file import decoded

CHINESE = "编号,名称,图片,价格\n茶-01,龙井绿茶,龙井.jpg,32\n茶-02,普洱茶,普洱.jpg,58\n"
WESTERN = "sku;name;image\n1;Café crème;café.jpg\n2;Müsli;muesli.jpg\n3;Käse;kaese.jpg\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (CHINESE.encode("utf-8"), "utf-8"),
        (CHINESE.encode("utf-8-sig"), "utf-8"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (CHINESE.encode("utf-16"), "utf-16"),
        (CHINESE.encode("utf-16-le"), "utf-16"),
        (CHINESE.encode("utf-16-be"), "utf-16"),
    ],
)
def test_a_chinese_list_is_read_in_every_encoding_it_is_saved_in(data, encoding):
    table = read_table("list.csv", data)
    assert table.encoding == encoding
    assert [(row.sku, row.title, row.pictures) for row in table.rows] == [
        ("茶-01", "龙井绿茶", ("龙井.jpg",)),
        ("茶-02", "普洱茶", ("普洱.jpg",)),
    ]
    assert table.rows[0].more == (("价格", "32"),)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_accents_are_not_taken_for_chinese(encoding):
    table = read_table("list.csv", WESTERN.encode(encoding))
    assert [row.title for row in table.rows] == ["Café crème", "Müsli", "Käse"]
    assert table.rows[0].pictures == ("café.jpg",)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter):
    lines = [("Item ID", "Product name", "Image file"), ("7", "Tea, green", "tea.jpg")]
    written = "\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    table = read_table("list.csv", written.encode())
    assert table.delimiter == delimiter
    assert (table.rows[0].sku, table.rows[0].title) == ("7", "Tea, green")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("Image", "picture"),
        ("FILE_NAME", "picture"),
        ("图片文件", "picture"),
        ("Product ID", "sku"),
        ("EAN", "sku"),
        ("货号", "sku"),
        ("Product title", "title"),
        ("商品名称", "title"),
    ],
)
def test_columns_are_found_by_their_usual_names(header, part):
    others = {"picture": "picture", "sku": "sku", "title": "title"} | {part: header}
    table = read_table("list.csv", (",".join(others.values()) + "\na.jpg,b,c\n").encode())
    assert (part, header) in table.columns


def test_several_pictures_stand_in_one_cell_or_in_several_columns():
    written = "sku,picture 1,picture 2\n1,a.jpg;b.jpg,c.jpg\n2,d.jpg,\n"
    rows = read_table("list.csv", written.encode()).rows
    assert [row.pictures for row in rows] == [("a.jpg", "b.jpg", "c.jpg"), ("d.jpg",)]


def test_an_id_column_beside_an_sku_column_is_kept_as_it_is():
    rows = read_table("list.csv", b"id,sku,picture\n9,A-1,a.jpg\n").rows
    assert rows[0].sku == "A-1"
    assert rows[0].more == (("id", "9"),)


def test_without_an_sku_the_picture_gives_one_and_that_is_said():
    table = read_table("list.csv", b"picture,title\nshelf/tea.jpg,Tea\n")
    assert table.rows[0].sku == "tea"
    assert "SKU" in str(table.notes[0])


def test_empty_lines_are_passed_over_and_lines_are_counted_as_an_editor_does():
    rows = read_table("list.csv", b'sku,picture,title\n\n1,a.jpg,"two\nlines"\n2,b.jpg,x\n').rows
    assert [(row.sku, row.line) for row in rows] == [("1", 3), ("2", 5)]


def test_ten_thousand_rows_are_the_most_and_the_rest_is_counted():
    lines = "".join(f"{n},p{n}.jpg,thing {n}\n" for n in range(MOST_ROWS + 5))
    table = read_table("list.csv", ("sku,picture,title\n" + lines).encode())
    assert len(table.rows) == MOST_ROWS
    assert str(table.notes[0]).startswith("5 rows were left out")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf  \n", "is empty"),
        (b"sku,title\n1,tea\n", "names the picture files"),
        (b"sku,picture\n", "holds no product"),
        (bytes(range(256)) * 40, "list.csv"),
        (b'sku,picture\n1,"' + b"x" * 200_000, "table"),
    ],
)
def test_what_is_no_list_is_refused_by_name(data, said):
    with pytest.raises(CatalogueError, match=said) as caught:
        read_table("list.csv", data)
    assert "list.csv" in str(caught.value)


def test_any_bytes_can_be_decoded():
    for data in (b"\xff\xfe\x00", b"\x80\x81", bytes(range(256))):
        assert isinstance(decoded(data)[1], str)

"""Images that a table lists."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from oral_cancer.data.collection import Collection, ImageFile, in_words
from oral_cancer.data.division import divided
from oral_cancer.data.splits import number_of_folds, split
from oral_cancer.data.table import TableSource
from oral_cancer.errors import UserError

Collect = Callable[..., Collection]


@pytest.fixture
def collect(tmp_path: Path) -> Collect:
    """A function that writes a table beside (empty) images and collects what it lists."""
    for name in (*"abcdef", "plate/g"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.png").touch()

    def of(text: str | bytes, name: str = "cells.csv", **options: Any) -> Collection:
        table = tmp_path / name
        table.write_bytes(text if isinstance(text, bytes) else text.encode())
        return TableSource(**{"table": table} | options).collect()

    return of


def by_path(collection: Collection) -> dict[str, ImageFile]:
    return {file.path: file for file in collection.files}


def refused(collect: Collect, text: str, **options: Any) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        collect(text, **options)
    return caught.value.lines


PLAIN = "file,label\na.png,x\nb.png,y\nplate/g.png,x\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\r\n").encode("utf-8-sig"),
        PLAIN.replace(",", "\t").encode("utf-16"),
        'file,label,remark\n"a.png",x,"two\nlines, and a comma"\nb.png, y ,\n\n,,\nplate/g.png,x,\n',
        PLAIN.replace("file,", "File Name,").replace("label", "Cell_Type"),
        PLAIN.replace("plate/", "plate\\"),
        "sep=;\n" + PLAIN.replace(",", ";"),
        PLAIN.replace("file,label", "Image_Metadata_File,Metadata_Label"),
    ],
)
def test_a_table_is_read_however_it_was_saved(collect: Collect, content: str | bytes) -> None:
    collection = collect(content)
    assert {file.path: file.label for file in collection.files} == {"a.png": "x", "b.png": "y", "plate/g.png": "x"}
    assert collection.labels.classes == ("x", "y")
    assert collection.problems == ()


def test_what_was_guessed_is_said(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    collect("Image ID,class,area\na.png,x,3\nb.png,y,4\n")
    assert capsys.readouterr().err.endswith("cells.csv: 2 rows; file 'Image ID', label 'class'; not read: area\n")


def test_images_beside_those_of_the_table_are_left_out(collect: Collect) -> None:
    said = in_words(collect(PLAIN).record())
    assert said.startswith("3 images (3 .png); left out: ")
    assert "4 beside the images of the table, but not in it (c.png, d.png, e.png, f.png)" in said


@pytest.mark.parametrize("content", ["file;x;y\na.png;0,25;0,75\nb.png;3;1\nc.png;1;0\nd.png;0;7\n"])
def test_numbers_of_each_class_are_scaled_to_one(collect: Collect, content: str) -> None:
    collection = collect(content)
    assert {file.path: file.label for file in collection.files} == {
        "a.png": "1:3",
        "b.png": "3:1",
        "c.png": "x",
        "d.png": "y",
    }
    assert collection.soft_labels().tolist() == [[0.25, 0.75], [0.75, 0.25], [1, 0], [0, 1]]
    assert collection.labels.classes == ("x", "y")


def test_votes_beside_a_label_are_soft_targets_of_a_pure_image(collect: Collect) -> None:
    collection = collect("file,label,x,y,area\na.png,x,3,1,90\nb.png,y,0,2,80\nc.png,x,,,70\n")
    assert collection.labels.mixtures == {}
    assert collection.labels.classes == ("x", "y")
    assert collection.names().tolist() == ["x", "y", "x"]
    assert collection.soft_labels().tolist() == [[0.75, 0.25], [0, 1], [1, 0]]
    assert [file.proportions for file in collection.files] == [(0.75, 0.25), None, None]


def test_a_label_beside_proportions_may_name_a_mixture(collect: Collect) -> None:
    collection = collect("file,label,x,y\na.png,half,5,5\nb.png,half,4,6\nc.png,x,1,0\nd.png,y,0,1\n")
    assert collection.labels.classes == ("x", "y")
    assert collection.labels.mixtures["half"] == pytest.approx((0.45, 0.55))
    assert collection.soft_labels()[:2].ravel().tolist() == pytest.approx([0.5, 0.5, 0.4, 0.6])


def test_a_mixture_may_be_told_by_its_parts(collect: Collect) -> None:
    text = "file,label\na.png,x\nb.png,y\nc.png,both\n"
    assert collect(text, mixtures={"both": {"parts": {"x": 1, "y": 3}}}).labels.mixtures == {"both": (0.25, 0.75)}
    assert refused(collect, text, mixtures={"both": {"parts": {"z": 1}}}) == (
        "source.mixtures.both: has the part z, which is no class; give parts of x, y",
    )


def test_mixtures_of_different_classes_are_named_with_them(collect: Collect) -> None:
    collection = collect("file,x,y,z\na.png,1,1,0\nb.png,0,1,1\nc.png,2,1,1\n")
    assert sorted(collection.labels.mixtures) == ["1:1 x, y", "1:1 y, z", "2:1:1 x, y, z"]


def test_many_proportions_are_called_mixed(collect: Collect, tmp_path: Path) -> None:
    shares = {f"{i}.png": i for i in range(25)}
    for name in shares:
        (tmp_path / name).touch()
    collection = collect("file,x,y\n" + "".join(f"{name},{i},{24 - i}\n" for name, i in shares.items()))
    assert Counter(file.label for file in collection.files) == {"x": 1, "y": 1, "mixed": 23}
    assert by_path(collection)["6.png"].proportions == (0.25, 0.75)


def test_a_class_of_which_no_image_has_anything_is_none(collect: Collect) -> None:
    assert collect("file,x,y,z\na.png,1,1,0\nb.png,1,0,0\n").labels.classes == ("x", "y")


def test_labels_have_the_users_names(collect: Collect) -> None:
    text = "file,label\na.png,1\nb.png,2\nc.png,3\n"
    collection = collect(text, names={1: "T", "2": "B", 3: "T"})
    assert collection.names().tolist() == ["T", "B", "T"]
    lines = refused(collect, text, names={4: "T"})
    assert lines == ("source.names.4: is no label of the table: mend it or leave it out; labels are 1, 2, 3",)


def test_few_images_of_a_label_are_left_out(collect: Collect) -> None:
    collection = collect("file,label\na.png,x\nb.png,x\nc.png,y\nd.png,y\ne.png,z\n", min_per_label=2)
    assert collection.labels.classes == ("x", "y")
    assert "1 of a label with fewer images than source.min_per_label (e.png)" in in_words(collection.record())


def test_splits_in_many_spellings(collect: Collect) -> None:
    text = "file,label,split\na.png,x,Training\nb.png,y,train\nc.png,x,valid\nd.png,y,val\ne.png,x,TEST\n"
    collection = collect(text)
    assert [file.split for file in collection.files] == ["train", "train", "val", "val", "test"]
    assert number_of_folds(collection, 5) == 1
    without_val = collect(text.replace("valid", "").replace("val", ""))
    assert [file.split for file in without_val.files] == [None, None, None, None, "test"]


def test_folders_called_as_splits_are_splits(collect: Collect, tmp_path: Path) -> None:
    for path in ("train/1.png", "train/2.png", "test/3.png", "test/4.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    text = "file_name,label\ntrain/1.png,x\ntrain/2.png,y\ntest/3.png,x\ntest/4.png,y\n"
    assert [file.split for file in collect(text, "metadata.csv").files] == ["test", "test", None, None]
    assert [file.split for file in collect(text, columns={"split": None}).files] == [None] * 4


def test_folds_of_the_table_are_the_folds(collect: Collect) -> None:
    text = "file,label,fold\na.png,x,1\nb.png,y,1\nc.png,x,2\nd.png,y,2\ne.png,x,3\nf.png,y,3\n"
    collection = collect(text, test_share=0)
    assert number_of_folds(collection, 5) == 3
    assert [split(collection, fold, 5, 0).homo_val.tolist() for fold in range(3)] == [[0, 1], [2, 3], [4, 5]]
    lines = refused(collect, text.replace("fold\n", "fold,split\n").replace(",3\n", ",,val\n").replace("1\n", "1,\n"))
    assert any("2 columns" in line or "cells for" in line for line in lines)


def test_folds_and_a_validating_part_exclude_each_other(collect: Collect) -> None:
    (line,) = refused(collect, "file,label,fold,split\na.png,x,1,\nb.png,y,,val\n")
    assert line == "source.table: there are folds and a part that validates; leave one of the columns out"


@pytest.mark.parametrize(
    ("head", "rows", "groups"),
    [
        ("donor", "d1 d2 d1", ["d1", "d2", "d1"]),
        ("Metadata_Plate,Metadata_Well", "p1,A01 p2,A01 p2,A02", ["p1", "p2", "p2"]),
        ("Metadata_Plate,Metadata_Well", "p1,A01 p1,A01 p1,A02", ["A01", "A01", "A02"]),
        ("plate", "p1 p1 p1", [None, None, None]),
    ],
)
def test_the_widest_group_that_varies_is_the_group(
    collect: Collect, head: str, rows: str, groups: list[str | None]
) -> None:
    told = [f"{name}.png,{label},{row}" for name, label, row in zip("abc", "xyx", rows.split(), strict=True)]
    assert [file.group for file in collect("\n".join([f"file,label,{head}", *told])).files] == groups


def test_a_group_may_be_named_switched_off_or_found_in_the_path(collect: Collect) -> None:
    text = "file,label,donor,culture\na.png,x,d1,c1\nb.png,y,d2,c1\nplate/g.png,x,d2,c2\n"
    assert [file.group for file in collect(text, columns={"group": "culture"}).files] == ["c1", "c1", "c2"]
    assert [file.group for file in collect(text, columns={"group": None}).files] == [None] * 3
    found = collect(text, columns={"group": None}, group_by="folder")
    assert [file.group for file in found.files] == [".", ".", "plate"]


def test_bad_rows_are_named_with_their_lines_all_at_once(collect: Collect) -> None:
    text = (
        "file,label,x,y,split,fold\n"
        "nowhere.png,x,1,0,,\n"
        "a.png,,1,0,,\n"
        "b.png,x,-1,2,,\n"
        "c.png,x,nan,2,,\n"
        "d.png,x,0,0,,\n"
        "e.png,x,1,0,later,\n"
        "f.png,x,1,0,,first\n"
        "../g.png,x,1,0,,\n"
        "plate/g.png,y,1,1,,\n"
    )
    said = [re.sub(r".*cells\.csv, line ", "", line) for line in refused(collect, text)]
    assert [line.partition(": ")[0] for line in said] == ["2", "3", "4", "5", "6", "7", "8", "9", "10"]
    for line, words in zip(
        said,
        [
            "nowhere.png is missing: mend it, or see source.root and source.file",
            "the cell label is empty",
            "x -1: must be numbers of at least 0",
            "x nan: must be numbers of at least 0",
            "x, y are all 0, so that nothing is known of the image",
            "'later' is no split: write train, val or test",
            "'first' is no fold: write a whole number",
            "../g.png lies outside of",
            "the label y has no greater share than x: mend it, or leave the cells of all classes empty",
        ],
        strict=True,
    ):
        assert words in line


def test_of_many_bad_rows_ten_are_named_and_the_others_counted(collect: Collect) -> None:
    lines = refused(collect, "file,label\n" + "".join(f"no{i}.png,x\n" for i in range(15)))
    assert len(lines) == 11
    assert lines[-1] == "source.table: 5 more bad rows"


def test_a_file_in_two_rows_counts_once_if_both_say_the_same(collect: Collect) -> None:
    assert len(collect("file,label\na.png,x\nb.png,y\na.png,x\n").files) == 2
    (line,) = refused(collect, "file,label\na.png,x\nb.png,y\na.png,y\n")
    assert re.search(
        r"line 4: a\.png is told otherwise in .*line 2 \(label x, here y\): keep the row that is right", line
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a.png,x\nb.png,y\n", "no column file (or file_name, path, file_path); name it: source.columns={file: ...}"),
        ("file,remark\na.png,good\n", "no column label (or class, class_label, cell_type), nor columns with a number"),
        ("file,label,label\na.png,x,y\n", "3 columns, of which two are called 'label'; rename one of them"),
        ("file,label\na.png\nb.png,x,y\n", "line 2: has 1 cell for 2 columns: mend it"),
        ("file,label\n7,x\n", "7 is no file of an image: give its path, or a pattern such as source.file=images/{}"),
        ("file,label\na.docx,x\n", "a.docx is of a kind that is not read"),
        ("file,label,donor\na.png,x,1\nb.png,x,2\nc.png,x,\n", "line 4: the cell donor is empty"),
        ("file,label\na.png,x\nb.png,x\n", "1 class (x); there must be 2 to 50"),
    ],
)
def test_a_table_that_says_too_little_is_refused(collect: Collect, text: str, words: str) -> None:
    assert words in "\n".join(refused(collect, text))


def test_a_table_in_another_encoding_is_refused(collect: Collect) -> None:
    with pytest.raises(UserError, match=r"is not UTF-8 \(byte 17\): save it as CSV UTF-8"):
        collect("file,label\na.png,ü\n".encode("latin-1"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table": []}, "source.table=[]: must be a table's file, a list of such, or {group: table, ...}"),
        ({"table": "no.csv"}, "source.table: no.csv does not exist"),
        ({"columns": {"labels": "x"}}, "source.columns.labels: is no option; did you mean source.columns.label?"),
        ({"columns": {"label": "kind"}}, "no column 'kind' (source.columns.label); there are file, label"),
        ({"columns": {"proportions": ["x"]}}, "no column 'x' (source.columns.proportions)"),
        ({"file": "images"}, "must have one place in braces, such as images/{:03d}.png"),
        ({"file": "{:z}.png"}, "'z' is no format of a text or a whole number"),
        ({"file": "{0.__class__}.png"}, "must have one place in braces"),
        ({"file": ["{}.png", "{}.jpg"]}, "must be one pattern, or as source.table one for each table"),
        ({"file": "{:03d}.png"}, "'a.png' is no whole number, as source.file={:03d}.png needs it"),
        ({"min_per_label": 0}, "source.min_per_label=0: must be a whole number of at least 1"),
        ({"min_per_label": 9}, "0 classes; there must be 2 to 50"),
        ({"root": "nowhere"}, "source.root: nowhere does not exist"),
        ({"test_share": 1}, "source.test_share=1: must be a number from 0 to below 1"),
    ],
)
def test_faulty_options_are_refused(collect: Collect, options: dict[str, Any], words: str) -> None:
    assert words in "\n".join(refused(collect, PLAIN, **options))


def test_several_tables_each_in_its_folder(collect: Collect, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "007.bmp").touch()
        (tmp_path / name / "t.csv").write_text(f"image ID,{name} class\n7,{name}\n")
    tables = {name: tmp_path / name / "t.csv" for name in ("one", "two")}
    collection = TableSource(tables, columns={"label": ["one class", "two class"]}, file="{:03d}.bmp").collect()
    assert collection.root == tmp_path
    assert {file.path: (file.label, file.group) for file in collection.files} == {
        "one/007.bmp": ("one", "one"),
        "two/007.bmp": ("two", "two"),
    }
    with pytest.raises(UserError, match=r"source\.columns\.group: source\.table has a group for each table already"):
        TableSource(tables, columns={"group": "plate"})


def test_whole_paths_may_lie_elsewhere(collect: Collect, tmp_path: Path) -> None:
    elsewhere = tmp_path / "tables"
    elsewhere.mkdir()
    (elsewhere / "t.csv").write_text(f"file,label\n{tmp_path / 'a.png'},x\n{tmp_path / 'plate/g.png'},y\n")
    collection = TableSource(elsewhere / "t.csv").collect()
    assert (collection.root, [file.path for file in collection.files]) == (tmp_path, ["a.png", "plate/g.png"])


def test_names_in_leave_out_are_left_out(collect: Collect) -> None:
    collection = collect(PLAIN + "c.png,x\n", leave_out=["plate", "a.png"])
    assert [file.path for file in collection.files] == ["b.png", "c.png"]
    assert collection.problems == ()
    assert "2 named in source.leave_out" in in_words(collection.record())
    assert collect(PLAIN, leave_out=["nothing"]).problems == (
        "source.leave_out: nothing is the name of nothing here: mend it or leave it out",
    )


def test_an_excel_sheet_is_a_table(collect: Collect, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["file", "label", "x", "y"], ["a.png", 1, 0.75, 0.25], [None] * 4, ["b.png", 2.0, 0, 3]):
        book.active.append(row)
    book.save(tmp_path / "cells.xlsx")
    collection = TableSource(tmp_path / "cells.xlsx", names={1: "x", 2: "y"}).collect()
    assert [(file.label, file.proportions) for file in collection.files] == [("x", (0.75, 0.25)), ("y", None)]
    (tmp_path / "broken.xlsx").write_bytes(b"no archive")
    with pytest.raises(UserError, match="is no Excel file that can be read"):
        TableSource(tmp_path / "broken.xlsx").collect()


def test_of_several_sheets_the_first_is_said_to_be_read(
    collect: Collect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("file", "label", "day"), ("a.png", "x", date(2024, 5, 1)), ("b.png", "y", date(2024, 5, 2))):
        sheet.append(row)
    book.create_sheet("more")
    book.save(tmp_path / "sheets.xlsx")
    found = TableSource(table=tmp_path / "sheets.xlsx").collect()
    assert {file.group for file in found.files} == {"2024-05-01", "2024-05-02"}
    assert "sheets.xlsx (the sheet 'Sheet', the first of 2): 2 rows" in capsys.readouterr().err
    (tmp_path / "sheets.xlsx").rename(tmp_path / "sheets.csv")
    with pytest.raises(UserError, match=r"is a spreadsheet, but no Excel file by its name: save it as \.xlsx or CSV"):
        TableSource(table=tmp_path / "sheets.csv").collect()


def test_without_its_reader_an_excel_sheet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    (tmp_path / "cells.xlsx").touch()
    with pytest.raises(UserError, match=r"read by openpyxl: `pip install openpyxl`, or save it as CSV UTF-8"):
        TableSource(tmp_path / "cells.xlsx").collect()


def test_white_blood_cells_need_settings_alone(white_blood_cells: Path) -> None:
    laboratories = {f"laboratory {number}": number for number in (1, 2)}
    collection = TableSource(
        {name: f"Class Labels of Dataset {number}.csv" for name, number in laboratories.items()},
        root=white_blood_cells,
        file={name: f"Dataset {number}/{{:03d}}.bmp" for name, number in laboratories.items()},
        names={1: "neutrophil", 2: "lymphocyte", 3: "monocyte", 4: "eosinophil", 5: "basophil"},
        min_per_label=30,
    ).collect()
    assert collection.problems == ()
    assert Counter(file.label for file in collection.files) == {
        "neutrophil": 209,
        "lymphocyte": 90,
        "monocyte": 63,
        "eosinophil": 34,
    }
    assert Counter(file.group for file in collection.files) == {"laboratory 1": 299, "laboratory 2": 97}
    divided_by_laboratory = divided(collection, "leave_one_group_out")
    first = split(divided_by_laboratory, 0, "leave_one_group_out", 0)
    assert {divided_by_laboratory.files[row].group for row in first.homo_val} == {"laboratory 1"}


def test_names_with_umlauts_are_found_in_either_form(collect: Collect, tmp_path: Path) -> None:
    (tmp_path / "zu\u0308rich.png").touch()
    found = collect("file,label\nz\u00fcrich.png,x\nb.png,y\n")
    assert "zu\u0308rich.png" in by_path(found)


def test_rows_that_say_the_same_again_are_counted(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(collect(PLAIN + "./a.png,x\n").files) == 3
    assert "1 row of an image that another row is of too, and which says the same" in capsys.readouterr().err


def test_folds_may_be_written_with_a_point(collect: Collect) -> None:
    found = collect("file,label,fold\na.png,x,0.0\nb.png,y,1.0\n")
    assert {file.fold for file in found.files} == {0, 1}


def test_folders_called_as_splits_beside_others_are_said_to_be_none(
    collect: Collect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{folder}/{name}.png" for folder in ("train", "test", "extra") for name in "xy"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = collect("file,label\n" + "".join(f"{name},{name[-5]}\n" for name in names))
    assert {file.split for file in found.files} == {None}
    assert (
        "the folders train, test are not taken for splits, as images lie in extra too; a column split"
        in capsys.readouterr().err
    )


def test_a_mixture_that_labels_no_image_is_refused(collect: Collect) -> None:
    (line,) = refused(collect, PLAIN, mixtures={"1:1": {"parts": {"x": 1, "y": 1}}})
    assert line == "source.mixtures.1:1: is the label of no image: mend it or leave it out; labels are x, y"


def test_numbers_without_a_label_are_said_to_be_taken_for_mixtures(
    collect: Collect, capsys: pytest.CaptureFixture[str]
) -> None:
    collect("file,x,y\na.png,3,1\nb.png,1,3\nc.png,4,0\nd.png,0,4\n")
    assert "taken for mixtures (votes on pure images want a column of labels" in capsys.readouterr().err
    collect("file,label,x,y\na.png,x,3,1\nb.png,y,1,3\nc.png,x,4,0\nd.png,y,0,4\n")
    assert "taken for mixtures" not in capsys.readouterr().err

"""Hidden rows and formulas that failed, which the reader of cells does not hand on."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import BinaryIO
from xml.etree import ElementTree

from etl.files.package import BROKEN_ZIP, CHUNK, MAX_MANIFEST, is_old

# A formula and the start of its cell are never longer, so that nothing is cut at a chunk's end.
OVERLAP = 1 << 16

_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\s[^>]*?\bhidden=[\"'](?:1|true)[\"'][^>]*>")
_ERROR_CELL = re.compile(
    rb"<(?:\w+:)?c\s([^>]*?\bt=[\"']e[\"'][^>]*)>"
    rb"(?:<(?:\w+:)?f[^>]*/>|<(?:\w+:)?f[^>]*>[^<]*</(?:\w+:)?f>)?"
    rb"<(?:\w+:)?v>([^<]{1,40})</"
)
_PLACE = re.compile(rb"\br=[\"']([A-Z]{0,3})(\d{1,7})[\"']")
# What the binary formats write for a formula that failed.
ERROR_CODES = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}


@dataclass
class Marks:
    """What the reader of cells does not hand on: hidden rows, and cells whose formula failed."""

    hidden: set[int] = field(default_factory=set)
    errors: dict[int, dict[int, str]] = field(default_factory=dict)


def find_marks(file: BinaryIO) -> dict[str | int, Marks]:
    """The marks of each sheet: of an xls by position, of all others by name.

    Rows and columns count from zero. Looks only for bytes; a sheet is gone through by patterns
    where the bytes are in it.
    """
    if is_old(file):
        from etl.files.biff import find_old_marks

        with suppress(OSError, ValueError, struct.error, IndexError):
            return dict(enumerate(find_old_marks(file)))
        return {}
    return _find_in_package(file)


def _find_in_package(file: BinaryIO) -> dict[str | int, Marks]:
    found: dict[str | int, Marks] = {}
    with suppress(*BROKEN_ZIP, ElementTree.ParseError), zipfile.ZipFile(file) as package:
        names = package.namelist()
        if "content.xml" in names:
            from etl.files.ods import find_ods_marks

            return find_ods_marks(package)
        if "xl/workbook.bin" in names:
            from etl.files.xlsb import find_xlsb_marks

            return find_xlsb_marks(package)
        for name, path in _list_sheets(package).items():
            with suppress(*BROKEN_ZIP):
                found[name] = _scan_sheet(package, path)
    return found


def list_targets(package: zipfile.ZipFile, path: str) -> dict[str, str]:
    """Where in the package the parts lie that a file of links names by their ids."""
    return {
        link.get("Id", ""): normpath(join("xl", link.get("Target", ""))).lstrip("/")
        for link in _parse(package, path)
    }


def _list_sheets(package: zipfile.ZipFile) -> dict[str, str]:
    """Where in the package each sheet lies."""
    targets = list_targets(package, "xl/_rels/workbook.xml.rels")
    sheets: dict[str, str] = {}
    for mark in _parse(package, "xl/workbook.xml"):
        if mark.tag.rpartition("}")[2] == "sheet":
            ids = [value for key, value in mark.items() if key.endswith("}id")]
            if ids and (path := targets.get(ids[0])):
                sheets[mark.get("name", "")] = path
    return sheets


def _parse(package: zipfile.ZipFile, path: str) -> Iterator[ElementTree.Element]:
    info = package.getinfo(path)
    if info.file_size > 10 * MAX_MANIFEST:
        raise ValueError(path)
    return ElementTree.fromstring(package.read(info)).iter()


def _scan_sheet(package: zipfile.ZipFile, path: str) -> Marks:
    marks = Marks()
    tail = b""
    with package.open(path) as stream:
        while chunk := stream.read(CHUNK):
            text = tail + chunk
            if b"hidden=" in text:
                _note_hidden(text, marks)
            if b't="e"' in text or b"t='e'" in text:
                _note_errors(text, marks)
            tail = text[-OVERLAP:]
    return marks


def _note_hidden(text: bytes, marks: Marks) -> None:
    for match in _HIDDEN_ROW.finditer(text):
        if place := _PLACE.search(match[0]):
            marks.hidden.add(int(place[2]) - 1)


def _note_errors(text: bytes, marks: Marks) -> None:
    for match in _ERROR_CELL.finditer(text):
        if (place := _PLACE.search(match[1])) and place[1]:
            column = 0
            for letter in place[1]:
                column = column * 26 + letter - 64
            row = marks.errors.setdefault(int(place[2]) - 1, {})
            row[column - 1] = match[2].decode("utf-8", "replace")

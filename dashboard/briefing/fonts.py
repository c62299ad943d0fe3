"""Which of the machine's fonts papers and maps are set in, by one rule; no font is no boxes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import typst
from matplotlib.ft2font import FT2Font

from dashboard.words import look_up
from etl.errors import ShequError

FOLDERS = "SHEQU_FONTS"
LATIN = "Libertinus Serif"  # comes with the typesetter
# For each script of the standard: open fonts first, then what Windows and macOS have of their own.
_SERIF = (
    "Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "Source Han Serif CN",
    "Source Han Serif", "FandolSong", "AR PL UMing CN",
)  # fmt: skip
_SANS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN",
    "Source Han Sans", "FandolHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
)  # fmt: skip
_OWN_SERIF = ("SimSun", "NSimSun", "Songti SC", "STSong")
_OWN_SANS = ("SimHei", "Microsoft YaHei", "PingFang SC", "Heiti SC", "STHeiti")
CHOICES: dict[str, tuple[str, ...]] = {
    "body": ("FandolFang", "FandolFang R", *_SERIF, "FangSong", "STFangsong", *_OWN_SERIF,
             *_SANS, *_OWN_SANS),
    "kai": ("FandolKai", "LXGW WenKai", "AR PL UKai CN", *_SERIF, "KaiTi", "STKaiti", "Kaiti SC",
            *_OWN_SERIF, *_SANS, *_OWN_SANS),
    "hei": (*_SANS, *_OWN_SANS, *_SERIF, *_OWN_SERIF),
    "title": (*_SERIF, *_OWN_SERIF, *_SANS, *_OWN_SANS),
}  # fmt: skip
# What stands where no font has a character, as Chinese printers have it.
GETA = chr(0x3013)


@dataclass(frozen=True)
class Fonts:
    """The family for each script, and a file with its face for drawing."""

    families: dict[str, str]
    file: str
    face: int
    characters: frozenset[int]

    def keep_known(self, text: str) -> str:
        """Text with every character that no font has replaced by a sign that says so."""
        if all(ord(each) in self.characters for each in text):
            return text
        return "".join(each if ord(each) in self.characters else GETA for each in text)


def list_folders() -> tuple[str, ...]:
    """Folders with fonts of the office's own, from the environment."""
    return tuple(folder for folder in os.environ.get(FOLDERS, "").split(os.pathsep) if folder)


@cache
def find_fonts(folders: tuple[str, ...]) -> typst.Fonts:
    """The fonts of this machine, of these folders and of the typesetter; looked for once."""
    return typst.Fonts(font_paths=list(folders))


@cache
def _list_installed(folders: tuple[str, ...]) -> dict[str, tuple[str, int]]:
    """A file and face of each family on this machine, upright and of regular weight if it can be."""
    found: dict[str, tuple[int, str, int]] = {}
    for font in find_fonts(folders).fonts():
        if font.path is None or font.style != "normal":
            continue
        distance = abs(font.weight - 400)
        if font.family not in found or distance < found[font.family][0]:
            found[font.family] = (distance, font.path, font.index)
    return {family: (path, face) for family, (_, path, face) in found.items()}


def choose_fonts(installed: dict[str, tuple[str, int]] | None = None) -> Fonts:
    """The fonts for papers and maps.

    Raises
    ------
    ShequError
        There is no Chinese font on this machine; which one to install is said.
    """
    known = _list_installed(list_folders()) if installed is None else installed
    families = {
        script: next((family for family in wanted if family in known), "")
        for script, wanted in CHOICES.items()
    }
    if not all(families.values()):
        raise ShequError(look_up("brief.no_font", "zh"))
    file, face = known[families["hei"]]
    used = {*families.values()}
    return Fonts(families, file, face, _list_characters(tuple(sorted(known[f] for f in used))))


@cache
def _list_characters(faces: Sequence[tuple[str, int]]) -> frozenset[int]:
    held: set[int] = {0x0A, *range(0x20, 0x7F)}
    for path, face in faces:
        held |= set(FT2Font(path, face_index=face).get_charmap())
    return frozenset(held)

"""Files dropped in, as read: which they are, what is on them, or the sentence why that is unknown."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from etl import boundaries, workbook
from etl.boundaries import Layer
from etl.errors import FileError, PasswordNeededError, ProfileError
from etl.match import Match, NoMatch, find_tables
from etl.privacy import mask_text
from etl.profile import Profile, load_profile, parse_profile
from etl.returned import is_issue_list, original_name
from etl.sheet import Sheet
from etl.store import Store
from etl.workbook import Reader

PROFILE_SUFFIX = ".toml"
Finding = list[Match] | NoMatch
# Told what is going on and how far it is, from 0 to 1.
Progress = Callable[[float, str], None]


def be_silent(_share: float, _words: str) -> None:
    """Progress that nobody asked for."""


@dataclass
class Reading:
    """One file as read: its sheets or layers, or the sentence why it could not be."""

    path: Path
    name: str
    sha256: str = ""
    sheets: list[tuple[Sheet, Finding]] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    needs_password: bool = False
    # What the file itself is called, where it is a marked copy that goes by another name.
    told: str = ""
    is_marked: bool = False


def list_files(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Files of data, and profiles, out of files and folders with all that lies below them.

    In a folder, what is neither table nor boundary is passed over, and so are links: whoever may
    write there could have any file of this machine read. A file named by itself is taken as it is.
    """
    data: list[Path] = []
    settings: list[Path] = []
    known = workbook.SUFFIXES | boundaries.SUFFIXES
    for path in paths:
        found = [p for p in _walk(path) if not p.is_symlink()] if path.is_dir() else [path]
        for file in found:
            suffix = file.suffix.lower()
            if suffix == PROFILE_SUFFIX:
                settings.append(file)
            elif not path.is_dir() or (suffix in known and not file.name.startswith((".", "~$"))):
                data.append(file)
    return list(dict.fromkeys(data)), settings


def list_links(paths: Iterable[Path]) -> list[Path]:
    """The links in folders, which `list_files` passes over."""
    return [found for path in paths if path.is_dir() for found in _walk(path) if found.is_symlink()]


def _walk(folder: Path) -> list[Path]:
    """The files below a folder, and the links to files or folders; what is behind those is not."""
    found: list[Path] = []
    for at, folders, files in os.walk(folder):
        below = Path(at)
        found += [below / name for name in files]
        found += [below / name for name in folders if (below / name).is_symlink()]
    return sorted(path for path in found if path.is_file() or path.is_symlink())


def choose_profile(profile: Profile | None, settings: list[Path], store: Store) -> Profile:
    """The profile that was given, lies among the files, or is remembered in the store."""
    if profile is not None:
        return profile
    if len(settings) > 1:
        names = "、".join(path.name for path in settings)
        raise ProfileError(f"放进了 {len(settings)} 个设置文件（{names}），一次只能用一个。")
    if settings:
        return load_profile(settings[0])
    remembered = store.profile_text()
    return parse_profile(remembered) if remembered else load_profile()


def name_files(paths: Sequence[Path]) -> list[str]:
    """The names under which files are spoken of: their own, personal names in them masked.

    Files of one name are told apart by their folders, or counted where those are no help.
    """
    names = [mask_text(path.name)[0] for path in paths]
    many = {name for name, count in Counter(names).items() if count > 1}
    if not many:
        return names
    folders = [mask_text(path.parent.name)[0] for path in paths]
    told = [
        f"{f}/{n}" if n in many and not f.isdigit() else n
        for f, n in zip(folders, names, strict=True)
    ]
    seen: Counter[str] = Counter()
    for place, name in enumerate(told):
        seen[name] += 1
        if seen[name] > 1:
            stem, dot, suffix = name.rpartition(".")
            told[place] = f"{stem}（{seen[name]}）{dot}{suffix}"
    return told


def read_files(
    paths: Sequence[Path],
    profile: Profile,
    passwords: Mapping[str, str],
    progress: Progress = be_silent,
) -> list[Reading]:
    """Every file with the tables found on its sheets, or its layers; problems as a sentence."""
    readings = []
    with Reader() as reader:
        for number, (path, name) in enumerate(zip(paths, name_files(paths), strict=True)):
            progress(number / len(paths), f"读《{name}》")
            readings.append(read_file(reader, path, name, profile, passwords.get(path.name, "")))
    return _leave_older(readings)


def _leave_older(readings: list[Reading]) -> list[Reading]:
    """Of a file and its marked copy that came together only the one saved last is read.

    Several marked copies of one name are other offices' files, and keep their own names.
    """
    for name in {reading.name for reading in readings if reading.is_marked}:
        alike = [r for r in readings if r.name == name and not r.problem]
        marked = [reading for reading in alike if reading.is_marked]
        folders = {reading.path.parent for reading in alike}
        if len(marked) > 1 or len(folders) > 1:
            for reading in marked if len(alike) > 1 else ():
                reading.name = reading.told
        elif len(alike) == 2:
            older, newer = sorted(alike, key=lambda reading: _saved_at(reading.path))
            older.sheets, older.layers = [], []
            older.notes.append(
                f"《{older.told}》和《{newer.told}》是同一个文件的两份（一份标注过），只读了后保存的那份。"
            )
    return readings


def _saved_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def read_file(
    reader: Reader, path: Path, name: str, profile: Profile, password: str = ""
) -> Reading:
    """One file."""
    reading = Reading(path, name, told=name)
    try:
        reading.sha256 = hashlib.sha256(workbook.read_bytes(path)).hexdigest()
        if boundaries.is_boundary(path):
            reading.layers = boundaries.read_boundaries(path, profile)
        else:
            book = reader.read(path, password)
            reading.notes = [f"{note}。" for note in book.notes]
            _find_tables(reading, book.sheets, profile)
    except PasswordNeededError as error:
        reading.problem, reading.needs_password = str(error), True
    except FileError as error:
        reading.problem = str(error)
    return reading


def _find_tables(reading: Reading, sheets: Iterable[Sheet], profile: Profile) -> None:
    """The tables of a file; one that was given back keeps the name it had before."""
    for sheet in sheets:
        if is_issue_list(sheet):
            # Whoever edits the list may write anything there.
            known = mask_text(original_name(sheet))[0].strip()
            reading.is_marked = reading.is_marked or bool(known)
            reading.name = known or reading.name
        else:
            reading.sheets.append((sheet, find_tables(sheet, reading.name, profile)))

"""What the package around a spreadsheet tells: its size unpacked, a password, macros."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from contextlib import suppress
from typing import BinaryIO

from etl.errors import FileError, PasswordNeededError
from etl.files.limits import LIMITS, Limits, damaged, unpacks_too_far

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_MANIFEST = 1_000_000
CHUNK = 1 << 20
# What Excel itself tries where a sheet is only protected from being written to.
DEFAULT_PASSWORD = "VelvetSweatshop"
BROKEN_ZIP = (
    zipfile.BadZipFile,
    KeyError,
    RuntimeError,
    ValueError,
    EOFError,
    OSError,
    zlib.error,
)

_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_MACROS = "_VBA_PROJECT".encode("utf-16-le")
# The first record of an old workbook, and right behind it the one that says how it is encrypted.
_ENCRYPTED_BOOK = re.compile(
    rb"\x09\x08(?:\x10\x00.{16}|\x08\x00.{8})(?:\x86\x00\x00\x00)?\x2f\x00", re.DOTALL
)


def check_package(name: str, file: BinaryIO, limits: Limits) -> None:
    """Refuse a zip that says it unpacks to too much, before anything of it is unpacked.

    Raises
    ------
    FileError
        It does.
    """
    try:
        file.seek(0)
        with zipfile.ZipFile(file) as package:
            members = package.infolist()
    except BROKEN_ZIP:
        return  # the reader will say that it is damaged
    unpacked = sum(member.file_size for member in members)
    packed = max(1, sum(member.compress_size for member in members))
    if unpacked > limits.unpacked_from(packed):
        raise unpacks_too_far(name, unpacked)


def is_old(file: BinaryIO) -> bool:
    """Whether a workbook is of the kind that was usual until 2007."""
    file.seek(0)
    return file.read(8) == OLE


def holds_macros(file: BinaryIO) -> bool:
    """Whether a workbook brings programs along; they are never run."""
    file.seek(0)
    if file.read(4) != ZIP:
        return _holds(file, _MACROS)
    with suppress(*BROKEN_ZIP), zipfile.ZipFile(file) as package:
        return any(member.endswith("vbaProject.bin") for member in package.namelist())
    return False


def _holds(file: BinaryIO, mark: bytes) -> bool:
    file.seek(0)
    tail = b""
    while chunk := file.read(CHUNK):
        if mark in tail + chunk:
            return True
        tail = chunk[-len(mark) :]
    return False


# -- passwords ----------------------------------------------------------------------------------


def is_encrypted(file: BinaryIO) -> bool:
    """Whether a workbook opens with a password only; cheap, so that all can be asked."""
    if not is_old(file):
        return _is_encrypted_ods(file)
    file.seek(0)
    content = file.read()
    return _ENCRYPTED_PACKAGE in content or _ENCRYPTED_BOOK.search(content) is not None


def _is_encrypted_ods(file: BinaryIO) -> bool:
    file.seek(0)
    with suppress(*BROKEN_ZIP), zipfile.ZipFile(file) as package:
        info = package.getinfo("META-INF/manifest.xml")
        return info.file_size < 10 * MAX_MANIFEST and b"encryption-data" in package.read(info)
    return False


def decrypt(name: str, file: BinaryIO, password: str, limits: Limits = LIMITS) -> BinaryIO:
    """The workbook inside an encrypted one; of an ods, with all that holds cells.

    Raises
    ------
    PasswordNeededError
        There is no password, or the wrong one.
    FileError
        It is encrypted in a way that cannot be undone here, is damaged or unpacks to too much.
    """
    try:
        opened = (_decrypt_book if is_old(file) else _decrypt_ods)(name, file, password, limits)
    except (FileError, MemoryError):
        raise
    except Exception as error:  # whatever a hostile file makes of it
        raise FileError(
            f"《{name}》是加密的，这种加密方式打不开。请在 Excel 里去掉密码后另存再放进来。"
        ) from error
    if opened is None:
        raise PasswordNeededError(
            f"《{name}》的密码不对。请核对大小写和全角半角后重新输入。"
            if password
            else f"《{name}》设有打开密码。请输入密码，或在 Excel 里去掉密码后另存再放进来。"
        )
    return opened


def _decrypt_book(name: str, file: BinaryIO, password: str, limits: Limits) -> BinaryIO | None:
    """What Excel encrypted; None where the password is wrong."""
    # Costs more to import than most files to read.
    import msoffcrypto

    file.seek(0)
    package = msoffcrypto.OfficeFile(file)
    for attempt in filter(None, (password, DEFAULT_PASSWORD)):
        with suppress(msoffcrypto.exceptions.InvalidKeyError):
            opened = io.BytesIO()
            package.load_key(password=attempt)
            package.decrypt(opened)
            return opened
    return None


def _decrypt_ods(name: str, file: BinaryIO, password: str, limits: Limits) -> BinaryIO | None:
    """What LibreOffice, WPS and their like encrypted; None where the password is wrong."""
    from etl.files import unlock  # costs more to import than most files to read

    try:
        return unlock.open_lock(file, password, limits)
    except unlock.WrongPasswordError:
        return None
    except unlock.TooLargeError as error:
        raise unpacks_too_far(name, error.size) from error
    except (zlib.error, zipfile.BadZipFile) as error:
        raise damaged(name) from error

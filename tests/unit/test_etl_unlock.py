"""An ods with a password opens with that, however it was encrypted; what it may ask for is bounded."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import FileError, PasswordNeededError
from etl.files.limits import Limits
from etl.profile import load_profile
from etl.returned import return_workbook
from etl.sheet import Cell
from etl.workbook import Reader, Workbook

LOCKED = Path(__file__).parent / "locked"
PASSWORD = "翠屏123"
ROWS = [["小区", "户数"], ["翠屏", 12.0]]
KIND = "application/vnd.oasis.opendocument.spreadsheet"
AES_CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
AES_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
SHA256 = "http://www.w3.org/2000/09/xmldsig#sha256"
SHA256_1K = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0#sha256-1k"
ARGON2 = "urn:org:documentfoundation:names:experimental:office:manifest:argon2id"


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def rows_of(book: Workbook) -> list[list[Cell]]:
    return list(book.sheets[0].rows())


def content_of(rows: list[list[Cell]]) -> bytes:
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    lines = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="float" office:value="{cell}"/>'
            if isinstance(cell, float)
            else f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p>'
            "</table:table-cell>"
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    return (
        f"<office:document-content{spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="表">{lines}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    ).encode()


def package_of(parts: dict[str, bytes], entries: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("mimetype", KIND)
        for path, content in parts.items():
            package.writestr(path, content)
        package.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest'
            ' xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
            ' xmlns:loext="urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{KIND}"/>'
            f"{entries}</manifest:manifest>",
        )
    return buffer.getvalue()


def plain_ods(content: bytes) -> bytes:
    return package_of({"content.xml": content}, "")


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def text(content: bytes) -> str:
    return b64encode(content).decode()


def entry(path: str, about: str, cipher: str, vector: bytes, start: str, derivation: str) -> str:
    return (
        f'<manifest:file-entry manifest:full-path="{path}" manifest:size="9">'
        f"<manifest:encryption-data {about}>"
        f'<manifest:algorithm manifest:algorithm-name="{cipher}"'
        f' manifest:initialisation-vector="{text(vector)}"/>'
        f"{start}<manifest:key-derivation {derivation}/>"
        "</manifest:encryption-data></manifest:file-entry>"
    )


def start_of(name: str) -> str:
    return f'<manifest:start-key-generation manifest:start-key-generation-name="{name}"/>'


def lock_by_aes(content: bytes, password: str = PASSWORD, rounds: int = 1000) -> bytes:
    """As ODF 1.2 has it, part 3, 3.8."""
    packed, salt, vector = deflate(content), os.urandom(16), os.urandom(16)
    start = hashlib.sha256(password.encode()).digest()
    key = hashlib.pbkdf2_hmac("sha1", start, salt, rounds, 32)
    more = 16 - len(packed) % 16
    lock = Cipher(AES(key), CBC(vector)).encryptor()
    locked = lock.update(packed + b"\7" * (more - 1) + bytes([more])) + lock.finalize()
    checksum = text(hashlib.sha256(packed[:1024]).digest())
    return package_of(
        {"content.xml": locked},
        entry(
            "content.xml",
            f'manifest:checksum-type="{SHA256_1K}" manifest:checksum="{checksum}"',
            AES_CBC,
            vector,
            start_of(SHA256),
            f'manifest:key-derivation-name="PBKDF2" manifest:key-size="32"'
            f' manifest:iteration-count="{rounds}" manifest:salt="{text(salt)}"',
        ),
    )


def lock_by_blowfish(content: bytes, password: str = PASSWORD) -> bytes:
    """As ODF 1.1 has it, 17.3."""
    packed, salt, vector = deflate(content), os.urandom(16), os.urandom(8)
    start = hashlib.sha1(password.encode()).digest()
    key = hashlib.pbkdf2_hmac("sha1", start, salt, 1024, 16)
    lock = Cipher(Blowfish(key), CFB(vector)).encryptor()
    checksum = text(hashlib.sha1(packed[:1024]).digest())
    return package_of(
        {"content.xml": lock.update(packed) + lock.finalize()},
        entry(
            "content.xml",
            f'manifest:checksum-type="SHA1/1K" manifest:checksum="{checksum}"',
            "Blowfish CFB",
            vector,
            "",
            f'manifest:key-derivation-name="PBKDF2" manifest:iteration-count="1024"'
            f' manifest:salt="{text(salt)}"',
        ),
    )


def lock_whole(content: bytes, password: str = PASSWORD, memory: int = 1024) -> bytes:
    """As LibreOffice does since 24.8: the whole package as one part."""
    salt, vector = os.urandom(16), os.urandom(12)
    start = hashlib.sha256(password.encode()).digest()
    key = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=memory).derive(start)
    locked = vector + AESGCM(key).encrypt(vector, deflate(plain_ods(content)), None)
    return package_of(
        {"encrypted-package": locked},
        entry(
            "encrypted-package",
            "",
            AES_GCM,
            vector,
            start_of("http://www.w3.org/2001/04/xmlenc#sha256"),
            f'manifest:key-derivation-name="{ARGON2}" manifest:key-size="32"'
            f' loext:argon2-iterations="3" loext:argon2-memory="{memory}" loext:argon2-lanes="4"'
            f' manifest:salt="{text(salt)}"',
        ),
    )


WAYS = {"aes": lock_by_aes, "blowfish": lock_by_blowfish, "whole": lock_whole}


def change_manifest(content: bytes, old: str, new: str) -> bytes:
    """The package with other words in its manifest."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(buffer, "w") as after:
        for info in before.infolist():
            part = before.read(info)
            if info.filename.endswith("manifest.xml"):
                changed = re.sub(old, new, part.decode(), count=1)
                assert changed != part.decode()
                part = changed.encode()
            after.writestr(info, part)
    return buffer.getvalue()


def refuse(reader: Reader, path: Path, content: bytes, password: str = PASSWORD) -> str:
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        reader.read(path, password)
    assert not isinstance(caught.value, PasswordNeededError)
    assert f"《{path.name}》" in str(caught.value)
    return str(caught.value)


# -- files of LibreOffice -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aes.ods", "blowfish.ods"])
def test_a_file_that_libreoffice_encrypted_opens_with_its_password(
    reader: Reader, name: str
) -> None:
    first, second = reader.read(LOCKED / name, PASSWORD).sheets
    assert (first.name, second.name) == ("小区台账", "过滤")
    assert first.row(1) == ["翠屏", 12.0, "#DIV/0!", "#REF!"]
    assert (first.hidden_rows, second.hidden_rows) == (frozenset({3}), frozenset({2, 4}))
    for password, words in (("", "设有打开密码"), ("翠屏124", "密码不对")):
        with pytest.raises(PasswordNeededError, match=f"《{name}》.*{words}"):
            reader.read(LOCKED / name, password)


def test_a_file_that_nobody_here_encrypted_opens(reader: Reader, shared_data: Path) -> None:
    path = shared_data / "workbooks" / "pass_protected.ods"
    assert rows_of(reader.read(path, "1234"))[1][:4] == ["String", 1.0, 1.1, "是"]
    for password in ("", "123"):
        with pytest.raises(PasswordNeededError, match="密码"):
            reader.read(path, password)


# -- by the standards ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_encrypting_is_undone(reader: Reader, way: str, tmp_path: Path) -> None:
    path = tmp_path / "锁.ods"
    path.write_bytes(WAYS[way](content_of(ROWS)))
    assert rows_of(reader.read(path, PASSWORD)) == ROWS
    for password, words in (("", "设有打开密码"), ("翠屏124", "密码不对")):
        with pytest.raises(PasswordNeededError, match=f"《锁.ods》.*{words}"):
            reader.read(path, password)


@given(
    st.sampled_from(sorted(WAYS)),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20),
    st.integers(1, 600),
)
@settings(derandomize=True, database=None, deadline=None, max_examples=40)
def test_any_password_and_length_is_undone(
    reader: Reader,
    tmp_path_factory: pytest.TempPathFactory,
    way: str,
    password: str,
    height: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "锁.ods"
    rows: list[list[Cell]] = [[f"第{n}行", float(n)] for n in range(height)]
    path.write_bytes(WAYS[way](content_of(rows), password))
    assert rows_of(reader.read(path, password)) == rows
    with pytest.raises(PasswordNeededError):
        reader.read(path, password + "x")


@given(st.sampled_from(sorted(WAYS)), st.integers(0), st.binary(min_size=1, max_size=3))
@settings(derandomize=True, database=None, deadline=None, max_examples=150)
def test_a_damaged_one_is_sheets_or_a_sentence(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory, way: str, place: int, noise: bytes
) -> None:
    whole = WAYS[way](content_of(ROWS * 50))
    place %= len(whole)
    path = tmp_path_factory.getbasetemp() / "坏.ods"
    path.write_bytes(whole[:place] + noise + whole[place + len(noise) :])
    try:
        assert reader.read(path, PASSWORD).sheets
    except FileError as error:
        assert "《坏.ods》" in str(error)
        assert "意外停止" not in str(error)


def test_what_was_encrypted_is_given_back_encrypted() -> None:
    content = lock_by_aes(content_of(ROWS))
    name, returned = return_workbook(content, "锁.ods", [], load_profile(), PASSWORD)
    assert name == "锁（已标注）.xlsx"
    assert returned.startswith(b"\xd0\xcf\x11\xe0")


# -- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "old", "new"),
    [
        ("aes", 'iteration-count="1000"', 'iteration-count="2000000000"'),
        ("aes", 'iteration-count="1000"', 'iteration-count="0"'),
        ("aes", 'iteration-count="1000"', 'iteration-count="x"'),
        ("aes", 'key-size="32"', 'key-size="1000000000"'),
        ("aes", 'salt="', 'salt="' + "A" * 4000),
        ("aes", "PBKDF2", "PGP"),
        ("aes", "aes256-cbc", "aes256-xyz"),
        ("aes", "sha256-1k", "md5-1k"),
        ("aes", 'checksum="[^"]+"', 'checksum=""'),
        ("aes", 'initialisation-vector="[^"]+"', 'initialisation-vector="AAAA"'),
        ("whole", 'memory="1024"', 'memory="99999999"'),
        ("whole", 'memory="1024"', 'memory="1"'),
        ("whole", 'iterations="3"', 'iterations="1000000"'),
        ("whole", 'lanes="4"', 'lanes="100000"'),
        ("whole", "argon2id", "argon3"),
        ("blowfish", "<manifest:key-derivation[^>]*>", ""),
    ],
)
def test_what_is_unknown_or_asks_for_too_much_is_refused_at_once(
    reader: Reader, way: str, old: str, new: str, tmp_path: Path
) -> None:
    content = change_manifest(WAYS[way](content_of(ROWS)), old, new)
    assert "这种加密方式打不开" in refuse(reader, tmp_path / "锁.ods", content)


@pytest.mark.parametrize("way", WAYS)
def test_what_unpacks_to_far_more_is_refused(reader: Reader, way: str, tmp_path: Path) -> None:
    content = WAYS[way](content_of(ROWS) + b" " * 80_000_000)
    assert "超过上限" in refuse(reader, tmp_path / "炸.ods", content)
    path = tmp_path / "小.ods"
    path.write_bytes(WAYS[way](content_of(ROWS)))
    with Reader(Limits(unpacked=100)) as strict:
        assert "解压后" in refuse(strict, path, path.read_bytes())
    assert rows_of(reader.read(path, PASSWORD)) == ROWS


def test_what_ends_amid_its_cells_is_damaged(reader: Reader, tmp_path: Path) -> None:
    packed = content_of([[f"第{n}行"] for n in range(3000)])
    whole = lock_by_blowfish(packed)
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        manifest = package.read("META-INF/manifest.xml").decode()
        locked = package.read("content.xml")
    entries = manifest[manifest.index("<manifest:file-entry") :]
    entries = entries[entries.index("/>") + 2 : entries.index("</manifest:manifest>")]
    content = package_of({"content.xml": locked[: len(locked) // 2]}, entries)
    assert "已损坏" in refuse(reader, tmp_path / "断.ods", content)


def test_a_password_is_never_in_a_sentence(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "锁.ods"
    path.write_bytes(lock_by_aes(content_of(ROWS)))
    with pytest.raises(PasswordNeededError) as caught:
        reader.read(path, "秘而不宣")
    assert "秘而不宣" not in str(caught.value)

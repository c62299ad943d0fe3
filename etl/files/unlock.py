"""Opens an ods that has a password: how it is encrypted stands in its manifest, undone within bounds."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from xml.etree import ElementTree

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from etl.files.limits import Limits

# The file says how much work it is to derive the key. LibreOffice asks for 100,000 rounds, or for
# 3 passes over 64 MB; what asks for more than a few seconds is refused.
MAX_ROUNDS = 2_000_000
MAX_PASSES, MAX_KIBIBYTES, MAX_LANES = 10, 262_144, 16
MAX_SALT = 1024
CHUNK = 1 << 20
# By this many bytes of what was encrypted a password is told to be right.
_CHECKED = 1024
_MANIFEST = "META-INF/manifest.xml"
# All cells are in the one; since LibreOffice 24.8 the other holds a whole package.
_CONTENT, _WHOLE = "content.xml", "encrypted-package"
_KIND = "application/vnd.oasis.opendocument.spreadsheet"
_SPACE = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
_PLAIN_MANIFEST = (
    f'<manifest:manifest xmlns:manifest="{_SPACE}">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{_KIND}"/>'
    "</manifest:manifest>"
)


class WrongPasswordError(Exception):
    """What was encrypted does not come out with this password."""


class TooLargeError(Exception):
    """It unpacks to more than a file may; so many bytes were counted."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@dataclass(frozen=True)
class Lock:
    """How one part of a package is encrypted: the names and numbers of its manifest.

    Names are in small letters; each ends in what matters, the beginnings differ by version.
    """

    path: str
    start: str
    derivation: str
    cipher: str
    salt: bytes
    vector: bytes
    key_size: int
    rounds: int
    kibibytes: int
    lanes: int
    check: str
    checksum: bytes


def open_lock(file: BinaryIO, password: str, limits: Limits) -> BinaryIO:
    """The ods inside an encrypted one, with all that holds cells.

    Raises
    ------
    WrongPasswordError
        There is no password, or the wrong one.
    TooLargeError
        It unpacks to more than it may.
    Exception
        It is damaged, or encrypted in a way that is not known here.
    """
    file.seek(0)
    with zipfile.ZipFile(file) as package:
        lock = find_lock(package.read(_MANIFEST))
        size = package.getinfo(lock.path).file_size
        if size > limits.size:
            raise TooLargeError(size)
        if not password:
            raise WrongPasswordError
        packed = decrypt(lock, password, package.read(lock.path))
    opened, most = io.BytesIO(), limits.unpacked_from(len(packed))
    if lock.path == _WHOLE:
        # A package may be as large as a file that was never encrypted.
        opened.writelines(_inflate(packed, min(most, limits.size)))
        return opened
    with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as plain:
        plain.writestr("mimetype", _KIND)
        plain.writestr(_MANIFEST, _PLAIN_MANIFEST)
        with plain.open(_CONTENT, "w") as content:
            content.writelines(_inflate(packed, most))
    return opened


def find_lock(manifest: bytes) -> Lock:
    """How the part that holds the cells is encrypted.

    Raises
    ------
    ValueError, KeyError, ElementTree.ParseError
        In no way that is known, or that takes more work than is done for a file.
    """
    root = ElementTree.fromstring(manifest)
    entries = {_about(entry).get("full-path", ""): entry for entry in root}
    path = _WHOLE if _WHOLE in entries else _CONTENT
    # The element itself, and those inside it that say how.
    marks = {mark.tag.rpartition("}")[2]: _about(mark) for mark in entries[path].iter()}
    derivation, cipher = marks["key-derivation"], marks["algorithm"]
    name = cipher["algorithm-name"].lower()
    lock = Lock(
        path=path,
        start=marks.get("start-key-generation", {}).get("start-key-generation-name", "sha1"),
        derivation=derivation["key-derivation-name"].lower(),
        cipher=name,
        salt=b64decode(derivation["salt"]),
        vector=b64decode(cipher["initialisation-vector"]),
        key_size=int(derivation.get("key-size", 32 if "aes256" in name else 16)),
        rounds=int(derivation.get("argon2-iterations") or derivation["iteration-count"]),
        kibibytes=int(derivation.get("argon2-memory", 0)),
        lanes=int(derivation.get("argon2-lanes", 0)),
        check=marks["encryption-data"].get("checksum-type", ""),
        checksum=b64decode(marks["encryption-data"].get("checksum", "")),
    )
    _check_lock(lock)
    return lock


def _about(mark: ElementTree.Element) -> dict[str, str]:
    return {name.rpartition("}")[2]: value for name, value in mark.items()}


def _check_lock(lock: Lock) -> None:
    """Refuse what is not known, and what only looks like a lock to keep the machine busy."""
    if lock.derivation.endswith("argon2id"):
        is_modest = (
            1 <= lock.rounds <= MAX_PASSES
            and 1 <= lock.kibibytes <= MAX_KIBIBYTES
            and 1 <= lock.lanes <= MAX_LANES
        )
    else:
        is_modest = lock.derivation.endswith("pbkdf2") and 1 <= lock.rounds <= MAX_ROUNDS
    is_known = lock.cipher.endswith("-gcm") or (
        lock.cipher.endswith(("-cbc", "blowfish cfb", "#blowfish")) and bool(lock.checksum)
    )
    if not is_modest or not is_known or lock.key_size not in (16, 24, 32):
        raise ValueError(f"unknown or immodest: {lock}")
    if len(lock.salt) > MAX_SALT:
        raise ValueError("immodest salt")


def _hash(name: str, content: bytes) -> bytes:
    """A digest by the name that a manifest gives it."""
    name = name.lower()
    if "sha256" in name:
        return hashlib.sha256(content).digest()
    if "sha1" in name:
        return hashlib.sha1(content).digest()
    raise ValueError(name)


def decrypt(lock: Lock, password: str, content: bytes) -> bytes:
    """What was encrypted, still packed. Raises WrongPasswordError."""
    key = derive_key(lock, password)
    if lock.cipher.endswith("-gcm"):
        # The vector is repeated in front.
        try:
            return AESGCM(key).decrypt(lock.vector, content[len(lock.vector) :], None)
        except InvalidTag as error:
            raise WrongPasswordError from error
    if lock.cipher.endswith("-cbc"):
        undo = Cipher(AES(key), CBC(lock.vector)).decryptor()
    else:
        undo = Cipher(Blowfish(key), CFB(lock.vector)).decryptor()
    packed = undo.update(content) + undo.finalize()
    if lock.cipher.endswith("-cbc"):
        # The last byte says how many were added.
        packed = packed[: -packed[-1]] if packed else b""
    if _hash(lock.check, packed[:_CHECKED]) != lock.checksum:
        raise WrongPasswordError
    return packed


def derive_key(lock: Lock, password: str) -> bytes:
    """The key that a password gives, after as much work as the lock says."""
    start = _hash(lock.start, password.encode("utf-8", "replace"))
    if lock.derivation.endswith("argon2id"):
        return Argon2id(
            salt=lock.salt,
            length=lock.key_size,
            iterations=lock.rounds,
            lanes=lock.lanes,
            memory_cost=lock.kibibytes,
        ).derive(start)
    return hashlib.pbkdf2_hmac("sha1", start, lock.salt, lock.rounds, lock.key_size)


def _inflate(packed: bytes, most: int) -> Iterator[bytes]:
    """What was packed, a piece at a time. Raises TooLargeError, zlib.error."""
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    taken = 0
    for start in range(0, len(packed), CHUNK):
        rest = packed[start : start + CHUNK]
        while rest:
            piece = unpack.decompress(rest, CHUNK)
            rest = unpack.unconsumed_tail
            taken += len(piece)
            if taken > most:
                raise TooLargeError(taken)
            yield piece
    yield unpack.flush()
    if not unpack.eof:
        raise zlib.error("cut off")

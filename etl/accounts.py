"""Who may sign in, who is signed in, who did what: in a file of its own beside the lake.

Not in the lake: an undo must not bring a removed account back, nor take a line of the audit away.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import secrets
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadSignature, Signer

from etl.errors import AccessError, UsageError

FILE = "access.sqlite"
FORMAT = 3
ADMIN, CLERK, LEADER, STREET, PUBLIC = "管理员", "数据员", "社区", "街道", "公示"
ROLES = (ADMIN, CLERK, LEADER, STREET, PUBLIC)
# Who may bring data in and take it back.
MAY_UPDATE = frozenset({ADMIN, CLERK})
# Who may be kept to some of the communities: whoever brings data in sees all that comes in.
MAY_BE_KEPT = frozenset({LEADER, STREET, PUBLIC})
SESSION_SECONDS = 12 * 3600
LOCK_SECONDS = 15 * 60
MOST_TRIES, MOST_TRIES_FROM_ONE_PLACE = 5, 30
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 256
LONGEST_NAME = 40
LONGEST_SUBJECT = 255
BUSY_SECONDS = 10.0
_SALT, _SEAL_SALT = "shequ.session", "shequ.seal"
_ACCOUNT = "name, role, created_at, communities, subject"
# What the audit says of whoever came by the organization's own sign-in.
BY_PROVIDER = "统一登录"
# What is done is added and never changed: the database itself refuses.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    token TEXT PRIMARY KEY, name TEXT NOT NULL, started_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tries (name TEXT NOT NULL, address TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, who TEXT NOT NULL,
    what TEXT NOT NULL, detail TEXT NOT NULL, address TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_stays_as_written BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
"""
# What came later, by the version that lacks it; a new file goes through all of them.
_LATER = {
    1: "ALTER TABLE accounts ADD COLUMN communities TEXT NOT NULL DEFAULT '[]';",
    # Who somebody is to the organization's own sign-in; empty for whoever has only a password.
    2: """
ALTER TABLE accounts ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX accounts_subject ON accounts (subject) WHERE subject <> '';
""",
}


@dataclass(frozen=True)
class Account:
    """Somebody who may sign in; kept to some communities, or to none in particular."""

    name: str
    role: str
    created_at: datetime
    communities: tuple[str, ...] = ()
    subject: str = ""

    @property
    def may_update(self) -> bool:
        """Whether this account may bring data in and take it back."""
        return self.role in MAY_UPDATE


@dataclass(frozen=True)
class Event:
    """One line of the audit: `what` is a word of the interface's catalogue."""

    at: datetime
    who: str
    what: str
    detail: str
    address: str


class Accounts:
    """The accounts of one store. Every call opens the file anew: it is asked by many threads.

    Parameters
    ----------
    folder
        The store's.
    now
        Seconds since 1970; tests give their own clock.

    Raises
    ------
    AccessError
        The file cannot be read or written, in a sentence.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._path = folder / FILE
        self._now = now
        self._hasher = PasswordHasher()

    # -- accounts --------------------------------------------------------------------------

    def is_empty(self) -> bool:
        """Whether nobody can sign in at all, so that nobody need."""
        if not self._path.exists():
            return True
        with self._open() as file:
            return file.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is None

    def everyone(self) -> list[Account]:
        """Every account, by name."""
        if not self._path.exists():
            return []
        with self._open() as file:
            rows = file.execute(f"SELECT {_ACCOUNT} FROM accounts ORDER BY name").fetchall()
        return [_read_account(row) for row in rows]

    def add(
        self,
        name: str,
        password: str,
        role: str,
        communities: Sequence[str] = (),
        subject: str = "",
    ) -> Account:
        """Make an account, opened by a password or by being `subject` to the provider.

        Raises
        ------
        UsageError
            Name, password, role or subject will not do.
        """
        name = tidy_name(name)
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise UsageError(f"账号名要有 1 到 {LONGEST_NAME} 个字，例如“张书记”。")
        if role not in ROLES:
            raise UsageError(f"没有“{role}”这种角色，可以是：{'、'.join(ROLES)}。")
        kept = tuple(dict.fromkeys(text for one in communities if (text := one.strip())))
        if kept and role not in MAY_BE_KEPT:
            raise UsageError(f"“{role}”要看得到全部数据，不能只限某些社区。")
        if subject:
            require_subject(subject)
        else:
            require_password(password, name)
        account = Account(name, role, _moment(self._now()), kept, subject)
        # An empty text is the hash of no password.
        hashed = self._hasher.hash(password) if password else ""
        if any(known.name == name for known in self.everyone()):
            raise UsageError(f"已经有“{name}”这个账号了。")
        with self._open() as file:
            try:
                file.execute(
                    "INSERT INTO accounts (name, role, password, created_at, communities, subject) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    [name, role, hashed, self._now(), json.dumps(kept), subject],
                )
            except sqlite3.IntegrityError as error:
                raise UsageError(_say_taken(subject or name)) from error
        return account

    def change_subject(self, name: str, subject: str) -> None:
        """Say who an account is to the provider, or with an empty text that it is nobody there.

        Whoever is signed in with it is signed out.
        """
        name = self._require(name)
        if subject:
            require_subject(subject)
        with self._open() as file:
            try:
                file.execute("UPDATE accounts SET subject = ? WHERE name = ?", [subject, name])
            except sqlite3.IntegrityError as error:
                raise UsageError(_say_taken(subject)) from error
            file.execute("DELETE FROM sessions WHERE name = ?", [name])

    def change_password(self, name: str, password: str) -> None:
        """Give an account another password; whoever is signed in with it is signed out."""
        name = self._require(name)
        require_password(password, name)
        with self._open() as file:
            hashed = self._hasher.hash(password)
            file.execute("UPDATE accounts SET password = ? WHERE name = ?", [hashed, name])
            file.execute("DELETE FROM sessions WHERE name = ?", [name])
            file.execute("DELETE FROM tries WHERE name = ?", [name])

    def remove(self, name: str) -> None:
        """Take an account away; the last 管理员 stays as long as there are others."""
        name = self._require(name)
        others = [account for account in self.everyone() if account.name != name]
        if others and not any(account.role == ADMIN for account in others):
            raise UsageError(f"“{name}”是唯一的管理员，不能删。请先另建一个管理员。")
        with self._open() as file:
            file.execute("DELETE FROM accounts WHERE name = ?", [name])
            file.execute("DELETE FROM sessions WHERE name = ?", [name])

    def _require(self, name: str) -> str:
        name = tidy_name(name)
        if all(account.name != name for account in self.everyone()):
            raise UsageError(f"没有“{name}”这个账号。")
        return name

    # -- signing in ------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, address: str) -> str | None:
        """A token for the cookie; None where name and password do not go together.

        Raises
        ------
        AccessError
            Too many wrong tries of this name or from this address; says how long to wait.
        """
        name = tidy_name(name)[:LONGEST_NAME]
        self._require_unlocked(name, address)
        with self._open() as file:
            found = file.execute("SELECT password FROM accounts WHERE name = ?", [name]).fetchone()
        # An unknown name takes as long as a known one, so that names cannot be guessed.
        if not self._is_right(found[0] if found else self._decoy(), password) or not found:
            self._note_failure(name, address)
            return None
        with self._open() as file:
            file.execute("DELETE FROM tries WHERE name = ?", [name])
        return self._start_session(name, address, "")

    def sign_in_by_provider(self, subject: str, address: str) -> str | None:
        """A token for whom the organization's own sign-in vouches; None where nobody added them.

        Raises
        ------
        AccessError
            Too many refusals to this address; says how long to wait.
        """
        self._require_unlocked("", address)
        with self._open() as file:
            found = file.execute(
                "SELECT name FROM accounts WHERE subject = ? AND subject <> ''", [subject]
            ).fetchone()
        if not found:
            self.refuse_provider(subject, "没有这个账号", address)
            return None
        return self._start_session(str(found[0]), address, BY_PROVIDER)

    def refuse_provider(self, who: str, why: str, address: str) -> None:
        """Write down that somebody did not get in by the provider; raises as `sign_in` does."""
        self._require_unlocked("", address)
        self._note_failure("", address, who[:LONGEST_SUBJECT], f"{BY_PROVIDER}：{why}")

    def _start_session(self, name: str, address: str, detail: str) -> str:
        token = secrets.token_urlsafe(32)
        with self._open() as file:
            old = self._now() - SESSION_SECONDS
            file.execute("DELETE FROM sessions WHERE started_at < ?", [old])
            file.execute("INSERT INTO sessions VALUES (?, ?, ?)", [_mark(token), name, self._now()])
            signed = self._signer(file, _SALT).sign(token).decode()
        self.note(name, "sign_in", detail, address)
        return signed

    def seal(self, told: dict[str, str]) -> str:
        """A text that only this store can have made, for a browser to bring back."""
        text = json.dumps({**told, "at": self._now()}).encode()
        packed = base64.urlsafe_b64encode(text)
        with self._open() as file:
            return self._signer(file, _SEAL_SALT).sign(packed).decode()

    def unseal(self, sealed: str, seconds: float) -> dict[str, str] | None:
        """What was sealed; None where it was not, or longer ago."""
        if not sealed or not self._path.exists():
            return None
        with self._open() as file:
            try:
                packed = self._signer(file, _SEAL_SALT).unsign(sealed)
            except BadSignature:
                return None
        told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(packed))
        is_fresh = 0 <= self._now() - told.pop("at") <= seconds
        return told if is_fresh else None

    def find(self, signed: str) -> Account | None:
        """Who is signed in with a token; None where nobody is, or not any more."""
        if not signed or not self._path.exists():
            return None
        with self._open() as file:
            try:
                token = self._signer(file, _SALT).unsign(signed).decode()
            except (BadSignature, UnicodeDecodeError):
                return None
            row = file.execute(
                f"SELECT {_ACCOUNT} FROM sessions JOIN accounts USING (name) "
                "WHERE token = ? AND started_at >= ?",
                [_mark(token), self._now() - SESSION_SECONDS],
            ).fetchone()
        return _read_account(row) if row else None

    def sign_out(self, signed: str, address: str) -> None:
        """End a session at once, wherever its cookie still lies."""
        account = self.find(signed)
        if account is None:
            return
        with self._open() as file:
            token = self._signer(file, _SALT).unsign(signed).decode()
            file.execute("DELETE FROM sessions WHERE token = ?", [_mark(token)])
        self.note(account.name, "sign_out", "", address)

    def _is_right(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password[: LONGEST_PASSWORD + 1])
        except (VerificationError, InvalidHashError):
            return False

    def _decoy(self) -> str:
        """A hash that no password opens, made once."""
        with self._open() as file:
            row = file.execute("SELECT value FROM secrets WHERE name = 'decoy'").fetchone()
            if row:
                return str(row[0])
            hashed = self._hasher.hash(secrets.token_urlsafe(32))
            file.execute("INSERT OR IGNORE INTO secrets VALUES ('decoy', ?)", [hashed])
        return hashed

    def _require_unlocked(self, name: str, address: str) -> None:
        since = self._now() - LOCK_SECONDS
        with self._open() as file:
            for column, value, most in (
                ("name", name, MOST_TRIES),
                ("address", address, MOST_TRIES_FROM_ONE_PLACE),
            ):
                if not value:
                    continue  # nobody in particular
                times = [
                    at
                    for (at,) in file.execute(
                        f"SELECT at FROM tries WHERE {column} = ? AND at > ? ORDER BY at DESC",
                        [value, since],
                    )
                ]
                if len(times) >= most:
                    wait = times[most - 1] + LOCK_SECONDS - self._now()
                    minutes = max(1, -(-int(wait) // 60))
                    raise AccessError(f"试错的次数太多，请过 {minutes} 分钟再试。")

    def _note_failure(self, name: str, address: str, who: str = "", detail: str = "") -> None:
        with self._open() as file:
            file.execute("DELETE FROM tries WHERE at < ?", [self._now() - LOCK_SECONDS])
            file.execute("INSERT INTO tries VALUES (?, ?, ?)", [name, address, self._now()])
        self.note(who or name, "sign_in_failed", detail, address)

    def _signer(self, file: sqlite3.Connection, salt: str) -> Signer:
        row = file.execute("SELECT value FROM secrets WHERE name = 'signing'").fetchone()
        if row is None:
            made = secrets.token_urlsafe(48)
            file.execute("INSERT OR IGNORE INTO secrets VALUES ('signing', ?)", [made])
            row = file.execute("SELECT value FROM secrets WHERE name = 'signing'").fetchone()
        return Signer(row[0], salt=salt, digest_method=hashlib.sha256)

    # -- audit -----------------------------------------------------------------------------

    def note(self, who: str, what: str, detail: str, address: str) -> None:
        """Add a line to the audit."""
        with self._open() as file:
            file.execute(
                "INSERT INTO audit (at, who, what, detail, address) VALUES (?, ?, ?, ?, ?)",
                [self._now(), who, what, detail, address],
            )

    def audit(self, most: int = 500) -> list[Event]:
        """The newest lines of the audit, the newest first."""
        if not self._path.exists():
            return []
        with self._open() as file:
            rows = file.execute(
                "SELECT at, who, what, detail, address FROM audit ORDER BY number DESC LIMIT ?",
                [most],
            ).fetchall()
        return [Event(_moment(at), *rest) for at, *rest in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file, in one transaction; made where it is not there yet, readable by its owner."""
        try:
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
            try:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    self._path.chmod(0o600)
                    connection.execute("PRAGMA journal_mode = WAL")
                if version < FORMAT:
                    _bring_up(connection)
                with connection:
                    yield connection
            finally:
                connection.close()
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise AccessError(
                f"账号文件“{self._path}”读写不了：可能没有权限、磁盘已满或文件损坏。"
            ) from error


def _bring_up(connection: sqlite3.Connection) -> None:
    """Make the tables, or add what an earlier version lacks; of several who try, one does."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for lacking in range(version, FORMAT):
            for statement in _split(_LATER[lacking] if lacking else _SCHEMA):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")


def _split(script: str) -> Iterator[str]:
    """The statements of a script, so that they stay in the transaction that is open."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _read_account(row: Sequence[Any]) -> Account:
    name, role, at, communities, subject = row
    return Account(name, role, _moment(at), tuple(json.loads(communities)), subject)


def _say_taken(what: str) -> str:
    return f"“{what}”已经是另一个账号的了。"


def tidy_name(name: str) -> str:
    """A name as it is kept: without what nobody sees, of one width, in small letters."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def require_password(password: str, name: str = "") -> None:
    """Refuse a password that is too easily guessed, with a sentence."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(f"密码要有 {SHORTEST_PASSWORD} 到 {LONGEST_PASSWORD} 个字符。")
    plain = password.casefold()
    is_run = plain in "01234567890123456789" or plain in "abcdefghijklmnopqrstuvwxyz"
    if len(set(plain)) < 4 or is_run or (name and name in plain):
        raise UsageError("这个密码太容易猜到：不要用连号、重复的字符或账号名。")


def require_subject(subject: str) -> None:
    """Refuse what no provider calls anybody, with a sentence. It is kept to the letter."""
    if len(subject) > LONGEST_SUBJECT or not subject.isprintable() or subject != subject.strip():
        raise UsageError(f"统一登录里的标识不能超过 {LONGEST_SUBJECT} 个字，前后不能有空格。")


def _mark(token: str) -> str:
    """What is kept of a token: whoever reads the file cannot sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def user_name() -> str:
    """The name under which the person is signed in to the machine; '' where there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""

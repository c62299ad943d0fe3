"""Accounts: who may sign in, for how long, how often one may guess, and what is written down."""

from __future__ import annotations

import sqlite3
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.accounts import (
    ADMIN,
    CLERK,
    FILE,
    LEADER,
    LOCK_SECONDS,
    MOST_TRIES,
    MOST_TRIES_FROM_ONE_PLACE,
    SESSION_SECONDS,
    STREET,
    Accounts,
    tidy_name,
)
from etl.errors import AccessError, UsageError

SECRET = "荷塘月色 2026"


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(tmp_path: Path, clock: Clock) -> Accounts:
    made = Accounts(tmp_path, clock)
    made.add("张书记", SECRET, ADMIN)
    return made


def test_a_folder_without_accounts_has_none_and_no_file_is_made(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    assert accounts.is_empty()
    assert accounts.everyone() == []
    assert accounts.find("whatever") is None
    assert accounts.audit() == []
    assert not (tmp_path / FILE).exists()


def test_whoever_knows_the_password_gets_a_token_and_nobody_else(accounts: Accounts) -> None:
    token = accounts.sign_in("张书记", SECRET, "10.0.0.8")
    assert token is not None
    found = accounts.find(token)
    assert found is not None
    assert (found.name, found.role, found.may_update) == ("张书记", ADMIN, True)
    for name, password in (("张书记", SECRET + "x"), ("张书记", ""), ("李四", SECRET), ("", "")):
        assert accounts.sign_in(name, password, "10.0.0.8") is None


def test_a_name_is_the_same_however_it_is_typed(accounts: Accounts) -> None:
    accounts.add("Wang ", SECRET, LEADER)
    assert accounts.sign_in("ｗａｎｇ", SECRET, "") is not None
    with pytest.raises(UsageError, match="已经有"):
        accounts.add("WANG", SECRET, LEADER)
    found = accounts.find(accounts.sign_in("wang", SECRET, "") or "")
    assert found is not None
    assert not found.may_update


@given(st.text(max_size=60))
def test_a_tidy_name_stays_as_it_is(name: str) -> None:
    assert tidy_name(tidy_name(tidy_name(name))) == tidy_name(tidy_name(name))


def test_nothing_in_the_file_lets_one_in(accounts: Accounts, tmp_path: Path) -> None:
    token = accounts.sign_in("张书记", SECRET, "") or ""
    content = b"".join(path.read_bytes() for path in tmp_path.glob("access*"))
    assert SECRET.encode() not in content
    assert token.rpartition(".")[0].encode() not in content
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_token_that_was_changed_or_made_up_is_nobodys(accounts: Accounts, tmp_path: Path) -> None:
    token = accounts.sign_in("张书记", SECRET, "") or ""
    other = "A" if token[0] != "A" else "B"
    for wrong in ("", "x", ".", token[:-1], other + token[1:], token + "x", "中文.签名"):
        assert accounts.find(wrong) is None
    # Another store's key signs nothing here.
    (tmp_path / "b").mkdir()
    elsewhere = Accounts(tmp_path / "b")
    elsewhere.add("张书记", SECRET, ADMIN)
    assert accounts.find(elsewhere.sign_in("张书记", SECRET, "") or "") is None


def test_a_session_ends_by_itself_by_signing_out_and_with_the_account(
    accounts: Accounts, clock: Clock
) -> None:
    token = accounts.sign_in("张书记", SECRET, "") or ""
    clock.seconds += SESSION_SECONDS
    assert accounts.find(token) is not None
    clock.seconds += 1
    assert accounts.find(token) is None
    token = accounts.sign_in("张书记", SECRET, "") or ""
    accounts.sign_out(token, "10.0.0.8")
    assert accounts.find(token) is None
    accounts.sign_out(token, "")  # once more says nothing
    token = accounts.sign_in("张书记", SECRET, "") or ""
    accounts.change_password("张书记", "另一个密码 88")
    assert accounts.find(token) is None
    assert accounts.sign_in("张书记", SECRET, "") is None
    token = accounts.sign_in("张书记", "另一个密码 88", "") or ""
    accounts.remove("张书记")
    assert accounts.find(token) is None
    assert accounts.is_empty()


def test_guessing_is_locked_out_for_a_while(accounts: Accounts, clock: Clock) -> None:
    for _ in range(MOST_TRIES):
        assert accounts.sign_in("张书记", "guess guess", "10.0.0.8") is None
        clock.seconds += 1
    with pytest.raises(AccessError, match="请过 15 分钟再试"):
        accounts.sign_in("张书记", SECRET, "10.0.0.9")  # not even with the right one
    clock.seconds += LOCK_SECONDS - MOST_TRIES - 1
    with pytest.raises(AccessError, match="请过 1 分钟再试"):
        accounts.sign_in("张书记", SECRET, "10.0.0.9")
    clock.seconds += 1
    assert accounts.sign_in("张书记", SECRET, "10.0.0.9") is not None
    # Having got in wipes the slate clean.
    for _ in range(MOST_TRIES - 1):
        assert accounts.sign_in("张书记", "guess guess", "") is None
    assert accounts.sign_in("张书记", SECRET, "") is not None


def test_one_place_may_not_try_many_names(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Accounts, "_is_right", lambda *_: False)  # hashing thirty times is slow
    for number in range(MOST_TRIES_FROM_ONE_PLACE):
        assert accounts.sign_in(f"名{number}", "guess guess", "10.0.0.8") is None
    with pytest.raises(AccessError, match="试错的次数太多"):
        accounts.sign_in("别人", "guess guess", "10.0.0.8")
    assert accounts.sign_in("别人", "guess guess", "10.0.0.9") is None


@pytest.mark.parametrize(
    ("name", "password", "role", "said"),
    [
        ("", SECRET, ADMIN, "账号名要有"),
        ("名" * 41, SECRET, ADMIN, "账号名要有"),
        ("a\nb", SECRET, ADMIN, "账号名要有"),
        ("李四", SECRET, "站长", "没有“站长”这种角色"),
        ("李四", "短", ADMIN, "密码要有 8 到 256 个字符"),
        ("李四", "x" * 257, ADMIN, "密码要有"),
        ("李四", "aaaaaaaa", ADMIN, "太容易猜到"),
        ("李四", "12345678", ADMIN, "太容易猜到"),
        ("abcdxyz", "abcdxyz1", ADMIN, "太容易猜到"),
        ("张书记", SECRET, ADMIN, "已经有“张书记”"),
    ],
)
def test_what_will_not_do_is_said(
    accounts: Accounts, name: str, password: str, role: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        accounts.add(name, password, role)
    assert [account.name for account in accounts.everyone()] == ["张书记"]


def test_the_last_administrator_stays_while_there_are_others(accounts: Accounts) -> None:
    accounts.add("小李", SECRET, CLERK)
    with pytest.raises(UsageError, match="唯一的管理员"):
        accounts.remove("张书记")
    with pytest.raises(UsageError, match="没有“小王”这个账号"):
        accounts.remove("小王")
    accounts.add("王主任", SECRET, ADMIN)
    accounts.remove("张书记")
    assert [account.name for account in accounts.everyone()] == ["小李", "王主任"]


def test_the_audit_is_only_added_to(accounts: Accounts, tmp_path: Path, clock: Clock) -> None:
    accounts.sign_in("张书记", "guess guess", "10.0.0.8")
    clock.seconds += 60
    token = accounts.sign_in("张书记", SECRET, "10.0.0.8") or ""
    accounts.note("张书记", "refresh", "快照 5：台账.xlsx", "10.0.0.8")
    accounts.sign_out(token, "10.0.0.8")
    told = [(event.who, event.what, event.address) for event in accounts.audit()]
    assert told == [
        ("张书记", what, "10.0.0.8")
        for what in ("sign_out", "refresh", "sign_in", "sign_in_failed")
    ]
    assert accounts.audit(1)[0].what == "sign_out"
    assert accounts.audit()[1].detail == "快照 5：台账.xlsx"
    with sqlite3.connect(tmp_path / FILE) as file:
        for statement in ("DELETE FROM audit", "UPDATE audit SET who = '别人'"):
            with pytest.raises(sqlite3.DatabaseError, match="only added to"):
                file.execute(statement)
    file.close()


def test_many_at_once_lose_nothing(accounts: Accounts) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: accounts.note(f"人{n}", "refresh", "", ""), range(64)))
    assert {event.who for event in accounts.audit()} == {f"人{n}" for n in range(64)}


def test_a_damaged_file_is_said_in_a_sentence(accounts: Accounts, tmp_path: Path) -> None:
    for extra in tmp_path.glob("access*-*"):
        extra.unlink()
    (tmp_path / FILE).write_bytes(b"not a database at all" * 100)
    with pytest.raises(AccessError, match="账号文件.*读写不了"):
        accounts.is_empty()


def test_accounts_of_an_earlier_version_are_kept_and_may_then_be_kept_to_communities(
    tmp_path: Path,
) -> None:
    old = Accounts(tmp_path)
    old.add("张书记", "荷塘月色 2026", ADMIN)
    token = old.sign_in("张书记", "荷塘月色 2026", "")
    assert token is not None
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute("DROP INDEX accounts_subject")
        file.execute("ALTER TABLE accounts DROP COLUMN subject")
        file.execute("ALTER TABLE accounts DROP COLUMN communities")
        file.execute("PRAGMA user_version = 1")
    accounts = Accounts(tmp_path)
    (admin,) = accounts.everyone()
    assert (admin.name, admin.role, admin.communities) == ("张书记", ADMIN, ())
    found = accounts.find(token)
    assert found is not None
    assert found.name == "张书记"
    accounts.add("街道", "荷塘月色 2026", STREET, ["甲社区", "乙社区"])
    assert accounts.everyone()[-1].communities == ("甲社区", "乙社区")
    with pytest.raises(UsageError, match="要看得到全部数据"):
        accounts.add("小李", "荷塘月色 2026", CLERK, ["甲社区"])

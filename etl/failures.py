"""Why the database, its server or the storage refused, in a sentence that a clerk understands.

What the database itself says is matched by words; addresses and keys in it are never passed on.
"""

from __future__ import annotations

import re

from etl.errors import StoreAgainError, StoreBusyError, StoreError
from etl.lake import Lake

_LEFT = "没有写成，仍是原来的状态"
_UNREACHABLE = (
    "could not connect", "connection refused", "unable to connect", "timeout expired",
    "could not translate host name", "server closed the connection", "terminating connection",
    "the database system is", "connection to server", "no connection to the server",
    "ssl connection has been closed", "connection reset", "connection not open",
    "connection was forcibly", "could not receive data", "could not send data",
    "failed to execute query \"rollback\"", "too many clients", "remaining connection slots",
)  # fmt: skip
_PASSWORD = (
    "password authentication failed", "no password supplied", "fe_sendauth", "no pg_hba.conf entry",
    "peer authentication failed", "ident authentication failed", "is not permitted to log in",
)  # fmt: skip
_NO_ROLE = re.compile(r'role "[^"]*" does not exist')
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist')
_RIGHTS = ("permission denied for", "must be owner of", "read-only transaction")
_FULL = (
    "no space left", "disk is full", "not enough space", "could not extend file", "disk full",
    "storagefull", "quotaexceeded", "http code 507", "insufficient storage",
)  # fmt: skip
_OVERTAKEN = (
    "exceeded the maximum retry count", "conflict", "could not serialize", "duplicate key value",
    "deadlock detected",
)  # fmt: skip
_KEYS = ("http 403", "accessdenied", "invalidaccesskeyid", "signaturedoesnotmatch", "forbidden")
_NO_BUCKET = ("nosuchbucket", "http 404", "status code 404")
_STORAGE = ("http error", "http 4", "http 5", "httpexception", "s3://", "http put", "http post")
# As the extension that speaks HTTP has it, whatever its client says of the reason.
_HTTP_AWAY = re.compile(r"(connect|connection|timeout|resolve)[^\n]* error for http ")
_HTTP_REFUSED = re.compile(r"http error: |unable to connect to url s3://")
_VERSION = re.compile(r"ducklake.*(version|upgrade|migrat)|unsupported.*version", re.I | re.S)


def is_locked(told: str) -> bool:
    """Whether another program holds the catalogue's file."""
    told = told.lower()
    return "database is locked" in told or "database table is locked" in told


def explain_opening(told: str, lake: Lake) -> StoreError:
    """Why a shared store cannot be opened or read."""
    words = told.lower()
    place, nothing = lake.tell_place(), "数据没有变动。"
    if any(word in words for word in _PASSWORD) or _NO_ROLE.search(words):
        return StoreError(
            f"共享目录“{place}”不认这个用户名或密码。请检查 lake.toml（或 --store）里的用户名和环境变量 PGPASSWORD"
            f"（或 PGPASSFILE 指的文件）。{nothing}"
        )
    if _NO_DATABASE.search(words):
        return StoreError(
            f"共享目录“{place}”还没有建库。请管理员先用 createdb 建一个空的库，或检查 lake.toml（或 --store）里的库名。"
        )
    if refused := _explain_objects(words, lake, nothing):
        return refused
    if any(word in words for word in _UNREACHABLE):
        return StoreAgainError(
            f"连不上共享目录“{place}”。请检查网络和数据库服务器，过一会儿再试；{nothing}"
        )
    if any(word in words for word in _RIGHTS):
        return StoreError(f"这个用户名对共享目录“{place}”没有需要的权限。请管理员授权。{nothing}")
    if _VERSION.search(words):
        return StoreError(
            f"共享目录“{place}”由另一个版本的软件写成，这个版本打不开。"
            f"请把各台电脑的软件升级到同一个版本。{nothing}"
        )
    if said := _explain_storage(words, lake):
        return StoreError(f"{said}请检查后再试；{nothing}")
    if lake.is_in_objects and any(word in words for word in _STORAGE):
        return StoreAgainError(f"对象存储没有答应，请过一会儿再试；{nothing}")
    return StoreError(
        f"共享目录“{place}”里的数据读不出来：{_first_line(told)}。请运行 shequ doctor 看看。"
    )


def explain_writing(told: str, lake: Lake) -> StoreError:
    """Why a transaction failed; the published state is as it was."""
    words = told.lower()
    if is_locked(words):
        return StoreError(
            "数据的目录被别的程序占用，没有写成，仍是原来的状态。请关掉打开它的程序后再试。"
        )
    if any(word in words for word in _FULL):
        where = "共享目录的服务器或存储" if lake.is_shared else "磁盘"
        return StoreError(f"{where}已满，数据{_LEFT}。请腾出空间后再试一次。")
    if not lake.is_shared:
        if any(word in words for word in ("permission denied", "readonly database", "read-only")):
            return StoreError("数据文件夹不能写入，数据仍是原来的状态。请检查权限。")
        return StoreError(f"数据{_LEFT}：{_first_line(told)}")
    if any(word in words for word in _RIGHTS):
        return StoreError(
            f"这个用户名对共享目录“{lake.tell_place()}”只能看，不能写，数据仍是原来的状态。请管理员授权。"
        )
    if refused := _explain_objects(words, lake, f"数据{_LEFT}。"):
        return refused
    if any(word in words for word in _UNREACHABLE):
        return StoreAgainError(
            f"写到一半时连不上共享目录“{lake.tell_place()}”，数据{_LEFT}。请过一会儿再试。"
        )
    if any(word in words for word in _OVERTAKEN):
        return StoreAgainError(f"别的单位抢先更新了，这一次数据{_LEFT}。请再试一次。")
    if said := _explain_storage(words, lake):
        return StoreError(f"{said}数据{_LEFT}。请检查后再试。")
    return StoreAgainError(f"数据{_LEFT}：{_first_line(told)}")


def explain_waiting(told: str, lake: Lake) -> StoreError:
    """Why one did not come to be the one who writes."""
    if "lock timeout" in told.lower():
        return StoreBusyError(
            "别的单位一直在更新数据，等得太久了，请过几分钟再试；您的文件没有动。"
        )
    return explain_opening(told, lake)


def _explain_objects(words: str, lake: Lake, rest: str) -> StoreError | None:
    """Why object storage refused; its words are much like those of a server out of reach."""
    if not lake.is_in_objects:
        return None
    if _HTTP_AWAY.search(words):
        return StoreAgainError(
            f"连不上对象存储（AWS_ENDPOINT_URL）。请检查网络，过一会儿再试；{rest}"
        )
    if said := _explain_storage(words, lake):
        return StoreError(f"{said}请检查后再试；{rest}")
    if _HTTP_REFUSED.search(words):
        return StoreAgainError(f"对象存储没有答应，请过一会儿再试；{rest}")
    return None


def _explain_storage(words: str, lake: Lake) -> str:
    if lake.is_in_objects:
        if any(word in words for word in _KEYS):
            return (
                "对象存储不认这个密钥，或密钥没有权限（AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY）。"
            )
        if any(word in words for word in _NO_BUCKET):
            return "对象存储里没有 lake.toml 写的桶，或缺了文件。"
    elif "permission denied" in words or "read-only file system" in words:
        return f"数据所在的“{lake.data}”不能写入，"
    elif "no such file" in words or "cannot open file" in words:
        return f"数据所在的“{lake.data}”不见了或缺了文件（网络盘可能断开），"
    return ""


def _first_line(told: str) -> str:
    return told.splitlines()[0][:300] if told else ""

"""Where the data of a store lie: in its own folder, or in the lake that a `lake.toml` in it names.

A folder is always there: what belongs to an office's own machine (accounts, audit, issued
briefings) stays in it. What many offices share is a PostgreSQL catalogue and its Parquet files, on
a network share or in S3-compatible storage:

    catalogue = "postgresql://shequ@db.example/shequ"
    data = "s3://bucket/shequ"        # or a folder
    office = "T 社区"
    communities = ["T 社区"]          # what this office may write; office alone where left out

Passwords and keys are never written there: libpq reads PGPASSWORD or PGPASSFILE, and the storage is
opened with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from etl.errors import StoreError

LAKE_FILE = "lake.toml"
OBJECTS = "s3://"
CONNECT_SECONDS = 10
_SCHEMES = ("postgresql", "postgres")
_KEYS = frozenset({"catalogue", "data", "office", "communities"})


@dataclass(frozen=True)
class Lake:
    """The places of one store.

    `catalogue` is a PostgreSQL address, '' where the catalogue is a file in the folder; `data` ends
    with a slash. An `office` writes its `communities` only; '' stands for whoever owns a whole lake.
    """

    folder: Path
    catalogue: str = ""
    data: str = ""
    office: str = ""
    communities: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Whether the catalogue is a server's."""
        return bool(self.catalogue)

    @property
    def is_in_objects(self) -> bool:
        """Whether the Parquet files lie in object storage."""
        return self.data.startswith(OBJECTS)

    @property
    def prefix(self) -> str:
        """What stands before the name of every file that this office puts in."""
        return f"{self.office}/" if self.office else ""

    def mark(self, question: str) -> str:
        """Under what an answer of this office is kept: another's may mean something else by it."""
        return f"{self.office}\t{question}" if self.office else question

    def split_mark(self, marked: str) -> tuple[str, str]:
        """Whose answer is kept under that, and to what."""
        office, tab, question = marked.partition("\t")
        return (office, question) if tab else ("", marked)

    def tell_place(self) -> str:
        """Where the data are, as a person is told: no password, no key."""
        if not self.is_shared:
            return str(self.folder)
        parts = urlsplit(self.catalogue)
        return f"{parts.hostname or ''}{parts.path}"


def read_lake(folder: Path) -> Lake:
    """The places of the store in a folder.

    Raises
    ------
    StoreError
        `lake.toml` cannot be read or says what makes no sense.
    """
    path = folder / LAKE_FILE
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Lake(folder, data=(folder / "data").as_posix() + "/")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StoreError(f"“{path}”读不出来：不是 UTF-8 的 TOML，或没有权限。") from error
    if unknown := sorted(told.keys() - _KEYS):
        raise _wrong(path, f"不认识“{unknown[0]}”，只能写 {'、'.join(sorted(_KEYS))}")
    office = _read_text(path, told, "office")
    communities = told.get("communities", [office] if office else [])
    if not (isinstance(communities, list) and all(isinstance(c, str) for c in communities)):
        raise _wrong(path, 'communities 应是一列社区名，例如 ["T 社区"]')
    if communities and not office:
        raise _wrong(path, "写了 communities 就要写 office（本单位的名称）")
    if "/" in office:
        raise _wrong(path, "office（本单位的名称）里不能有“/”")
    return Lake(
        folder, _read_catalogue(path, told), _read_data(path, told), office.strip(),
        tuple(name.strip() for name in communities),
    )  # fmt: skip


def _read_text(path: Path, told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise _wrong(path, f"{name} 应写在引号里")
    return value


def _read_catalogue(path: Path, told: Mapping[str, Any]) -> str:
    parts = urlsplit(_read_text(path, told, "catalogue"))
    if parts.scheme not in _SCHEMES or not parts.path.strip("/"):
        raise _wrong(path, "catalogue 应写成 postgresql://用户@主机/库名")
    options = dict(parse_qsl(parts.query))
    if parts.password or "password" in options:
        raise _wrong(
            path, "catalogue 里不要写密码，请放在环境变量 PGPASSWORD 或 PGPASSFILE 指的文件里"
        )
    options.setdefault("connect_timeout", str(CONNECT_SECONDS))
    return urlunsplit(parts._replace(query=urlencode(options)))


def _read_data(path: Path, told: Mapping[str, Any]) -> str:
    data = _read_text(path, told, "data")
    if data.startswith(OBJECTS):
        if not urlsplit(data).hostname or "?" in data:
            raise _wrong(path, "data 应写成 s3://桶/前缀，密钥放在环境变量里")
        return data.rstrip("/") + "/"
    if not data or not Path(data).is_absolute():
        raise _wrong(path, "data 应是完整的文件夹路径（例如网络盘上的），或 s3://桶/前缀")
    return Path(data).as_posix().rstrip("/") + "/"


def _wrong(path: Path, what: str) -> StoreError:
    return StoreError(f"“{path}”写得不对：{what}。")


def storage_keys(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What opens the object storage, as DuckDB calls it.

    Raises
    ------
    StoreError
        There is no key in the environment.
    """
    key, secret = (environment.get(f"AWS_{n}", "") for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    if not key or not secret:
        raise StoreError(
            "对象存储要密钥：请设环境变量 AWS_ACCESS_KEY_ID 和 AWS_SECRET_ACCESS_KEY。数据没有变动。"
        )
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    told = {"KEY_ID": key, "SECRET": secret, "REGION": region}
    if token := environment.get("AWS_SESSION_TOKEN"):
        told["SESSION_TOKEN"] = token
    if address := environment.get("AWS_ENDPOINT_URL"):
        parts = urlsplit(address)
        told |= {"ENDPOINT": parts.netloc, "URL_STYLE": "path"}
        told["USE_SSL"] = "true" if parts.scheme == "https" else "false"
    return told

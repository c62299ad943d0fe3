"""Where the data of a store lie: in its own folder, or in the lake that a `lake.toml` in it names.

A folder is always there: what belongs to an office's own machine (accounts, audit, issued
briefings) stays in it. What many offices share is a PostgreSQL catalogue and its Parquet files, on
a network share or in S3-compatible storage:

    catalogue = "postgresql://shequ@db.example/shequ"
    data = "s3://bucket/shequ"        # or a folder
    office = "T 社区"
    communities = ["T 社区"]          # what this office may write; office alone where left out

The same may be said in one address, in place of the folder:

    postgresql://shequ@db.example/shequ?data=s3://bucket/shequ&office=T 社区&communities=T 社区

Then the folder of this machine is made and named by `find_folder`.

Passwords and keys are never written there: libpq reads PGPASSWORD or PGPASSFILE, and the storage is
opened with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from platformdirs import user_data_path

from etl.errors import StoreError

LAKE_FILE = "lake.toml"
OBJECTS = "s3://"
CONNECT_SECONDS = 10
_SCHEMES = ("postgresql", "postgres")
_KEYS = frozenset({"catalogue", "data", "office", "communities"})
# The folder of a store where nobody names one.
DEFAULT_STORE = "shequ-data"
# Where the folders of this machine lie whose stores are told by an address.
HOME = "SHEQU_HOME"
# What an address leaves out may stand in the environment.
_ELSEWHERE = {"office": "SHEQU_OFFICE", "communities": "SHEQU_COMMUNITIES"}
_ADDRESS = "--store 的地址"
_DEFAULT_PORT = 5432


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
    return _make_lake(folder, path, told)


def find_folder(place: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of a store that is told by its folder, or by the address of a shared one.

    What belongs to this machine of a store told by an address lies in a folder named by its
    database and office, under SHEQU_HOME or else where programs of this user keep their data. What
    the address says is written into its `lake.toml`, so that this folder is a store like any other.

    Raises
    ------
    StoreError
        The address makes no sense or has a password in it, or the folder cannot be written. The
        sentence never repeats the address.
    """
    if not place.startswith(tuple(f"{scheme}:" for scheme in _SCHEMES)):
        return Path(place)
    told = _read_address(place, environment)
    parts = _split(_ADDRESS, str(told["catalogue"]))
    at = parts.netloc.rpartition("@")[2].lower()
    at = at if re.search(r":\d+$", at) else f"{at}:{_DEFAULT_PORT}"
    name, office = parts.path.strip("/"), str(told.get("office", "")).strip()
    mark = hashlib.sha256("\n".join((at, name, office)).encode()).hexdigest()[:8]
    home = Path(environment[HOME]) if environment.get(HOME) else user_data_path("shequ", False)
    plain = re.sub(r"[^\w.-]+", "-", "-".join(filter(None, (name, office, mark))))
    folder = home.expanduser().absolute() / plain
    _make_lake(folder, _ADDRESS, told)  # nothing is written of what makes no sense
    _write_lake(folder, told)
    return folder


def _read_address(place: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """What an address says, as `lake.toml` would."""
    parts = _split(_ADDRESS, place)
    given = parse_qsl(parts.query, keep_blank_values=True)
    told: dict[str, Any] = {name: value for name, value in given if name in _KEYS}
    for name, variable in _ELSEWHERE.items():
        if name not in told and environment.get(variable):
            told[name] = environment[variable]
    if "communities" in told:
        named = re.split(r"[,，、]", told["communities"])
        told["communities"] = [community.strip() for community in named if community.strip()]
    left = urlencode([(n, v) for n, v in given if n not in _KEYS], quote_via=quote)
    return {**told, "catalogue": urlunsplit(parts._replace(query=left))}


def _write_lake(folder: Path, told: Mapping[str, Any]) -> None:
    # A string of JSON is one of TOML.
    text = "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in told.items()
    )
    path = folder / LAKE_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        half = path.with_name(f"writer.{os.getpid()}.part")
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"“{folder}”不能写入：本机的账号、操作记录要放在那里。请检查权限，或用环境变量 {HOME} 另指一个文件夹。"
        ) from error


def _make_lake(folder: Path, path: Path | str, told: Mapping[str, Any]) -> Lake:
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


def _read_text(path: Path | str, told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise _wrong(path, f"{name} 应写在引号里")
    return value


def _read_catalogue(path: Path | str, told: Mapping[str, Any]) -> str:
    parts = _split(path, _read_text(path, told, "catalogue"))
    if parts.scheme not in _SCHEMES or not parts.path.strip("/"):
        raise _wrong(path, "catalogue 应写成 postgresql://用户@主机/库名")
    options = dict(parse_qsl(parts.query))
    if parts.password is not None or any("password" in name.lower() for name in options):
        raise _wrong(
            path, "catalogue 里不要写密码，请放在环境变量 PGPASSWORD 或 PGPASSFILE 指的文件里"
        )
    options.setdefault("connect_timeout", str(CONNECT_SECONDS))
    return urlunsplit(parts._replace(query=urlencode(options, quote_via=quote)))


def _split(path: Path | str, address: str) -> SplitResult:
    """The parts of an address. A bad one may hold a password, so nothing repeats it."""
    try:
        return urlsplit(address)
    except ValueError:
        said = "catalogue 应写成 postgresql://用户@主机/库名"
    raise _wrong(path, said)


def _read_data(path: Path | str, told: Mapping[str, Any]) -> str:
    data = _read_text(path, told, "data")
    if data.startswith(OBJECTS):
        if not urlsplit(data).hostname or "?" in data:
            raise _wrong(path, "data 应写成 s3://桶/前缀，密钥放在环境变量里")
        return data.rstrip("/") + "/"
    if not data or not Path(data).is_absolute():
        raise _wrong(path, "data 应是完整的文件夹路径（例如网络盘上的），或 s3://桶/前缀")
    return Path(data).as_posix().rstrip("/") + "/"


def _wrong(path: Path | str, what: str) -> StoreError:
    return StoreError(f"{path if path == _ADDRESS else f'“{path}”'}写得不对：{what}。")


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

"""Where the organization's own sign-in (OpenID Connect) is, as the environment tells it.

Not in the profile: that is kept in the lake with the data, where an undo would change it.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from etl.errors import UsageError

ISSUER, CLIENT = "SHEQU_OIDC_ISSUER", "SHEQU_OIDC_CLIENT_ID"
SECRET, SECRET_FILE = "SHEQU_OIDC_CLIENT_SECRET", "SHEQU_OIDC_CLIENT_SECRET_FILE"
CLAIM, ADDRESS = "SHEQU_OIDC_CLAIM", "SHEQU_OIDC_ADDRESS"
# The one name that a provider never gives to another person.
SAFEST_CLAIM = "sub"
EMAIL = "email"


@dataclass(frozen=True)
class Provider:
    """The sign-in of an organization, and who we are to it.

    `claim` says which of the things it tells of a person names the account. `address` is this
    server as browsers know it, empty where the request tells; the secret is never printed.
    """

    issuer: str
    client_id: str
    secret: str = field(default="", repr=False)
    claim: str = SAFEST_CLAIM
    address: str = ""


def find_provider() -> Provider | None:
    """The provider that the environment names; None where it names none.

    Raises
    ------
    UsageError
        It is named by halves, or would be asked without encryption.
    """
    issuer = os.environ.get(ISSUER, "").strip().rstrip("/")
    client = os.environ.get(CLIENT, "").strip()
    if not issuer and not client:
        return None
    if not issuer or not client:
        raise UsageError(f"统一登录要同时设 {ISSUER} 和 {CLIENT}，现在少一个。请补上再启动。")
    address = os.environ.get(ADDRESS, "").strip().rstrip("/")
    if not is_safe_address(issuer):
        raise UsageError(f"{ISSUER} 应是 https:// 开头的地址，写的是“{issuer}”。请改正。")
    if address and urlsplit(address).scheme not in ("http", "https"):
        raise UsageError(f"{ADDRESS} 应是 http(s):// 开头的地址，写的是“{address}”。请改正。")
    claim = os.environ.get(CLAIM, "").strip() or SAFEST_CLAIM
    return Provider(issuer, client, _read_secret(), claim, address)


def is_safe_address(address: str) -> bool:
    """Whether what is sent there stays between us: encrypted, or never off this machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_here))


def _read_secret() -> str:
    """The client's secret, out of a file where one is named; empty for a client without."""
    named = os.environ.get(SECRET_FILE, "").strip()
    if not named:
        return os.environ.get(SECRET, "").strip()
    try:
        return Path(named).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{SECRET_FILE} 指的文件“{named}”读不了。请检查路径和权限。") from error

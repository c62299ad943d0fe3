"""Complaints as Open311 GeoReport v2, to read only: services, requests, one request; JSON and XML.

Nothing personal: no text of a complaint, no address but the compound's name, and the compound's own
point instead of the complaint's. See https://wiki.open311.org/GeoReport_v2/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

from etl.errors import ShequError
from etl.store import Store

# The specification: at most 90 days, and at most 1,000 requests, unless told otherwise.
MOST_DAYS, MOST_REQUESTS = 90, 1000
STATUSES = ("open", "closed")
# Dates in sheets are those of the wall clock in China.
CHINA = timezone(timedelta(hours=8))


class NotFoundError(ShequError):
    """What was asked for is not there."""


class BadRequestError(ShequError):
    """A parameter does not mean anything."""


@dataclass(frozen=True)
class Asked:
    """What a request for requests asked for, checked."""

    ids: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    page: int = 1
    page_size: int = MOST_REQUESTS


def code_of(category: str) -> str:
    """A code for a category that stays the same wherever it is worked out."""
    return hashlib.sha256(category.encode("utf-8")).hexdigest()[:8]


def read_query(query: Mapping[str, str]) -> Asked:
    """Check the parameters of a request.

    Raises
    ------
    BadRequestError
        A date, a status or a number cannot be read; which one, and how it should be written.
    """
    statuses = _split(query.get("status", ""))
    if set(statuses) - set(STATUSES):
        raise BadRequestError("status 只能是 open 或 closed。")
    return Asked(
        ids=_split(query.get("service_request_id", "")),
        codes=_split(query.get("service_code", "")),
        statuses=statuses,
        start=_read_time(query, "start_date"),
        end=_read_time(query, "end_date"),
        page=_read_number(query, "page", 1),
        page_size=min(_read_number(query, "page_size", MOST_REQUESTS), MOST_REQUESTS),
    )


def list_services(store: Store) -> list[dict[str, Any]]:
    """Every category of complaint on record as a service."""
    names = store.select("open311_services")["category"]
    return [
        {
            "service_code": code_of(name),
            "service_name": name,
            "description": name,
            "metadata": False,
            "type": "realtime",
            "keywords": "",
            "group": "",
        }
        for name in map(str, names)
    ]


def list_requests(store: Store, asked: Asked, whole: bool = False) -> list[dict[str, Any]]:
    """Requests, the newest first.

    As the specification says: with ids nothing else counts; without dates the newest 90 days of
    data, with one of them 90 days from or up to it. `whole` gives all of them, for a file.
    """
    codes = {service["service_code"]: service["service_name"] for service in list_services(store)}
    unknown = [code for code in asked.codes if code not in codes]
    if unknown:
        raise NotFoundError(f"没有代码为 {'、'.join(unknown)} 的服务。")
    start, end = (None, None) if whole or asked.ids else _find_span(store, asked)
    found = store.select(
        "open311_requests",
        ids=list(asked.ids),
        categories=[codes[code] for code in asked.codes],
        statuses=list(asked.statuses),
        start=start,
        end=end,
        most=10**12 if whole else asked.page_size,
        skip=0 if whole else (asked.page - 1) * asked.page_size,
    )
    return [_describe(dict(row)) for row in found.to_dict("records")]


def find_request(store: Store, request_id: str) -> list[dict[str, Any]]:
    """One request, as a list of one.

    Raises
    ------
    NotFoundError
        There is none of that id.
    """
    found = list_requests(store, Asked(ids=(request_id,)))
    if not found:
        raise NotFoundError(f"没有编号为 {request_id} 的工单。")
    return found


def _describe(row: Mapping[Any, Any]) -> dict[str, Any]:
    category = _text(row["category"])
    return {
        "service_request_id": _text(row["complaint_id"]),
        "status": "closed" if _text(row["state"]) == "closed" else "open",
        "status_notes": _text(row["status"]),
        "service_name": category,
        "service_code": code_of(category),
        "description": _text(row["subcategory"]),
        "agency_responsible": "",
        "service_notice": "",
        "requested_datetime": _time(row["reported_at"]),
        "updated_datetime": _time(row["updated_at"]),
        "expected_datetime": _time(row["due_at"]),
        "address": _text(row["place"]),
        "address_id": _text(row["compound_id"]),
        "zipcode": "",
        "lat": _number(row["lat"]),
        "long": _number(row["lon"]),
        "media_url": "",
    }


def write_json(rows: list[dict[str, Any]]) -> bytes:
    """A list as JSON."""
    return json.dumps(rows, ensure_ascii=False, allow_nan=False).encode("utf-8")


def write_xml(root: str, child: str, rows: list[dict[str, Any]]) -> bytes:
    """A list as XML: <services><service>…, <service_requests><request>…, <errors><error>…."""
    top = ElementTree.Element(root)
    for row in rows:
        node = ElementTree.SubElement(top, child)
        for name, value in row.items():
            ElementTree.SubElement(node, name).text = _write_value(value)
    return bytes(ElementTree.tostring(top, encoding="utf-8", xml_declaration=True))


def _write_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # XML knows no control characters, not even escaped ones.
    return "".join(c for c in str(value) if c >= " " or c in "\t\n\r")


def _find_span(store: Store, asked: Asked) -> tuple[datetime | None, datetime | None]:
    span = timedelta(days=MOST_DAYS)
    start, end = asked.start, asked.end
    if start is None and end is None:
        newest = store.select("open311_newest")["newest_at"].iloc[0]
        if newest is None or newest != newest:
            return None, None
        end = newest.to_pydatetime()
    if start is None and end is not None:
        start = end - span
    elif start is not None and end is None:
        end = start + span
    return start, end


def _read_time(query: Mapping[str, str], name: str) -> datetime | None:
    """A moment in W3C format as the wall clock in China shows it, or None."""
    written = query.get(name, "").strip()
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written.replace(" ", "+"))
    except ValueError as error:
        raise BadRequestError(f"{name} 要写成 2026-10-01T00:00:00Z 这样。") from error
    return moment.astimezone(CHINA).replace(tzinfo=None) if moment.tzinfo else moment


def _read_number(query: Mapping[str, str], name: str, usual: int) -> int:
    written = query.get(name, "").strip()
    if not written:
        return usual
    if not written.isascii() or not written.isdigit() or not 1 <= int(written[:9]) <= 10**6:
        raise BadRequestError(f"{name} 要写成从 1 起的整数。")
    return int(written[:9])


def _split(written: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in written.split(",") if part.strip())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return None if value is None or value != value else round(float(value), 6)


def _time(value: Any) -> str:
    """A moment of a sheet in W3C format, UTC; '' where there is none."""
    if value is None or value != value:
        return ""
    moment: datetime = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
    return moment.replace(tzinfo=CHINA).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Open311 GeoReport v2: the fields of the specification, its defaults and errors, nobody's data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from etl import open311
from etl.cli import main
from etl.open311 import Asked, BadRequestError, NotFoundError, read_query
from etl.store import Store

# https://wiki.open311.org/GeoReport_v2/: what a service and a request consist of.
SERVICE = {
    "service_code", "service_name", "description", "metadata", "type", "keywords", "group",
}  # fmt: skip
REQUEST = {
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description",
    "agency_responsible", "service_notice", "requested_datetime", "updated_datetime",
    "expected_datetime", "address", "address_id", "zipcode", "lat", "long", "media_url",
}  # fmt: skip
W3C = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


@pytest.fixture(scope="module")
def store(sample_store: Path) -> Iterator[Store]:
    opened = Store(sample_store, read_only=True)
    yield opened
    opened.close()


def test_services_have_the_fields_of_the_specification(store: Store) -> None:
    services = open311.list_services(store)
    assert all(set(service) == SERVICE for service in services)
    assert all(service["type"] == "realtime" for service in services)
    codes = [service["service_code"] for service in services]
    assert len(codes) == len(set(codes)) == store.frame("core_complaints")["category"].nunique()


def test_requests_have_the_fields_of_the_specification(store: Store) -> None:
    rows = open311.list_requests(store, Asked())
    assert rows
    for row in rows:
        assert set(row) == REQUEST
        assert row["status"] in ("open", "closed")
        assert W3C.fullmatch(row["requested_datetime"])
        assert not row["expected_datetime"] or W3C.fullmatch(row["expected_datetime"])


def test_without_dates_the_newest_90_days_are_given_and_never_over_1000(store: Store) -> None:
    times = [r["requested_datetime"] for r in open311.list_requests(store, Asked())]
    ends = [datetime.fromisoformat(times[at]) for at in (0, -1)]
    assert times == sorted(times, reverse=True)
    assert 80 < (ends[0] - ends[1]).days <= 90
    assert len(times) <= 1000


def test_a_file_holds_every_request_once(store: Store) -> None:
    rows = open311.list_requests(store, Asked(), whole=True)
    ids = {row["service_request_id"] for row in rows}
    assert len(ids) == len(rows) == len(store.frame("core_complaints"))


def test_filters_narrow_what_is_given(store: Store) -> None:
    code = open311.code_of("停车管理")
    asked = read_query({"service_code": code, "status": "closed", "start_date":
                        "2026-03-01T00:00:00Z", "end_date": "2026-03-31T00:00:00Z"})  # fmt: skip
    rows = open311.list_requests(store, asked)
    assert rows
    assert {row["service_code"] for row in rows} == {code}
    assert {row["status"] for row in rows} == {"closed"}
    assert {row["requested_datetime"][:7] for row in rows} == {"2026-03"}


def test_pages_follow_one_another(store: Store) -> None:
    first, second = (
        [r["service_request_id"] for r in open311.list_requests(store, Asked(page=n, page_size=5))]
        for n in (1, 2)
    )
    both = open311.list_requests(store, Asked(page_size=10))
    assert [*first, *second] == [row["service_request_id"] for row in both]


def test_ids_are_found_whatever_their_date(store: Store) -> None:
    oldest = store.frame("core_complaints").sort_values("reported_at")["complaint_id"].iloc[0]
    assert [r["service_request_id"] for r in open311.find_request(store, oldest)] == [oldest]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"status": "done"}, BadRequestError), ({"start_date": "yesterday"}, BadRequestError),
        ({"page": "0"}, BadRequestError), ({"page_size": "many"}, BadRequestError),
        ({"service_code": "nothing"}, NotFoundError),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_by_name(
    store: Store, query: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        open311.list_requests(store, read_query(query))
    with pytest.raises(NotFoundError):
        open311.find_request(store, "no such")


def test_no_text_and_no_place_of_a_complaint_is_given_away(store: Store) -> None:
    """Neither what somebody wrote, nor where, more closely than the compound."""
    complaints = store.frame("core_complaints").set_index("complaint_id")
    compounds = store.frame("out_compounds").set_index("compound_id")
    for row in open311.list_requests(store, Asked(), whole=True):
        told = complaints.loc[row["service_request_id"]]
        said = json.dumps(row, ensure_ascii=False)
        for secret in (told["text"], told["address"], told["result"]):
            assert not isinstance(secret, str) or secret not in said
        if row["address_id"]:
            place = compounds.loc[row["address_id"]]
            assert row["address"] == place["name"]
            assert row["lat"] == pytest.approx(place["lat"], abs=1e-6)


def test_xml_and_json_say_the_same(sample_store: Path, store: Store, tmp_path: Path) -> None:
    formats = ["--format", "open311-json", "--format", "open311-xml"]
    assert main(["export", "--store", str(sample_store), "--out", str(tmp_path), *formats]) == 0
    folder = tmp_path / "open311"
    for name, child in (("services", "service"), ("requests", "request")):
        told = json.loads((folder / f"{name}.json").read_text("utf-8"))
        tree = ElementTree.fromstring((folder / f"{name}.xml").read_text("utf-8"))
        assert tree.tag == ("services" if name == "services" else "service_requests")
        assert {node.tag for node in tree} == {child}
        written = [{part.tag: part.text or "" for part in node} for node in tree]
        plain = [{k: open311._write_value(v) for k, v in row.items()} for row in told]
        assert written == plain

"""Open311 GeoReport v2 at routes of this server, to read only; what it says stands in etl."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard import access, load, settings
from dashboard.words import say
from etl import open311
from etl.disclosure import EVERYTHING, find_audience
from etl.errors import AccessError, ShequError
from etl.store import Store

log = logging.getLogger(__name__)
PREFIX = "/open311/v2"
TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
Rows = list[dict[str, Any]]


def send_services(request: Request) -> Response:
    """Every category as a service."""
    return _answer(request, "services", "service", open311.list_services)


def send_definition(request: Request) -> Response:
    """No service asks for more than the rest, so none has a definition."""

    def refuse(_store: Store) -> Rows:
        raise open311.NotFoundError(say("open311.no_definition"))

    return _answer(request, "service_definition", "attribute", refuse)


def send_requests(request: Request) -> Response:
    """Requests by ids, services, status and dates."""

    def find(store: Store) -> Rows:
        return open311.list_requests(store, open311.read_query(dict(request.query_params)))

    return _answer(request, "service_requests", "request", find)


def send_request(request: Request) -> Response:
    """One request."""
    asked = request.path_params["request_id"]
    return _answer(
        request, "service_requests", "request", lambda store: open311.find_request(store, asked)
    )


def _answer(
    request: Request, root: str, child: str, find: Callable[[Store], Rows]
) -> Response:  # fmt: skip
    """Rows in the form that was asked for, or the error in the same form."""
    form = request.path_params["form"]
    if form not in TYPES:
        form, rows, status = "json", _tell(404, say("open311.form")), 404
        root, child = "errors", "error"
    else:
        try:
            _require_everything(request)
            rows, status = find(load.open_store(str(settings.store_path()))), 200
        except ShequError as error:
            kinds = {
                open311.NotFoundError: 404, open311.BadRequestError: 400, AccessError: 403,
            }  # fmt: skip
            status = kinds.get(type(error), 503)
            root, child, rows = "errors", "error", _tell(status, str(error))
        except Exception:
            log.exception("open311 failed")
            status = 500
            root, child, rows = "errors", "error", _tell(500, say("open311.failed"))
    body = open311.write_json(rows) if form == "json" else open311.write_xml(root, child, rows)
    headers = {"Content-Type": TYPES[form], "Cache-Control": "no-cache"}
    return Response(body, status_code=status, headers=headers)


def _require_everything(request: Request) -> None:
    """Single requests are for those who see every count of every community."""
    if find_audience(access.find_visitor(request.headers).account) != EVERYTHING:
        raise AccessError(say("open311.withheld"))


def _tell(code: int, sentence: str) -> Rows:
    return [{"code": code, "description": sentence}]


ROUTES = [
    Route(PREFIX + "/services.{form}", send_services),
    Route(PREFIX + "/services/{code}.{form}", send_definition),
    Route(PREFIX + "/requests.{form}", send_requests),
    Route(PREFIX + "/requests/{request_id}.{form}", send_request),
]

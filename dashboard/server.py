"""The server: Streamlit's pages, our own files and the guard around them, as one ASGI app.

Run as `uvicorn dashboard.server:app`, with SHEQU_STORE and SHEQU_PROFILE in the environment.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import threading
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dashboard import access, settings
from dashboard.access import METRICS, GuardAccess
from dashboard.dress import DressPage
from dashboard.headers import GuardHeaders
from dashboard.map.files import PREFIX, find_file
from dashboard.metrics import CountRequests, send_metrics, write_log
from dashboard.open311 import ROUTES
from etl.areas import LEVELS

log = logging.getLogger(__name__)
# Not streamlit_folium itself: a component that is imported outside a visit is not registered.
WARM = ("dashboard.views.map", "dashboard.views.today", "pypinyin")
FOREVER = "public, max-age=31536000, immutable"


def send_asset(request: Request) -> Response:
    """Answer with one of the listed files of the map."""
    path = find_file(request.path_params["name"])
    if path is None or not path.is_file():
        return PlainTextResponse("not found", status_code=404)
    keep = FOREVER if request.query_params.get("v") else "no-cache"
    return FileResponse(path, headers={"Cache-Control": keep})


def send_shapes(request: Request) -> Response:
    """Answer with the outlines that the map draws; the browser keeps them until they change."""
    from dashboard import load
    from etl.errors import AccessError, ShequError

    try:
        asked = request.query_params
        within, level = asked.get("within", ""), asked.get("level", "")
        build = load.build_for(access.find_visitor(request.headers))
        body = load.shapes_json(build, within, level if level in LEVELS else "")
    except AccessError as error:
        return JSONResponse({"error": str(error)}, status_code=403)
    except ShequError as error:
        return JSONResponse({"error": str(error)}, status_code=503)
    mark = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"ETag": mark, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == mark:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def send_health(request: Request) -> Response:
    """Say that the server listens."""
    return JSONResponse({"status": "ok"})


def warm_up() -> None:
    """Import and read what the first page needs, so that the first visitor does not wait for it."""
    try:
        for name in WARM:
            import_module(name)
        import_module("dashboard.load").read_ahead()
    except Exception:  # the page itself shows the error, with its reference code
        log.exception("could not make the first page ready ahead of time")
    # Streamlit looks through everything for garbage after every run of a page: what was loaded for
    # good is left out of that, which took longer than the run itself.
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def live(_app: Any) -> AsyncIterator[None]:
    """While the server runs: warm up beside it, and write down what happens where that is asked."""
    if log_file := settings.log_path():
        write_log(log_file)
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    yield


def make_app() -> Any:
    """The ASGI app."""
    settings.set_streamlit()
    from streamlit.web.server.starlette.starlette_app import App

    return App(
        Path(__file__).parent / "app.py",
        lifespan=live,
        routes=[
            Route("/healthz", send_health),
            Route(METRICS, send_metrics),
            Route("/shapes.json", send_shapes),
            *ROUTES,
            Route(PREFIX + "/{name:path}", send_asset),
        ],
    )


# The guards stand outside everything: nobody reaches a route of Streamlit unasked, and even the
# answer to a failure carries the headers.
app = CountRequests(GuardHeaders(GuardAccess(DressPage(make_app()))))

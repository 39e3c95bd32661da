"""The ASGI application: the API, the MCP endpoint, health and metrics on one port."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any

import anyio
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from data411_mcp import __version__
from data411_mcp.errors import Data411Error
from data411_mcp.services.container import OpensServices
from data411_mcp.web import metrics, problems
from data411_mcp.web.calls import Door
from data411_mcp.web.config import WebConfig
from data411_mcp.web.cors import Cors
from data411_mcp.web.edge import Answering, BodyLimit, Edge, HostGuard
from data411_mcp.web.gate import MCP_PATH, Gate, may_read
from data411_mcp.web.icp.chat import chat
from data411_mcp.web.icp.routes import icp
from data411_mcp.web.icp.runs import runs
from data411_mcp.web.icp.threads import threads
from data411_mcp.web.mcp_door import McpDoor
from data411_mcp.web.panel import PANEL_PATH, panel
from data411_mcp.web.routes import api
from data411_mcp.web.strict import of_validation

HEALTH_SECONDS = 5.0
DESCRIPTION = """\
Turns one CRM lead into a lead graph in which every fact is proven by a quote on a stored page.
Every error is application/problem+json with `code`, `detail` and `hint`, the next call to make.
"""
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def create_app(
    opener: OpensServices, config: WebConfig, mcp: ASGIApp, lifespan: Lifespan
) -> ASGIApp:
    """`lifespan` is entered once, by the server that serves the application."""
    counters = metrics.Metrics()
    app = FastAPI(
        title="Data411 lead enrichment",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.include_router(api)
    app.include_router(icp)
    app.include_router(chat)
    if config.embedded_langgraph:
        app.include_router(threads)
        app.include_router(runs)
    _describe_problems(app)
    app.state.door = Door(opener, config, counters)
    app.router.routes.extend(
        [
            Route(MCP_PATH, McpDoor(mcp, opener, config)),
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/metrics", _metrics, methods=["GET"]),
            Route(PANEL_PATH, panel, methods=["GET"]),
        ]
    )
    app.add_exception_handler(Data411Error, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _crashed)
    return _wrapped(app, opener, config, counters)


def _describe_problems(app: FastAPI) -> None:
    """Put the shape of every error into the document. A `model` of a response would be described
    as application/json, which no error is."""
    schemas = app.openapi().setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = problems.Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):  # the framework's own, never sent
        schemas.pop(unused, None)


def _wrapped(
    app: ASGIApp, opener: OpensServices, config: WebConfig, counters: metrics.Metrics
) -> ASGIApp:
    inner: ASGIApp = Answering(Gate(BodyLimit(app, config), opener, config))
    if config.cors_origins:
        inner = Cors(inner, config)
    return Edge(HostGuard(inner, config), config, counters)


async def _healthz(request: Request) -> Response:
    """Whether the store answers; no key is needed to ask."""
    door: Door = request.app.state.door
    with anyio.move_on_after(HEALTH_SECONDS):
        try:
            services = await door.opener.services()
            await services.store.last_event_seq("")
        except Data411Error as error:
            return problems.problem(error, problems.request_id_of(request))
        return JSONResponse({"status": "ok", "version": __version__})
    slow = problems.HttpError(503, "The store does not answer.", "Ask again in a moment.")
    return problems.problem(slow, problems.request_id_of(request))


async def _metrics(request: Request) -> Response:
    may_read(request)
    door: Door = request.app.state.door
    return PlainTextResponse(door.metrics.text(), media_type=metrics.MEDIA_TYPE)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, Data411Error)  # noqa: S101 - registered for these
    return problems.problem(error, problems.request_id_of(request))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for these
    return await _ours(request, of_validation(request, error))


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    status = error.status_code
    if status == HTTPStatus.BAD_REQUEST:  # the body could not be read as what it says it is
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return await _ours(request, problems.of_status(status, headers))


def _allowed(request: Request) -> list[str]:
    """The methods of the address, of its most literal template: the framework names those of the
    first route only."""
    routers = (api, icp, chat, threads, runs)
    given = (*(r for router in routers for r in router.routes), *request.app.routes)
    routes = [r for r in given if isinstance(r, Route)]
    here = [r for r in routes if r.path_regex.match(request.url.path)]
    fewest = min((len(r.param_convertors) for r in here), default=0)
    named = [r for r in here if len(r.param_convertors) == fewest]
    return sorted({method for route in named for method in route.methods or ()})


async def _crashed(request: Request, error: Exception) -> Response:
    return problems.unexpected(problems.request_id_of(request), error)

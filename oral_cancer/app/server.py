"""The page's addresses, and what each does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from oral_cancer.app import view
from oral_cancer.app.downloads import DOWNLOADS
from oral_cancer.app.guard import Guard
from oral_cancer.app.pages import bench_page, image_page, script, style
from oral_cancer.app.pictures import SIDES, heat, picture
from oral_cancer.app.sessions import Desk, Session
from oral_cancer.app.studies import StudyPages
from oral_cancer.app.work import Result
from oral_cancer.data.reading import Reading
from oral_cancer.errors import UserError
from oral_cancer.inference.predict import Predicted

MOST_OF_FORM = 100_000  # bytes
SWEEP = 60  # seconds between two looks for sessions that have ended
UNCHANGING = {"cache-control": "private, max-age=86400"}
"""Of what has an address of its own for each content."""

Form = dict[str, str]
Answer = Callable[[Request, Session], Response]


def make_app(desk: Desk, host: str, password: str) -> Guard:
    """The application, behind its door."""
    bench, studies = Bench(desk), StudyPages(desk.shelf)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(desk))
        yield
        sweeping.cancel()
        await run_in_threadpool(desk.close)

    def page(address: str, answer: Answer) -> Route:
        return Route(address, _with_session(desk, answer), methods=["GET"])

    def form(address: str, act: Callable[[Session, Form], None]) -> Route:
        return Route(address, _with_form(desk, act), methods=["POST"])

    routes = [
        page("/", bench.show),
        page("/progress", bench.progress),
        page("/image/{number:int}", bench.image),
        page("/picture/{key}/{number:int}-{side:int}.png", bench.picture),
        page("/heat/{key}/{number:int}.png", bench.heat),
        page("/download/{name}", bench.download),
        Route("/images", _receive(desk), methods=["PUT"]),
        form("/model", bench.choose_model),
        form("/path", bench.give_path),
        form("/check", bench.check),
        form("/predict", bench.predict),
        form("/cancel", bench.cancel),
        form("/clear", bench.clear),
        Route("/studies", studies.show),
        Route("/compare", studies.compare),
        Route("/report/{key}/{path:path}", studies.report),
        Route("/style.css", lambda _: Response(style(), media_type="text/css")),
        Route("/script.js", lambda _: Response(script(), media_type="text/javascript")),
    ]
    return Guard(Starlette(routes=routes, lifespan=lifespan), host, password)


async def _sweep(desk: Desk) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        await run_in_threadpool(desk.sweep)


class Bench:
    """What the page of one person shows, and does when told to."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def show(self, request: Request, session: Session) -> Response:
        """The page."""
        return Response(bench_page(self.desk, session, view.Listing.of(request.query_params)), media_type="text/html")

    def progress(self, _: Request, session: Session) -> Response:
        """Where the work stands."""
        return JSONResponse(view.progress(session.job, self.desk.queue(session.job)))

    def image(self, request: Request, session: Session) -> Response:
        """One image, large."""
        result, number = session.result, request.path_params["number"]
        if result is None or number >= len(result.files):
            return _nothing()
        return Response(image_page(result, number, view.Listing.of(request.query_params)), media_type="text/html")

    def picture(self, request: Request, session: Session) -> Response:
        """An image as a PNG."""
        side = request.path_params["side"]
        if side not in SIDES:
            return _nothing()
        return _png(request, session, lambda result, one: picture(result, one, side, session.folder))

    def heat(self, request: Request, session: Session) -> Response:
        """Its Grad-CAM as a PNG."""
        return _png(request, session, lambda result, one: heat(result, one, self.desk.shelf, session.folder))

    def download(self, request: Request, session: Session) -> Response:
        """A file to keep."""
        name = request.path_params["name"]
        if session.result is None or name not in DOWNLOADS:
            return _nothing()
        chosen = DOWNLOADS[name]
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(chosen.make(session.result), headers=headers, media_type=chosen.media)

    def choose_model(self, session: Session, form: Form) -> None:
        """Take another model; the images are looked at again."""
        key, _, experiment = form.get("model", "").partition("/")
        self.desk.shelf.card(key, experiment)
        session.model = (key, experiment)
        self.desk.check(session)

    def give_path(self, session: Session, form: Form) -> None:
        """Take images where they lie."""
        self.desk.take(session, form.get("path", ""))

    def check(self, session: Session, form: Form) -> None:
        """Look at the images, read as the form says where it does."""
        if form:
            session.given = _reading(form)
        self.desk.check(session)

    def predict(self, session: Session, _: Form) -> None:
        """Predict them."""
        self.desk.predict(session)

    def cancel(self, session: Session, _: Form) -> None:
        """Stop the work."""
        if session.job:
            session.job.cancel()

    def clear(self, session: Session, _: Form) -> None:
        """Forget images and results."""
        session.forget()


def _reading(form: Form) -> Reading:
    """What a form says of planes, channels and intensities; an empty field leaves it to the study and the files."""
    plane, channels = form.get("plane"), form.get("channels")
    try:
        ends = [float(form[end]) for end in ("low", "high") if form.get(end)]
    except ValueError:
        raise UserError("range: must be two numbers, the lower one first") from None
    return Reading.of(
        range=ends or None,
        channels=[int(one) if one.isdecimal() else one for one in channels.split(",")] if channels else None,
        plane=int(plane) if plane and plane.isdecimal() else plane or None,
        before="",
    )


def _with_session(desk: Desk, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        key, session = desk.session(request.cookies.get(_cookie(request)))
        try:
            response = await run_in_threadpool(answer, request, session)
        except UserError as refused:
            response = PlainTextResponse(str(refused), 409)
        return _remembered(response, request, key)

    return endpoint


def _with_form(desk: Desk, act: Callable[[Session, Form], None]) -> Callable[[Request], Awaitable[Response]]:
    """Do what a form asks for, and show the page with what has come of it."""

    async def endpoint(request: Request) -> Response:
        key, session = desk.session(request.cookies.get(_cookie(request)))
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_OF_FORM:
                return PlainTextResponse("too long", 413)
        form = {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        session.line = ""
        try:
            await run_in_threadpool(act, session, form)
        except UserError as refused:
            session.line = "; ".join(refused.lines)
        return _remembered(RedirectResponse("/", 303), request, key)

    return endpoint


def _receive(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    """Store the file that a request holds, by the path that `name` says."""

    async def endpoint(request: Request) -> Response:
        key, session = desk.session(request.cookies.get(_cookie(request)))
        try:
            session.path = None
            await session.uploads.receive(request.query_params.get("name", ""), request.stream())
            response = Response(status_code=204)
        except UserError as refused:
            response = PlainTextResponse(str(refused), 400)
        return _remembered(response, request, key)

    return endpoint


def _png(request: Request, session: Session, make: Callable[[Result, Predicted], bytes]) -> Response:
    result, number = session.result, request.path_params["number"]
    if result is None or result.key != request.path_params["key"] or number >= len(result.files):
        return _nothing()
    return Response(make(result, result.by_file[result.files[number]]), headers=UNCHANGING, media_type="image/png")


def _nothing() -> Response:
    return PlainTextResponse("there is nothing here; the images may have been removed", 404)


def _cookie(request: Request) -> str:
    """Another one for each port, since browsers send those of a computer to all of its ports."""
    return f"oral-cancer-{request.url.port}"


def _remembered(response: Response, request: Request, key: str) -> Response:
    if request.cookies.get(_cookie(request)) != key:
        response.set_cookie(_cookie(request), key, httponly=True, samesite="strict")
    return response

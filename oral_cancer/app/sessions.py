"""What the page knows of each person: the model and the images chosen, the work that is done, the result."""

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oral_cancer.app.jobs import Job, Queue
from oral_cancer.app.shelf import Card, Shelf
from oral_cancer.app.uploads import Limits, Uploads
from oral_cancer.app.work import Checked, Images, Result, check, predict_images
from oral_cancer.data.reading import Reading
from oral_cancer.errors import UserError, brief
from oral_cancer.inference.populations import find_images

IDLE = 3600.0
"""Seconds without a sign of an open page, after which a session ends; an open page gives one every minute."""
MOST = 1000  # sessions; beyond, those without a sign for the longest time end
SHOWN = 100  # characters of a path that nothing can be made of
LOOKING, PREDICTING = "looking at", "predicting"


@dataclass(eq=False)
class Session:
    """One person's page.

    Attributes:
        folder: for temporary files.
        uploads: what was dropped.
        path: of the images on this computer, where they were given so and not dropped.
        model: key of the study and name of the experiment; None for the first there is.
        given: how images are to be read.
        planes, channels: how many planes and which channels there were to choose of, as soon as that was found.
        job: the last piece of work.
        checked: what the check has found.
        result: of the last prediction.
        line: what was wrong with the last request.
        seen: when there was a sign of the page.
    """

    folder: Path
    uploads: Uploads
    path: Path | None = None
    model: tuple[str, str] | None = None
    given: Reading = field(default_factory=lambda: Reading.of(before=""))
    planes: int = 1
    channels: tuple[str, ...] = ()
    job: Job | None = None
    checked: Checked | None = None
    result: Result | None = None
    line: str = ""
    seen: float = field(default_factory=time.monotonic)

    @property
    def has_images(self) -> bool:
        return self.path is not None or bool(self.uploads.sizes)

    def forget(self) -> None:
        """Stop the work, and remove the images and what came of them."""
        if self.job:
            self.job.cancel()
        self.job = self.checked = self.result = self.path = None
        self.line, self.given, self.planes, self.channels = "", Reading.of(before=""), 1, ()
        self.uploads.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


class Desk:
    """The sessions there are, and the two queues of their work: looks at images, and predictions.

    Args:
        room: folder for temporary files.
        shelf: of models.
        limits: of uploads.
        allowed: folders below which images may be given by their path.
    """

    def __init__(self, room: Path, shelf: Shelf, limits: Limits, allowed: Sequence[Path]) -> None:
        self.room = room
        self.shelf = shelf
        self.limits = limits
        self.allowed = [folder.resolve() for folder in allowed]
        self.checks, self.predictions = Queue(), Queue()
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def session(self, key: str | None) -> tuple[str, Session]:
        """The session of a key, or a new one with a new key."""
        self.sweep()
        with self._lock:
            if key is None or key not in self._sessions:
                key = secrets.token_urlsafe(32)
                folder = self.room / secrets.token_hex(8)
                self._sessions[key] = Session(folder, Uploads(folder / "images", self.limits))
            session = self._sessions.pop(key)
            session.seen = time.monotonic()
            self._sessions[key] = session  # the last seen comes last
            return key, session

    def sweep(self) -> None:
        """End the sessions that nobody looks at any more."""
        with self._lock:
            late = time.monotonic() - IDLE
            old = [key for key, one in self._sessions.items() if one.seen < late] or list(self._sessions)[:-MOST]
            ended = [self._sessions.pop(key) for key in old]
        for session in ended:
            session.forget()

    def close(self) -> None:
        """End everything."""
        self.checks.close()
        self.predictions.close()

    def card(self, session: Session) -> Card | None:
        """The experiment that a session has chosen, the first where it has not; None where there is none."""
        offers = self.shelf.offers()
        if session.model is None and offers:
            session.model = (offers[0].key, offers[0].experiments[0])
        return self.shelf.card(*session.model) if session.model else None

    def queue(self, job: Job | None) -> Queue:
        """The queue that a piece of work is in."""
        return self.checks if job and job.words == LOOKING else self.predictions

    def take(self, session: Session, given: str) -> None:
        """Look at the images of a folder on this computer, which are left where they lie.

        Raises:
            UserError: for a path that is not there, or may not be read.
        """
        if not self.allowed:
            raise UserError("path: no folder of this computer may be read by its path; start with folders=<folder>")
        try:
            path = Path(given.strip()).expanduser()
            ours = path.is_absolute() and self.may_read(path)
            folder = ours and path.is_dir()
        except (OSError, RuntimeError, ValueError) as error:  # too long, links in a circle, no such user, NUL
            said = getattr(error, "strerror", None) or brief(error)
            raise UserError(f"path: {given[:SHOWN]!r} cannot be read ({said}); give another") from error
        if not ours:
            folders = ", ".join(map(str, self.allowed))
            raise UserError(f"path: {given} is not below {folders}; give one that is, or start with folders=<folder>")
        if not folder:
            raise UserError(f"path: {given} is no folder; give the folder that holds the images")
        session.forget()
        session.path = path
        self.check(session)

    def check(self, session: Session) -> None:
        """Look at the images of a session."""
        card = self.card(session)
        session.checked = session.result = None
        if card is None or not session.has_images:
            return

        def work(job: Job) -> None:
            checked = check(job, card, self._images(session))
            if session.job is job:
                session.checked = checked
                session.planes = max(session.planes, checked.planes)
                session.channels = max(session.channels, checked.channels, key=len)

        self._start(session, self.checks, Job(LOOKING), work)

    def predict(self, session: Session) -> None:
        """Predict the images of a session.

        Raises:
            UserError: where none are there that could be.
        """
        card, checked = self.card(session), session.checked
        if card is None or checked is None or checked.problems:
            raise UserError("there are no images to predict; drop some")

        def work(job: Job) -> None:
            result = predict_images(job, card, self.shelf.loaded, checked.images)
            if session.job is job:
                session.result = result

        session.result = None
        self._start(session, self.predictions, Job(PREDICTING), work)

    def may_read(self, path: Path) -> bool:
        """Whether a path, and what it leads to, lies in a folder that may be read."""
        real = path.resolve()
        return any(real.is_relative_to(folder) for folder in self.allowed)

    def _start(self, session: Session, queue: Queue, job: Job, work: Callable[[Job], None]) -> None:
        if session.job:
            session.job.cancel()
        session.job = job
        queue.submit(job, work)

    def _images(self, session: Session) -> Images:
        root = session.path or session.uploads.root
        permitted = self.may_read if session.path else None
        name = root.name if session.path or root != session.uploads.folder else "images"
        try:
            found = find_images(root, permitted=permitted, most=self.limits.max_images)
        except UserError as refused:  # of a temporary folder people know the name that they gave, and no option of it
            lines = (line.replace(f"images={root}", name).replace(str(root), name) for line in refused.lines)
            raise UserError(*lines) from None
        return Images(name, root, found, session.given)

"""kill -9 at random moments of a small study, and starting again.

    python -m tests.faults.kills --images FOLDER --out FOLDER --kills 50 --seed 0

A process that has imported everything forks the studies, so that a kill falls into work and seldom into imports. Each
trial begins with nothing, is killed once or twice, and is then let finish. Each of a study's phases has as many kills
as the others, however short it is, at times drawn evenly over its length in an undisturbed study. Lost is a trial that
does not finish, or leaves other bytes than the undisturbed study.
"""

import argparse
import json
import multiprocessing
import os
import random
import runpy
import shutil
import signal
import sys
import time
from collections import Counter
from importlib import import_module
from itertools import cycle
from pathlib import Path

from oral_cancer.study.fork_server import PRELOADED
from tests.study.processes import arguments, files

FIGURES = ("*/*/predictions.csv", "*/*/metrics.json", "tables/*")
STUDY = Path("outputs", "studies", "paper")
PHASES = ("start-up and store", "planning", "training", "evaluation", "aggregation")
TWICE = 0.3  # share of the trials whose second start is killed as well
AT_ONCE = 2
POLL = 0.01  # seconds between looks at a study
LIMIT = 300  # seconds that a start may take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="in the published layout")
    parser.add_argument("--out", type=Path, required=True, help="where the studies lie meanwhile")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    _import_all()
    command = [sys.argv[0], *arguments(given.images, "trainer.max_epochs=3")[2:]]
    undisturbed = given.out / "undisturbed"
    lengths = _lengths(_start(command, undisturbed), undisturbed)
    expected = _left(undisturbed / STUDY)

    chance = random.Random(given.seed)
    phases = cycle(PHASES)
    trials: list[list[tuple[str, float]]] = []
    while (left := given.kills - sum(map(len, trials))) > 0:
        times = 2 if left > 1 and chance.random() < TWICE else 1
        killed_in = [next(phases) for _ in range(times)]
        trials.append([(phase, chance.uniform(0, lengths[phase])) for phase in killed_in])
    folders = [given.out / f"trial{number}" for number in range(len(trials))]
    # Processes and no threads: a process that forks should have no other thread.
    with multiprocessing.get_context("fork").Pool(AT_ONCE) as pool:
        ended = pool.starmap(_trial, [(command, *trial, expected) for trial in zip(folders, trials, strict=True)], 1)
    moments = Counter(phase for trial in ended for phase in trial[0])
    lost = sum(not intact for _, intact in ended)
    result = {"kills": sum(moments.values()), "resumed": len(trials) - lost, "lost": lost, "moments": dict(moments)}
    print(json.dumps(result | {"undisturbed_seconds": {phase: round(length, 2) for phase, length in lengths.items()}}))
    sys.exit(int(lost > 0))


def _trial(
    command: list[str], folder: Path, kills: list[tuple[str, float]], expected: dict[str, bytes]
) -> tuple[list[str], bool]:
    """Kill a study so many seconds into a phase of each start, then let it finish; in which, and is all there."""
    moments: list[str] = []
    for phase, seconds in kills:
        while not _killed(_start(command, folder), folder / STUDY, phase, seconds):  # it was quicker
            shutil.rmtree(folder)
            seconds *= 0.9
        moments.append(_phase(folder / STUDY))
    code = _wait(_start(command, folder))
    left = _left(folder / STUDY)
    other = sorted(name for name in left.keys() | expected.keys() if left.get(name) != expected.get(name))
    if code or other:
        print(f"{folder}: exit code {code}, other than expected: {other}", file=sys.stderr)
        print((folder / "log.txt").read_text(), file=sys.stderr)
        return moments, False
    shutil.rmtree(folder)
    return moments, True


def _left(study: Path) -> dict[str, bytes]:
    """Every file of a study by its name, with its bytes where it holds figures."""
    names = {str(path.relative_to(study)): b"" for path in study.rglob("*") if path.is_file()}
    return names | files(study, *FIGURES)


def _import_all() -> None:
    for name in (*PRELOADED, "oral_cancer.study.callback", "oral_cancer.study.report"):
        import_module(name)


def _start(command: list[str], folder: Path) -> int:
    """A process of its own group that does what `python train.py ...` does in a folder; its number."""
    folder.mkdir(parents=True, exist_ok=True)
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        train = Path(__file__).parents[2] / "train.py"
        sys.argv = [str(train), *command[1:]]
        runpy.run_path(str(train), run_name="__main__")
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _killed(process: int, study: Path, phase: str, seconds: float) -> bool:
    """Kill a process so many seconds after its study has come to a phase, or past it; False if it has ended before."""
    started = time.monotonic()
    come: float | None = None
    while not os.waitpid(process, os.WNOHANG)[0]:
        if come is None and PHASES.index(_phase(study)) >= PHASES.index(phase):
            come = time.monotonic()
        if come is not None and time.monotonic() >= come + seconds:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return True
        assert time.monotonic() < started + LIMIT, f"it does not come to {phase}"
        time.sleep(POLL)
    return False


def _lengths(process: int, folder: Path) -> dict[str, float]:
    """Seconds of each phase of a study that nothing disturbs."""
    lengths = dict.fromkeys(PHASES, 0.0)
    last = time.monotonic()
    while not (ended := os.waitpid(process, os.WNOHANG))[0]:
        time.sleep(POLL)
        now = time.monotonic()
        lengths[_phase(folder / STUDY)] += now - last
        last = now
    assert os.waitstatus_to_exitcode(ended[1]) == 0, (folder / "log.txt").read_text()
    return lengths


def _wait(process: int) -> int:
    """The exit code of a process; -1 for one that does not end."""
    started = time.monotonic()
    while time.monotonic() - started < LIMIT:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return -1


def _phase(study: Path) -> str:
    """What a study is doing, as its folder shows."""
    if not list(study.parents[1].glob("store/*/index.json")):
        return "start-up and store"
    if not (study / "study.yaml").exists():
        return "planning"
    if (study / "tables").exists():
        return "aggregation"
    done = len(list(study.glob("*/*/metrics.json")))
    begun = len(list(study.glob("*/*/manifest.json")))
    return "training" if begun > done or begun < 4 else "evaluation"


if __name__ == "__main__":
    main()

"""A Slurm cluster of two nodes on this machine, in a scratch folder, of Debian's packages slurm-wlm and munge."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CPUS = 4  # more than a small machine has: the runs of the test are small, too
STARTS_WITHIN = 60.0  # seconds

CONF = """
ClusterName=scratch
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=10
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 Port={first} CPUs={cpus} State=UNKNOWN
NodeName={host}-2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Bring a cluster up, and take it down again.

    Args:
        folder: an empty one, for all its files; its path must be short, for the sake of the socket.

    Yields:
        The environment in which Slurm's commands find it.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    conf = folder / "slurm.conf"
    ports = dict(zip(("controller", "first", "second"), _free_ports(3), strict=True))
    conf.write_text(CONF.format(folder=folder, host=host, cpus=CPUS, **ports))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")]
    with ExitStack() as stack:
        nodes = [["slurmd", "-D", "-N", node] for node in (host, f"{host}-2")]
        for number, command in enumerate((munge, ["slurmctld", "-D", "-i"], *nodes)):
            log = stack.enter_context((folder / f"{number}.out").open("w"))
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            if number == 0:
                _until(lambda: (folder / "munge.socket").exists(), "munged", folder)
        _until(lambda: _output("sinfo --noheader --format=%t.%D", environment) == "idle.2\n", "a node", folder)
        yield environment
        _output("scancel --user=root", environment)


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _output(command: str, environment: dict[str, str]) -> str:
    return subprocess.run(command.split(), env=environment, capture_output=True, text=True, check=False).stdout


def _until(ready, what: str, folder: Path) -> None:
    started = time.monotonic()
    while not ready():
        if time.monotonic() - started > STARTS_WITHIN:
            said = "\n".join(path.read_text(errors="replace") for path in folder.glob("*.out"))
            raise RuntimeError(f"{what} of the scratch cluster is not up after {STARTS_WITHIN:.0f} s:\n{said}")
        time.sleep(0.2)

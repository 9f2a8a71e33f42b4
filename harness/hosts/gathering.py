"""Starting an experiment at every host, and gathering what each gives back.

Hosts of one machine run one after the other, because they would disturb each other; machines run at once.
"""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import execnet

from pytest_sessionreg import __version__

from ..experiments.interruption import SIGNALS, call_on_interrupt
from . import remote
from .host import Host
from .processes import Processes
from .protocol import BEAT_S

__all__ = ["Answer", "HostOrder", "gather"]

# From the start of a connection to the first answer: a password may have to be typed.
_CONNECT_S = 60.0
# A command beats every second; a machine under a storm may be late, but not so late.
_SILENCE_S = 30 * BEAT_S
# Told to end, a command may take so long to keep what it has, before it is killed;
_COMMAND_GRACE_S = 10.0
# its host so long to send that;
_GRACE_S = _COMMAND_GRACE_S + 5
# and a gateway to end, which it does at once unless its command has yet to be killed.
_TERMINATE_S = _COMMAND_GRACE_S + 2
# A connection that comes about while everything ends is looked for so often.
_LATE_S = 0.1


@dataclass(frozen=True, slots=True)
class HostOrder:
    """What every host is to do. words: of the command. files: texts of files that words name, as SCRATCH/name. shown:
    the words that a result says it was made by.
    """

    words: Sequence[str]
    files: Mapping[str, str]
    shown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one host. error: why nothing did, else None. code: the command's exit code. printed, said:
    its standard output and standard error.
    """

    host: Host
    error: str | None
    code: int | None = None
    printed: str = ""
    said: str = ""


@dataclass(slots=True)
class _HostState:
    """One host under way. heard: when it gave its last sign of life. phase: connecting, waiting, running, done."""

    host: Host
    heard: float
    phase: str = "connecting"
    machine: str = ""
    channel: Any = None
    answer: Answer | None = None


@dataclass(slots=True)
class _Gathering:
    """All hosts under way. events: news of a site, or the Ctrl-C of nobody's."""

    order: HostOrder
    sites: list[_HostState]
    on_change: Callable[[Sequence[str], int], None]
    events: queue.SimpleQueue[tuple[_HostState | None, Any]] = field(default_factory=queue.SimpleQueue)
    processes: Processes = field(default_factory=Processes)
    group: execnet.Group = field(init=False)
    connecting: list[threading.Thread] = field(default_factory=list)
    stopped_at: float | None = None
    hurried: bool = False

    def __post_init__(self) -> None:
        self.group = execnet.Group(execmodel=self.processes)  # type: ignore[arg-type]  # it takes a model, too

    def run(self) -> None:
        """Until every host is done, dead, silent, or out of its time."""
        for site in self.sites:
            thread = threading.Thread(target=self._connect, args=(site,), daemon=True)
            self.connecting.append(thread)
            thread.start()
        while not self.hurried and any(site.phase != "done" for site in self.sites):
            self._step()
        for site in self.sites:
            self._fail(site, "interrupted before it answered")

    def interrupt(self) -> None:
        """As Ctrl-C does. Safe between any two instructions of the loop that takes it."""
        self.events.put((None, None))

    def end(self) -> None:
        """End all gateways, and what an attempt to reach one may have left: a connection that never came about."""
        deadline = monotonic() + _TERMINATE_S
        while True:
            # looked for first: what a thread that has ended by now started is among the processes
            late = [thread for thread in self.connecting if thread.is_alive()]
            self.group.terminate(timeout=_TERMINATE_S)
            self.processes.kill(_TERMINATE_S)
            if not late or monotonic() >= deadline:
                return
            late[0].join(_LATE_S)

    def _step(self) -> None:
        with suppress(queue.Empty):
            site, news = self.events.get(timeout=max(0.0, self._next_deadline() - monotonic()))
            if site is None:
                self._stop()
            else:
                site.heard = monotonic()
                self._handle_news(site, news)
        for site in self.sites:
            if site.phase != "done" and self._deadline(site) <= monotonic():
                self._fail(site, self._reason_of_silence(site))
                self._tell_to_stop(site)
        self._start_next()
        self.on_change(
            [site.host.name for site in self.sites if site.phase == "running"],
            sum(site.phase == "done" for site in self.sites),
        )

    def _connect(self, site: _HostState) -> None:
        # The gateway's process inherits the mask: what a terminal or timeout(1) sends to the whole process group is
        # ours to pass on, not its end.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            gateway = self.group.makegateway(site.host.spec)
            channel = gateway.remote_exec(remote)
            site.channel = channel
            channel.setcallback(lambda news: self.events.put((site, news)), endmarker=("closed",))
        except Exception as error:  # noqa: BLE001  whatever execnet meets on the way is this host's end, not ours
            self.events.put((site, ("failed", _unreachable(site.host, error))))

    def _handle_news(self, site: _HostState, news: Any) -> None:
        kind = news[0]
        if site.phase == "done":
            return
        if kind == "here":
            self._check_version(site, *news[1:])
        elif kind == "done":
            code, printed, said = news[1:]
            site.answer = Answer(site.host, None, code, printed.decode(), said.decode())
            site.phase = "done"
        elif kind == "failed":
            self._fail(site, news[1])
        elif kind == "closed":
            self._fail(site, f"the connection broke while it was {site.phase}; {_remote_error(site)}")

    def _check_version(self, site: _HostState, version: str | None, machine: str, python: str) -> None:
        if version is None:
            self._fail(
                site,
                f"pytest-sessionreg is not installed for {python} there; install version {__version__}, or name "
                "another interpreter with //python=PATH",
            )
        elif version != __version__:
            # another version is another experiment: what differs would be code and machine at once
            self._fail(site, f"has pytest-sessionreg {version}, here it is {__version__}; install the same one there")
        else:
            site.machine, site.phase = machine, "waiting"

    def _start_next(self) -> None:
        if self.stopped_at is not None:
            return
        # who shares a machine is known when everybody has said where they are
        if any(site.phase == "connecting" for site in self.sites):
            return
        busy = {site.machine for site in self.sites if site.phase == "running"}
        for site in self.sites:
            if site.phase == "waiting" and site.machine not in busy:
                busy.add(site.machine)
                order = self.order
                site.phase, site.heard = "running", monotonic()
                with suppress(OSError):  # the closed channel tells
                    site.channel.send(
                        {
                            "words": list(order.words),
                            "shown": list(order.shown),
                            "files": dict(order.files),
                            "grace_s": _COMMAND_GRACE_S,
                        }
                    )

    def _stop(self) -> None:
        """Ctrl-C: those that run send what they have, the others are let go. The second time nobody is waited for."""
        if self.stopped_at is not None:
            self.hurried = True
            return
        self.stopped_at = monotonic()
        for site in self.sites:
            if site.phase == "running":
                self._tell_to_stop(site)
            else:
                self._fail(site, "interrupted before it began")

    def _tell_to_stop(self, site: _HostState) -> None:
        if site.channel is not None:
            with suppress(OSError):  # the closed channel tells
                site.channel.send("stop")

    def _deadline(self, site: _HostState) -> float:
        if site.phase == "waiting":
            return float("inf")
        if self.stopped_at is not None:
            return self.stopped_at + _GRACE_S
        return site.heard + (_CONNECT_S if site.phase == "connecting" else _SILENCE_S)

    def _next_deadline(self) -> float:
        soonest = min((self._deadline(site) for site in self.sites if site.phase != "done"), default=0.0)
        return min(soonest, monotonic() + _SILENCE_S)

    def _reason_of_silence(self, site: _HostState) -> str:
        if site.phase == "connecting":
            return f"did not answer within {_CONNECT_S:g} s; try to reach it by hand"
        if self.stopped_at is not None:
            return f"interrupted, and sent nothing within {_GRACE_S:g} s"
        return f"gave no sign of life for {_SILENCE_S:g} s while it was running; see what became of it there"

    def _fail(self, site: _HostState, error: str) -> None:
        if site.phase != "done":
            site.answer, site.phase = Answer(site.host, error), "done"


def gather(
    hosts: Sequence[Host],
    order: HostOrder,
    *,
    on_change: Callable[[Sequence[str], int], None] = lambda _running, _done: None,
) -> list[Answer]:
    """One answer per host, in their order. A host that cannot be reached, dies or falls silent costs no other one.

    on_change: told who is running and how many are done, every few seconds. Ctrl-C ends the commands, whose partial
    results are taken; a second one does not wait for them. No process is left here or there.
    """
    now = monotonic()
    gathering = _Gathering(order, [_HostState(host, now) for host in hosts], on_change)
    with call_on_interrupt(gathering.interrupt):
        try:
            gathering.run()
        finally:
            gathering.end()
    return [site.answer for site in gathering.sites if site.answer is not None]


def _unreachable(host: Host, error: Exception) -> str:
    # an ssh that gives up at once may have gone before it was written to
    gone = isinstance(error, execnet.HostNotFound | BrokenPipeError | EOFError)
    if gone and "ssh" in host.spec:
        return "ssh could not connect; try it by hand"
    return f"no Python could be started there ({str(error) or type(error).__name__}); check the spec"


def _remote_error(site: _HostState) -> str:
    """What the host's own code raised, in one line, if anything."""
    try:
        site.channel.waitclose(0.1)
    except Exception as error:  # noqa: BLE001  execnet carries errors of the other side in several ways
        lines = [line for line in str(error).splitlines() if line.strip()]
        return lines[-1] if lines else type(error).__name__
    return "it died, or the way to it did"

"""What runs at a host: execnet sends this file's text there, so it stands alone and needs the standard library only.

It says who it is, waits for its order, runs the command in a process of its own, and sends back what that printed. The
command lives as long as somebody holds its standard input: when the gateway ends, whatever ended it, so does it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import Any

_PROGRAM = "from pytest_sessionreg._harness.hosted_command import main; main()"


def _machine() -> str:
    """What is the same for all hosts of one machine, containers included: they disturb each other."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return platform.node()


def _version() -> str | None:
    """The version of pytest-sessionreg that this interpreter has, None without one; not that of a checkout around."""
    sys.path[:] = [entry for entry in sys.path if entry]
    try:
        import pytest_sessionreg
    except ImportError:
        return None
    return pytest_sessionreg.__version__


def _run(channel: Any, order: dict[str, Any]) -> None:
    """Run the command of `order` and send what it printed."""
    scratch = os.path.join(tempfile.gettempdir(), f"sessionreg-host-{os.getpid()}")
    beats, beat = os.pipe()
    child = subprocess.Popen(  # noqa: S603  our own interpreter on our own code
        [sys.executable, "-P", "-c", _PROGRAM, str(beat)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[beat],
        start_new_session=True,
    )
    os.close(beat)
    assert child.stdin is not None  # noqa: S101  all three are pipes
    assert child.stdout is not None  # noqa: S101
    assert child.stderr is not None  # noqa: S101
    channel.setcallback(lambda _stop: _end(child, order["grace_s"]), endmarker=None)
    errors, said = child.stderr, []
    readers = [
        threading.Thread(target=lambda: said.append(errors.read())),
        threading.Thread(target=_pass_on, args=(beats, channel)),
    ]
    for reader in readers:
        reader.start()
    try:
        child.stdin.write(json.dumps({**order, "directory": scratch}).encode() + b"\n")
        child.stdin.flush()
    except (OSError, ValueError):  # it died, or was told to end: what it said tells
        pass
    printed = child.stdout.read()
    code = child.wait()
    for reader in readers:
        reader.join()
    shutil.rmtree(scratch, ignore_errors=True)  # it removes its own, unless it was killed
    channel.send(("done", code, printed, said[0]))


def _pass_on(beats: int, channel: Any) -> None:
    """Every sign of life of the command is one of the host; a host that only seems to live does not beat."""
    with open(beats, "rb", buffering=0) as file:
        while file.read(64):
            try:
                channel.send(("alive",))
            except OSError:
                return


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """Told to end, the command keeps what it has and removes what it made; after grace_s it is killed."""
    if child.stdin is not None and not child.stdin.closed:
        timer = threading.Timer(grace_s, child.kill)
        timer.daemon = True
        timer.start()  # first: closing waits for an order that is still being written
        with suppress(OSError):  # it has hung up already
            child.stdin.close()


def _serve(channel: Any) -> None:
    channel.send(("here", _version(), _machine(), sys.executable))
    try:
        order = channel.receive()
    except EOFError:
        return
    _run(channel, order)


if __name__ == "__channelexec__":
    _serve(globals()["channel"])  # execnet's

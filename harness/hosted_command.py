"""The command at a host, as a process: it beats while it lives, and ends when nobody holds its standard input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from contextlib import suppress
from time import sleep

from .hosts.protocol import BEAT_S, SCRATCH

__all__ = ["main"]


def main() -> None:
    """argv: the descriptor to beat on. The order is one line of JSON on standard input: the words to run, those that
    are shown as the command, texts of files by their path, and the directory to make for them.
    """
    beat = int(sys.argv[1])
    os.set_inheritable(beat, False)  # noqa: FBT003  it takes no other
    threading.Thread(target=_beat, args=(beat,), daemon=True).start()
    from .experiments.interruption import SIGNALS, interruptible

    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # a gateway of the asking machine blocks them
    try:
        with interruptible():
            _follow_order()
    except KeyboardInterrupt:
        sys.exit("sessionreg: interrupted; no worker is left")


def _follow_order() -> None:
    from .main import main as run

    line = b""
    while not line.endswith(b"\n"):  # unbuffered: the end of what follows is a sign of its own
        piece = os.read(0, 65_536)
        if not piece:
            return
        line += piece
    order = json.loads(line)
    threading.Thread(target=_end_with_input, daemon=True).start()
    directory = order["directory"]
    try:
        for name, text in order["files"].items():
            path = os.path.join(directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        os.makedirs(directory, exist_ok=True)
        sys.argv = ["sessionreg", *order["shown"]]
        run([word.replace(SCRATCH, directory) for word in order["words"]])
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _beat(descriptor: int) -> None:
    with suppress(OSError):  # the listener is gone, and standard input says so
        while True:
            os.write(descriptor, b".")
            sleep(BEAT_S)


def _end_with_input() -> None:
    with suppress(OSError):
        while os.read(0, 65_536):
            pass
    os.kill(os.getpid(), signal.SIGTERM)

"""Writers that know nothing of the queue beside 16 that do: plain sqlite3, and the command-line shell.

    python -m tests.campaigns.mixed_company [--seconds N]

Plain writers with timeouts of 5 and 30 s; the shell, if installed, with `.timeout 5000`, a process per write. Asked: no
failure within patience, no lost write, and the head of the line alone polls: of 16 queue writers at most one at any
instant is between its first busy BEGIN and the one that succeeds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from time import sleep

import numpy as np

from pytest_sessionreg.processes import Call
from pytest_sessionreg.results.samples import EXHAUSTED, Samples
from tests.campaigns.arena import Arena
from tests.campaigns.board import Board
from tests.campaigns.crew import Crew
from tests.campaigns.finding import Report, parser, spread, told

_QUEUED = 16
_SHELL = "sqlite3"
# The shell's rows carry this writer's number, its own count of acknowledged writes is its ledger.
_SHELL_WRITER = 1_000_000


@dataclass(frozen=True, slots=True)
class _Company:
    """name; how many of each kind write beside the queue: plain writers with 5 s, with 30 s, shells. control: whether
    the queue's writers are plain ones themselves. think_s: everybody's mean think time.
    """

    name: str
    five: int
    thirty: int
    shells: int
    control: bool = False
    think_s: float = 0.005


_COMPANIES = (
    _Company("nobody", 0, 0, 0),
    _Company("2 plain writers, 5 s", 2, 0, 0),
    _Company("2 plain writers, 30 s", 0, 2, 0),
    _Company("4 plain writers, 5 and 30 s, and 2 shells", 2, 2, 2),
    _Company("control: 4 plain writers, 5 and 30 s, and 2 shells", 2, 2, 2, control=True),
    _Company("4 plain writers and 2 shells, the lock half busy", 2, 2, 2, think_s=0.04),
)


def _shell(database: str, board: str, writers: int, number: int) -> Callable[[], tuple[int, int]]:
    """Writes through the command-line shell until the board says stop; how many were done, and how many failed."""
    stopped = Board(board, writers)

    def run() -> tuple[int, int]:
        done = failed = 0
        while not stopped.stopped:
            sql = (
                f"BEGIN IMMEDIATE; INSERT INTO storm_writes VALUES ('shell', {_SHELL_WRITER + number}, {done}); COMMIT;"
            )
            command = [_SHELL, "-bail", "-cmd", ".timeout 5000", database, sql]
            ended = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            done += ended.returncode == 0
            failed += ended.returncode != 0
            sleep(0.02)
        return done, failed

    return run


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--seconds", type=float, default=10, help="of each storm")
    options_parser.add_argument("--only", choices=[company.name for company in _COMPANIES], help="one instead of all")
    options = options_parser.parse_args()
    report = Report("mixed_company", options)
    for company in _COMPANIES:
        if options.only not in (None, company.name):
            continue
        if company.shells and shutil.which(_SHELL) is None:
            report.add(company.name, times=0, asked="", found="the shell is not installed here", good=None)
            continue
        _storm(report, company, options.seconds)
    return report.finish()


def _storm(report: Report, company: _Company, seconds: float) -> None:
    plain = company.five + company.thirty
    with Arena(_QUEUED + plain) as arena:
        with Crew(deadline_s=120) as crew:
            plain_writer = partial(arena.plain_writer, think_s=company.think_s)
            make = arena.plain_writer if company.control else partial(arena.writer, patience_s=5.0)
            workers = [crew.start(make(writer, think_s=company.think_s)) for writer in range(_QUEUED)]
            for number in range(plain):
                timeout_s = 5.0 if number < company.five else 30.0
                workers.append(crew.start(plain_writer(_QUEUED + number, timeout_s=timeout_s)))
            orders = (arena.database, arena.board_path, _QUEUED + plain)
            shells = [crew.start(Call(_shell, (*orders, number))) for number in range(company.shells)]
            sleep(seconds)
            arena.board.stop()
            results = [worker.result() for worker in workers]
            shell_results = [worker.result() for worker in shells]
        samples = arena.samples()
        judgement = arena.judged(samples)
        shell_writes, shell_failed = (sum(column) for column in zip((0, 0), *shell_results, strict=True))
        shell_lost = shell_writes - arena.rows("shell")
    queued = samples.worker < _QUEUED
    refused = samples.outcome == EXHAUSTED
    kind = "plain writers with 5 s (control)" if company.control else "queue writers"
    report.add(
        f"16 {kind} beside {company.name.removeprefix('control: ')}",
        times=len(samples) + shell_writes,
        asked="" if company.control else "nothing lost, no failure within patience (5 s)",
        found=(
            f"{judgement}, of the refused {int((~queued & refused).sum())} plain ones; {int((~queued).sum())} writes "
            f"by the others, {shell_writes} by shells ({shell_lost} lost, {shell_failed} more refused); "
            f"waits of the 16 {told(samples.wait_us[queued] / 1000)}, of the others "
            f"{told(samples.wait_us[~queued] / 1000)}"
        ),
        good=None
        if company.control
        else judgement.sound and not judgement.refused and not judgement.failed and not shell_lost and not shell_failed,
    )
    if company.control:
        return
    _tell_polling(report, company, samples, [span for result in results[:_QUEUED] for span in result.polled_ns])


def _tell_polling(report: Report, company: _Company, samples: Samples, polled_ns: list[tuple[int, int]]) -> None:
    """How often queue writers met SQLITE_BUSY, and how many of them at once."""
    queued = samples.worker < _QUEUED
    met = queued & (samples.busy > 0)
    per_writer = np.bincount(samples.worker[met], weights=samples.busy[met], minlength=_QUEUED)[:_QUEUED]
    polled_ns.sort()
    together = sum(later[0] < earlier[1] for earlier, later in pairwise(polled_ns))
    report.add(
        f"who polls, beside {company.name}",
        times=int(queued.sum()),
        asked="the head alone: never two queue writers at once",
        found=(
            f"{int(met.sum())} writes met SQLITE_BUSY, {int(per_writer.sum())} times, by writer "
            f"{int(per_writer.min())} to {int(per_writer.max())}; {together} polled while another did"
        ),
        good=not together,
    )
    report.measurements[company.name] = {
        "queued_wait_ms": spread(samples.wait_us[queued] / 1000),
        "plain_wait_ms": spread(samples.wait_us[~queued] / 1000),
        "busy_per_writer": [int(times) for times in per_writer],
        "busy_per_write": spread(samples.busy[met]),
        "polled_together": together,
    }


if __name__ == "__main__":
    sys.exit(main())

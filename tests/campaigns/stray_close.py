"""A stray close in the holder, during its transaction: POSIX locks of this process on that file are gone.

    python -m tests.campaigns.stray_close [--rounds N]

Each round: a fresh database, one writer that strays in every third transaction, others beside it.
The file it opens and closes is the database (with the lock by which a last closer is told from others) or its -shm
(with the write lock itself). Nothing can be asked here: what is counted is how often writes were lost, and who noticed.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from time import sleep

from pytest_sessionreg.processes import Call, WorkerDied
from tests.campaigns.arena import Arena, Judgement
from tests.campaigns.crew import Crew
from tests.campaigns.finding import Report, parser
from tests.campaigns.writer import Written

# Who writes beside it, and how many: a single one that opens and closes is often the last to close.
_COMPANIES = {
    "3 queue writers that stay open": 3,
    "1 queue writer that opens and closes": 1,
    "3 plain writers that stay open": 3,
    "1 plain writer that opens and closes": 1,
}


@dataclass(slots=True)
class _Count:
    """Over all rounds of one company: rounds that lost something, writes, and which errors anybody saw."""

    acknowledged: int = 0
    lost: int = 0
    rounds_lost: int = 0
    rounds_damaged: int = 0
    silent: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=20)
    options_parser.add_argument("--seconds", type=float, default=0.6, help="of each round")
    options = options_parser.parse_args()
    report = Report("stray_close", options)
    for suffix, name in (("", "the database"), ("-shm", "its -shm")):
        for company in _COMPANIES:
            counted = _Count()
            for _ in range(options.rounds):
                _round(suffix, company, options.seconds, counted)
            _tell(report, f"open and close of {name} in the holder, {company} beside it", options.rounds, counted)
    return report.finish()


def _round(suffix: str, company: str, seconds: float, counted: _Count) -> None:
    beside = range(1, 1 + _COMPANIES[company])
    with Arena(1 + len(beside)) as arena:
        strayed = arena.database + suffix
        with Crew(deadline_s=60) as crew:
            calls = [arena.writer(0, stray_close=3, strayed=strayed), *(_beside(arena, company, n) for n in beside)]
            workers = [crew.start(call) for call in calls]
            sleep(seconds)
            arena.board.stop()
            errors: Counter[str] = Counter()
            for worker in workers:
                try:
                    result = worker.result()
                    errors += result.outcomes if isinstance(result, Written) else result
                except WorkerDied:
                    errors[f"process ended by signal {-(crew.status(worker) or 0)}"] += 1
        judgement: Judgement = arena.judged(arena.samples())
    del errors["committed"]
    counted.acknowledged += judgement.acknowledged
    counted.lost += judgement.lost
    counted.rounds_lost += judgement.lost > 0
    counted.rounds_damaged += judgement.integrity != "ok"
    counted.silent += judgement.lost > 0 and judgement.integrity == "ok" and not errors
    counted.errors += errors


def _beside(arena: Arena, company: str, number: int) -> Call:
    closes = company.endswith("closes")
    if "queue" in company:
        return arena.writer(number, reopen=1 if closes else 0)
    return arena.plain_writer(number, reopen=closes)


def _tell(report: Report, fault: str, rounds: int, counted: _Count) -> None:
    errors = ", ".join(f"{name} {times}" for name, times in counted.errors.most_common(4)) or "none"
    report.add(
        fault,
        times=rounds,
        asked="",
        found=(
            f"{counted.lost} of {counted.acknowledged:,} acknowledged lost, in {counted.rounds_lost} rounds; "
            f"integrity_check complained in {counted.rounds_damaged}; errors seen: {errors}; "
            f"{counted.silent} rounds that only the ledger noticed"
        ),
        good=None,
    )
    report.measurements[fault] = {
        "rounds": rounds,
        "acknowledged": counted.acknowledged,
        "lost": counted.lost,
        "rounds_with_loss": counted.rounds_lost,
        "rounds_with_integrity_complaint": counted.rounds_damaged,
        "rounds_only_the_ledger_noticed": counted.silent,
        "errors": dict(counted.errors),
    }


if __name__ == "__main__":
    sys.exit(main())

"""`sessionreg`: the commands together, and what becomes of their errors.

Exit codes: 0 done, 1 the run found something wrong, failed or was interrupted, 2 usage (also a result or a
source that is not there, or a missing extra), 3 (gate alone) nobody can tell.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from pytest_sessionreg import __version__
from pytest_sessionreg.error_base import SessionregError
from pytest_sessionreg.extras import MissingExtra

from .commands.adoption import adoption
from .commands.campaign import campaign
from .commands.capacity import capacity
from .commands.cleanup import cleanup
from .commands.compare import compare
from .commands.doctor import doctor
from .commands.faults import faults
from .commands.gate import gate
from .commands.gate_proof import gate_proof
from .commands.import_ import import_
from .commands.open_storm import open_storm
from .commands.policies import policies
from .commands.repeat import repeat
from .commands.report import report
from .commands.sessions import sessions
from .commands.storm import storm
from .experiments.interruption import interruptible

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sessionreg")
def cli() -> None:
    """Find out how many processes can write to one SQLite file before users lose data."""


_COMMANDS = (
    *(storm, policies, capacity, open_storm, faults, campaign),
    *(repeat, compare, report),
    *(gate, gate_proof),
    *(sessions, adoption, doctor, cleanup, import_),
)
for _command in _COMMANDS:
    cli.add_command(_command)


def main(words: Sequence[str] | None = None) -> NoReturn:
    """The console script. One line on standard error for every foreseeable failure, never a traceback.

    words: those of the command, by default the process's own.
    """
    try:
        with interruptible():
            code = cli.main(words, standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "sessionreg"
        _fail(f"{error.format_message().rstrip('.')}; see {where} --help", code=2)
    except MissingExtra as error:
        _fail(str(error), code=2)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; no worker is left")
    except SessionregError as error:
        _fail(str(error))
    except (OSError, sqlite3.Error) as error:
        _fail(f"{type(error).__name__}: {error}; make room or choose another place with --out, --database or TMPDIR")
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, *, code: int = 1) -> NoReturn:
    click.echo(f"sessionreg: {message}", err=True)
    sys.exit(code)

"""Import one legacy source."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256

from ..errors import InvalidValue
from ..registry import Registry
from ..values import LONGEST_ID
from .ccr import CCR
from .database_source import DATABASES
from .errors import UnknownSource, UnreadableSource
from .orbit import ORBIT
from .overstory import OVERSTORY
from .part import Layout, Part
from .placing import Placing
from .report import ImportReport, Malformed

__all__ = ["LAYOUTS", "SOURCES", "check_source", "import_legacy", "marker"]

LAYOUTS = (CCR, OVERSTORY, ORBIT, *DATABASES)
# What can be imported, in words for people.
SOURCES = tuple(layout.looked_for for layout in LAYOUTS)


def import_legacy(registry: Registry, source: str | os.PathLike[str], *, dry_run: bool = False) -> ImportReport:
    """Bring what an old store holds into the registry, in one transaction: all of it or nothing.

    source: see SOURCES. Orbit's records go to the workspaces that they name, all others to the registry's own. A source
    is imported once: a marker in `registry.meta` (see `marker`) is written with its rows, and of several processes that
    import it at once one does. A record whose id the registry knows already is left out, because what is in use is
    newer. A malformed record is reported and skipped; to import again after mending it, delete the marker. All is read
    and checked before the write lock is taken; the source is never changed. dry_run: tell what would be done, without a
    write or the write lock.

    It is one transaction although other writers wait for it (2 s for 100,000 audit events, measured on 2 cores):
    several would let them in between, but a crash would leave part of the source in use, such as a run without the rest
    of its steps, and no later import could tell that from what the registry's own users did with it since. Who has
    millions of rows imports them before the others start, or gives those more patience.

    Raises UnknownSource, UnreadableSource, the registry's own errors for a source database that SQLite cannot read, and
    what `registry.transaction()` raises: WriteTimeout, or TransactionState inside an open transaction.
    """
    path = _real_path(source)
    with _readable(path):
        layout, sources = _recognise(path, registry.path)
        missing = [found for found in sources if registry.meta.get(marker(layout.kind, found)) is None]
        parts = [layout.read(found, registry.workspace_id) for found in missing]
    imported: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    malformed: list[Malformed] = []
    taken = 0
    placing = Placing(registry, dry_run=dry_run)
    with nullcontext() if dry_run or not parts else registry.transaction():
        for part in parts:
            if not dry_run and not registry.meta.mark(marker(part.kind, part.path), _printable(part.path)):
                continue
            taken += 1
            repeated += part.repeated
            malformed += part.malformed
            _import_part(part, placing, imported, repeated, malformed)
    return ImportReport(
        source=sources[0] if layout is ORBIT else path,
        kind=layout.kind,
        imported=dict(imported),
        repeated=dict(repeated),
        malformed=tuple(malformed),
        already_imported=not taken,
        dry_run=dry_run,
    )


def check_source(source: str | os.PathLike[str], *, into: str) -> None:
    """Whether `source` is one of SOURCES, and not the registry at `into`, which need not exist. Nothing is written.

    Raises UnknownSource where it is not, and what import_legacy raises for one that cannot be read.
    """
    path = _real_path(source)
    with _readable(path):
        _recognise(path, into)


def marker(kind: str, path: str) -> str:
    """The key in `registry.meta` that says that the source was imported: `import:<kind>:<absolute path>`.

    For a path that is no UTF-8, or too long for a key, `import:<kind>:sha256:<of its bytes>`. A CCR directory has one
    marker for each of its files.
    """
    key = f"import:{kind}:{path}"
    if len(key) <= LONGEST_ID and _printable(path) == path:
        return key
    return f"import:{kind}:sha256:{sha256(os.fsencode(path)).hexdigest()}"


def _import_part(
    part: Part, placing: Placing, imported: Counter[str], repeated: Counter[str], malformed: list[Malformed]
) -> None:
    for record in part.records():
        try:
            (imported if placing.place(record) else repeated)[record.store] += 1
        except InvalidValue as error:
            reason = record.place + str(error).removesuffix("; nothing was written")
            malformed.append(Malformed(record.file, record.line, reason))


def _real_path(source: str | os.PathLike[str]) -> str:
    """The path without symbolic links, so that two ways to a source are one source; a file keeps its own name, which
    says what it is. Raises UnknownSource.
    """
    try:
        path = os.path.abspath(os.fsdecode(source))
        directory = stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError, TypeError) as error:
        message = f"{source!r:.200} cannot be imported ({error}); name one that exists: {'; '.join(SOURCES)}"
        raise UnknownSource(message, database="") from None
    parent, name = os.path.split(path)
    return os.path.realpath(path) if directory else os.path.join(os.path.realpath(parent), name)


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """Inside, what cannot be read of the source at `path` raises UnreadableSource."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); make it readable and import again; nothing was imported"
        raise UnreadableSource(reason, file=os.fsdecode(error.filename or path)) from error


def _recognise(path: str, into: str) -> tuple[Layout, list[str]]:
    """The layout of the source at `path`, and its files. into: the registry's path."""
    if os.path.exists(into) and os.path.samefile(path, into):
        message = f"{path} is the registry that it would be imported into; name an old store: {'; '.join(SOURCES)}"
        raise UnknownSource(message, database=path)
    found = [(layout, sources) for layout in LAYOUTS if (sources := layout.sources(path))]
    if len(found) == 1:
        return found[0]
    if found:
        message = (
            f"{path} holds more than one old store ({', '.join(layout.kind for layout, _ in found)}); "
            "name the file, or the .orbit directory"
        )
    else:
        message = f"{path} is no old store that is known; looked for: {'; '.join(SOURCES)}; name one of these"
    raise UnknownSource(message, database=path)


def _printable(path: str) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")

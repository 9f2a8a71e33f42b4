"""Orbit: a workspace's `.orbit` directory of audit lines, job runs and session learnings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from stat import S_ISREG

from ..errors import InvalidValue
from ..values import identifier, json_text
from .document import Document, read_bytes
from .errors import UnreadableSource
from .fields import Fields, instant
from .orbit_records import event, job_run, job_step
from .part import Layout, Part

__all__ = ["ORBIT"]

_CONFIG = "config.yaml"
_AUDIT = os.path.join("state", "audit")
_JOB_RUNS = os.path.join("state", "job-runs")
_SESSIONS = os.path.join("state", "sessions")
_LEARNINGS = "learnings.json"
_WORKSPACE_ID = re.compile(rb"^workspace_id[ \t]*:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)


def _sources(path: str) -> list[str]:
    for directory in (path, os.path.join(path, ".orbit")):
        named = os.path.basename(directory) == ".orbit" or os.path.isfile(os.path.join(directory, _CONFIG))
        if named and os.path.isdir(os.path.join(directory, "state")):
            return [os.path.realpath(directory)]
    return []


def _read(path: str, workspace: str) -> Part:
    """All records; `workspace` is not asked for, because the directory says whose it is."""
    del workspace
    part = Part("orbit", path, _workspace_id(os.path.join(path, _CONFIG)))
    for file in _files(os.path.join(path, _AUDIT), ".jsonl"):
        _read_events(part, file)
    for file in _files(os.path.join(path, _JOB_RUNS), ".json"):
        _read_job_run(part, file)
    sessions = os.path.join(path, _SESSIONS)
    for session_id in _entries(sessions):
        file = os.path.join(sessions, session_id, _LEARNINGS)
        if _is_file(file):
            _read_learnings(part, session_id, file)
    return part


def _workspace_id(config: str) -> str:
    """The value of the line `workspace_id: ...` of a config.yaml, without quotes and comment."""
    remedy = "add a line `workspace_id: <id>` at its top level; nothing was imported"
    if not os.path.isfile(config):
        raise UnreadableSource(f"is missing, and so is the workspace's id; make it, and {remedy}", file=config)
    content = read_bytes(config)
    found = _WORKSPACE_ID.search(content)
    if found is None:
        raise UnreadableSource(f"has no workspace_id; {remedy}", file=config)
    line = content.count(b"\n", 0, found.start()) + 1
    value = found[1].decode(errors="surrogateescape")
    quoted = re.match(r"""(["'])(.*?)\1(?:\s*(?:\s#.*)?)$""", value)
    plain = quoted[2] if quoted else re.sub(r"(^|\s+)#.*$", "", value)
    try:
        return identifier("workspace_id", plain)
    except InvalidValue as error:
        reason = str(error).removesuffix("; nothing was written")
        raise UnreadableSource(f"{reason}; {remedy}", file=config, line=line) from None


def _read_events(part: Part, file: str) -> None:
    with open(file, "rb") as lines:
        for number, line in enumerate(lines, 1):
            with part.record(file, number):
                _read_event(part, file, number, line)


def _read_event(part: Part, file: str, number: int, line: bytes) -> None:
    try:
        whole_line = line.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        part.reject(f"is not UTF-8 ({error.reason})")
        return
    if not whole_line.strip():
        return
    document = _document(part, file, whole_line, first_line=number)
    if document is not None:
        Fields(document.value)
        part.add("audit", event(Fields(document.value, document.raw()), whole_line), first_wins=True)


def _read_job_run(part: Part, file: str) -> None:
    with part.record(file, 1):
        document = _document(part, file)
        if document is None:
            return
        Fields(document.value)
        row = job_run(Fields(document.value, document.raw()))
        part.add("jobs", row)
        for member in document.members():
            if member.key != "steps" or member.value is None:
                continue
            if not isinstance(member.value, list):
                raise InvalidValue("steps", member.value, "must be a JSON array")
            for step in document.members(member.start):
                with part.record(file, document.line(step.start)):
                    Fields(step.value)
                    fields = Fields(step.value, document.raw(step.start))
                    part.add("job_steps", job_step(fields, run_id=row["run_id"], step=step.key))


def _read_learnings(part: Part, session_id: str, file: str) -> None:
    """The state is as old as its file."""
    with part.record(file, 1):
        document = _document(part, file)
        if document is not None:
            row = {
                "session_id": identifier("session_id", session_id),
                "state": json_text("state", document.value),
                "updated_at": instant("updated_at", os.stat(file).st_mtime),
            }
            part.add("learning", row)


def _document(part: Part, file: str, text: str | None = None, *, first_line: int = 1) -> Document | None:
    """The document of one record, or None where it is malformed: here one bad record does not spoil the others."""
    try:
        return Document.read(file) if text is None else Document(file, text, first_line=first_line)
    except UnreadableSource as error:
        with part.record(file, error.line):
            part.reject(error.reason.partition(";")[0])
        return None


def _files(directory: str, ending: str) -> Iterator[str]:
    """The regular files below a directory, in a fixed order."""

    def refuse(error: OSError) -> None:
        raise error

    if not os.path.isdir(directory):
        return
    for parent, directories, names in os.walk(directory, onerror=refuse):
        directories.sort()
        for name in sorted(names):
            path = os.path.join(parent, name)
            if name.endswith(ending) and _is_file(path):
                yield path


def _entries(directory: str) -> list[str]:
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def _is_file(path: str) -> bool:
    """Whether there is a regular file. One that may not be looked at is an error, not a file that is not there."""
    try:
        return S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


ORBIT = Layout("orbit", "an Orbit workspace, or its .orbit directory with state/ in it", _sources, _read)

"""CCR: `claude-sessions.json` and `claude-tokens.json`, side by side in a `data` directory."""

from __future__ import annotations

import os
from typing import Any

from ..clock import later, now
from ..errors import InvalidValue
from ..stores.tokens import TTL, chat_text, token_hash
from ..values import identifier, json_object, text, whole
from .document import DECODER, Document
from .errors import UnreadableSource
from .fields import Fields, flag, instant
from .part import Layout, Part

__all__ = ["CCR", "session", "token"]

_SESSIONS = "claude-sessions.json"
_TOKENS = "claude-tokens.json"
_KNOWN = frozenset(
    {
        "session_id",
        "ppid",
        "pid",
        "cwd",
        "label",
        "notify",
        "transport",
        "transport_kind",
        "transport_details",
        "state",
        "created_at",
        "updated_at",
        "expires_at",
    }
)


def session(fields: Fields) -> dict[str, Any]:
    """A row of `sessions`. Fields of the caller's own are kept as metadata, and so is `start_time`: it is the
    parent's, not the process's, so that `pid` could not be judged by it.

    The pid namespace is unknown. A state other than "active" becomes finished, ended when it was last updated. Where it
    is not known when the session was created, it is when it was updated, or now.
    """
    transport = fields.optional(_object, "transport")
    if transport is None:
        kind, details = fields.optional(identifier, "transport_kind"), fields.optional(_details, "transport_details")
    else:
        kind, details = transport.optional(identifier, "kind"), transport.optional(_details, "details")
    updated_at = fields.optional(instant, "updated_at", "created_at")
    started_at = fields.optional(instant, "created_at") or updated_at or now()
    active = fields.take(text, "state", default="active") == "active"
    return {
        "session_id": fields.need(identifier, "session_id"),
        "pid": fields.optional(whole, "pid"),
        "ppid": fields.optional(whole, "ppid"),
        "process_started_at": None,
        "cwd": fields.optional(text, "cwd"),
        "label": fields.optional(text, "label"),
        "notify": fields.take(flag, "notify", default=0),
        "transport_kind": kind or "unknown",
        "transport_details": details or "{}",
        "status": "active" if active else "finished",
        "started_at": started_at,
        "last_heartbeat_at": updated_at or started_at,
        "ended_at": None if active else updated_at or started_at,
        "expires_at": fields.optional(instant, "expires_at"),
        "metadata": json_object("metadata", fields.others(_KNOWN)),
    }


def token(secret: Any, fields: Fields) -> dict[str, Any]:
    """A row of `tokens`, which holds the token's hash only. It expires a day after it was made if it does not say
    when.
    """
    created_at = fields.take(instant, "created_at", default=now())
    return {
        "token_hash": _hash_secret(secret),
        "session_id": fields.need(identifier, "session_id"),
        "chat_id": fields.need(_chat_id, "chat_id"),
        "created_at": created_at,
        "expires_at": fields.take(instant, "expires_at", default=later(created_at, TTL)),
    }


def _sources(path: str) -> list[str]:
    files = [path] if os.path.basename(path) in {_SESSIONS, _TOKENS} else []
    if os.path.isdir(path):
        files = [os.path.join(path, _SESSIONS), os.path.join(path, _TOKENS)]
    return [file for file in files if os.path.isfile(file)]


def _read(path: str, workspace: str) -> Part:
    part = Part("ccr", path, workspace)
    document = Document.read(path)
    if os.path.basename(path) == _TOKENS:
        if not isinstance(document.value, dict):
            raise UnreadableSource("must be a JSON object of tokens; nothing was imported", file=path, line=1)
        for member in document.members():
            with part.record(path, document.line(member.start)):
                part.add("tokens", token(member.key, Fields(member.value)))
        return part
    if not isinstance(document.value, dict) or not isinstance(document.value.get("sessions"), dict):
        raise UnreadableSource(
            'must be a JSON object with an object "sessions"; nothing was imported', file=path, line=1
        )
    (sessions,) = [member for member in document.members() if member.key == "sessions"][-1:]
    for member in document.members(sessions.start):
        with part.record(path, document.line(member.start)):
            part.add("sessions", session(_fields_with_id(member.key, member.value)))
    return part


def _fields_with_id(key: str, value: Any) -> Fields:
    """The session's fields; one that does not repeat its id has it from its key."""
    Fields(value)
    named = value.get("session_id")
    if named is not None and named != key:
        raise InvalidValue("session_id", named, f"differs from its key {key!r:.100}")
    return Fields({**value, "session_id": key})


def _object(field: str, value: Any) -> Fields:
    if not isinstance(value, dict):
        raise InvalidValue(field, value, "must be a JSON object")
    return Fields(value)


def _details(field: str, value: Any) -> str:
    """A JSON object, or in a database the text of one."""
    if isinstance(value, str):
        try:
            value = DECODER.decode(text(field, value))
        except ValueError:
            raise InvalidValue(field, value, "must be the text of a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidValue(field, value, "must be a JSON object")
    return json_object(field, value)


def _chat_id(field: str, value: Any) -> str:
    if isinstance(value, bool):
        raise InvalidValue(field, value, "must be text or a whole number")
    return chat_text(value)


def _hash_secret(secret: Any) -> str:
    try:
        return token_hash(identifier("token", secret))
    except InvalidValue:
        # the value is left out: a report is no place for a secret
        raise InvalidValue("token", "(not shown)", "must be text of 1 to 512 characters, without NUL") from None


CCR = Layout("ccr", f"{_SESSIONS} or {_TOKENS} of CCR, or the directory that holds them", _sources, _read)

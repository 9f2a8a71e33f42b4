"""A host where an experiment runs: what `--on` names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import click
from execnet import XSpec

__all__ = ["Host", "hosts"]

_WAYS = ("popen", "ssh", "vagrant_ssh", "socket")
_SETTINGS = ("python", "chdir", "nice", "ssh_config", "dont_write_bytecode", "execmodel", "id")
_WITHOUT_VALUE = ("popen", "dont_write_bytecode")
_REMEDY = "give popen, ssh=user@host or another spec of execnet, e.g. ssh=user@host//python=/opt/venv/bin/python"


@dataclass(frozen=True, slots=True)
class Host:
    """name: what tables and directories call it. spec: as it was given."""

    name: str
    spec: str


def hosts(specs: Sequence[str]) -> tuple[Host, ...]:
    """The hosts of `specs`, each named by its id, else its host, else its way, with a number where names would be the
    same. Raises click.BadParameter for one that execnet could not follow.
    """
    names = [_name(spec) for spec in specs]
    counted = Counter(names)
    seen: Counter[str] = Counter()
    found = []
    for name, spec in zip(names, specs, strict=True):
        seen[name] += 1
        found.append(Host(name if counted[name] == 1 else f"{name}-{seen[name]}", spec))
    clash = [name for name, count in Counter(host.name for host in found).items() if count > 1]
    if clash:
        raise click.BadParameter(
            f"two hosts would be called {clash[0]}; give one of them an id=NAME", param_hint="--on"
        )
    return tuple(found)


def _name(spec: str) -> str:
    pairs = [part.partition("=")[::2] for part in spec.split("//")]
    try:
        parsed = XSpec(spec)
    except (ValueError, AttributeError, IndexError):
        raise click.BadParameter(f"{spec!r} is no host: {_REMEDY}", param_hint="--on") from None
    ways = [key for key, _ in pairs if key in _WAYS]
    unknown = [key for key, _ in pairs if key not in (*_WAYS, *_SETTINGS) and not key.startswith("env:")]
    empty = [key for key, value in pairs if not value and key not in _WITHOUT_VALUE]
    if unknown or empty or len(ways) != 1:
        what = f"{unknown[0]!r} is nothing that execnet knows; " if unknown else ""
        what += f"{empty[0]} needs a value; " if empty and not unknown else ""
        raise click.BadParameter(f"{spec!r} is no host: {what}{_REMEDY}", param_hint="--on")
    where = parsed.id or dict(pairs)[ways[0]].split()[-1:] or [ways[0]]
    name = where if isinstance(where, str) else where[0].rpartition("@")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip(".-") or ways[0]

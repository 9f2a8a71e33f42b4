"""Audit events: appends of about 1 KB."""

from __future__ import annotations

import json
import random

from ...registry import Registry

__all__ = ["AuditPart"]

_PAYLOAD_BYTES = 1024


class AuditPart:
    """Each write appends one event whose payload is 1 KiB of JSON."""

    name = "audit"

    def __init__(self, storm: str, worker: int, seed: int) -> None:
        self._agent = f"{storm}-{worker}"
        text = random.Random(f"{seed}/{worker}/payload").randbytes(_PAYLOAD_BYTES // 2).hex()
        self._payload = json.dumps({"text": text[: _PAYLOAD_BYTES - len('{"text": ""}')]})

    def set_up(self, registry: Registry) -> None:
        """Nothing: an event needs no session."""

    def write(self, registry: Registry, sequence: int) -> None:
        """Append one event."""
        registry.audit.append(
            f"{self._agent}-{sequence}",
            source="storm",
            event_type="write",
            payload=self._payload,
            run_id="storm",
            agent_identity=self._agent,
        )

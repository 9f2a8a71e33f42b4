"""Whether a policy can count its retries."""

from __future__ import annotations

from contextlib import closing
from tempfile import TemporaryDirectory

from pytest_sessionreg import AdmissionPolicy

__all__ = ["retries_unseen"]


def retries_unseen(policy: AdmissionPolicy) -> bool:
    """Whether SQLite itself retries under `policy`: then nobody knows how often a BEGIN was busy."""
    with TemporaryDirectory() as directory, closing(policy.bind(f"{directory}/x.db")) as admission:
        return admission.busy_timeout_s > 0

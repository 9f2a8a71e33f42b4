"""The pytest plugin: what `pytest11` loads. Light, because every test run of every project that installs it pays for
it.
"""

from __future__ import annotations

from .fixtures import session_registry, session_registry_path, storm, workers

__all__ = ["session_registry", "session_registry_path", "storm", "workers"]

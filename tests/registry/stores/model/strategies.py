"""What the rules are played with."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.registry.stores.model.world import GONE

SIDES = st.sampled_from([0, 0, 1])
IDS = st.sampled_from("aabc")
KEYS = st.sampled_from(["k", "ü"])
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, 0, "text", {"a": [1]}, []])
SPANS = st.sampled_from([timedelta(seconds=seconds) for seconds in (1, 20, 60)])
CHATS = st.integers(-1, 1)
SESSION_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "pid": st.sampled_from([GONE, os.getpid()]),
        "ppid": st.sampled_from([7, 8]),
        "repo_path": st.sampled_from(["/a", "/b"]),
        "branch": st.just("main"),
        "worktree": st.just("/w"),
        "label": st.sampled_from(["x", ""]),
        "notify": st.booleans(),
        "transport_kind": st.just("tmux"),
        "metadata": st.sampled_from([{}, {"a": 1}]),
    },
)

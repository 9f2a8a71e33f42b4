"""What a storm is where nothing is said, in one place for plans, the fixture and the commands.

A command's storm takes a few seconds a policy, and its lock is busy about a third of the time. A test's storm is
smaller, because it runs with every test run. The gate's rounds sleep less inside transactions, so that more of what is
measured is the code's.
"""

from __future__ import annotations

__all__ = [
    "GATE_HOLD_MS",
    "GATE_THINK_MS",
    "GATE_WORKERS",
    "HOLD_MS",
    "SEED",
    "TEST_THINK_MS",
    "TEST_WORKERS",
    "THINK_MS",
    "WORKERS",
    "WORKLOAD",
    "WRITES",
]

WORKLOAD = "heartbeat"
WORKERS = 32
WRITES = 30
HOLD_MS = 2.0
THINK_MS = 150.0
SEED = 1

TEST_WORKERS = 8
TEST_THINK_MS = 20.0

GATE_WORKERS = 8
GATE_HOLD_MS = 1.0
GATE_THINK_MS = 10.0

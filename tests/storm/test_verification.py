from __future__ import annotations

from array import array

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm.verification import verify_writes

_Writes = list[tuple[int, int]]
_some_writes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=30)


def _acknowledged(writes: _Writes) -> Samples:
    columns = {name: np.zeros(len(writes), dtype=np.int64) for name in Samples.__slots__}
    columns["worker"] = np.array([worker for worker, _ in writes], dtype=np.int64)
    columns["sequence"] = np.array([sequence for _, sequence in writes], dtype=np.int64)
    columns["outcome"] = np.ones(len(writes), dtype=np.int64)
    return Samples(**columns)


def _keys(writes: _Writes) -> array[int]:
    return array("q", (worker << 32 | sequence for worker, sequence in writes))


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 5))), _some_writes, _some_writes)
def test_lost_and_duplicated_are_counted_exactly(
    acknowledged: set[tuple[int, int]], new: _Writes, old: _Writes
) -> None:
    """Against a count with plain Python; rows that were there before are nobody's evidence."""
    evidence = verify_writes(_keys(old + new), _acknowledged(sorted(acknowledged)), "ok", before=_keys(old))
    assert evidence.lost == len(acknowledged - set(new))
    assert evidence.duplicated == len(new) - len(set(new))


def test_what_nobody_could_check_is_not_called_zero() -> None:
    evidence = verify_writes(None, _acknowledged([(0, 0)]), "ok")
    assert (evidence.lost, evidence.duplicated) == (None, None)

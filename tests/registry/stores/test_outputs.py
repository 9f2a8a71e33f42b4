from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue, NotFound
from pytest_sessionreg.registry.stores.outputs import LONGEST_PIECE
from pytest_sessionreg.registry.workspace import Workspace

SECOND = timedelta(seconds=1)


def contents(registry: Registry, session_id: str = "a") -> list[str]:
    return [output.content for output in registry.outputs.list(session_id)]


@pytest.mark.usefixtures("let_pass")
def test_the_order_is_that_of_appending_also_at_one_instant(registry: Registry) -> None:
    wanted = [f"line {number}\n" for number in range(30)]
    ids = [registry.outputs.append("a", line) for line in wanted]
    outputs = registry.outputs.list("a")
    assert [output.content for output in outputs] == wanted
    assert [output.output_id for output in outputs] == ids == sorted(set(ids))
    assert len({output.created_at for output in outputs}) == 1
    assert registry.outputs.full_text("a") == "".join(wanted)


def test_outputs_of_sessions_do_not_mix(registry: Registry) -> None:
    for number in range(4):
        registry.outputs.append("ab"[number % 2], str(number))
    assert (contents(registry, "a"), contents(registry, "b")) == (["0", "2"], ["1", "3"])
    assert registry.outputs.full_text("b") == "13"


def test_what_came_after_an_output_is_read_by_its_id(registry: Registry) -> None:
    ids = [registry.outputs.append("a", text) for text in "xyz"]
    assert [output.content for output in registry.outputs.since("a", 0)] == ["x", "y", "z"]
    assert [output.content for output in registry.outputs.since("a", ids[0])] == ["y", "z"]
    assert registry.outputs.since("a", ids[-1]) == []


def test_what_came_since_an_instant_includes_the_instant(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    for text in "xyz":
        registry.outputs.append("a", text)
        let_pass(SECOND)
    second = registry.outputs.list("a")[1].created_at
    assert [output.content for output in registry.outputs.since("a", second)] == ["y", "z"]
    assert [output.content for output in registry.outputs.since("a", second + SECOND / 2)] == ["z"]


def test_what_came_since_an_instant_is_in_the_order_of_appending_though_the_clock_was_set_back(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    registry.outputs.append("a", "first")
    let_pass(-SECOND)
    registry.outputs.append("a", "second")
    found = registry.outputs.since("a", datetime(2026, 1, 1, tzinfo=UTC))
    assert [output.content for output in found] == ["first", "second"]


@pytest.mark.parametrize("mark", ["1", None, -1, True, 1.5, datetime(2026, 1, 1)])  # noqa: DTZ001  naive on purpose
def test_a_mark_is_an_instant_or_an_id(registry: Registry, mark: int) -> None:
    with pytest.raises(InvalidValue, match="mark"):
        registry.outputs.since("a", mark)


def test_a_long_text_is_cut_and_whole_again(registry: Registry) -> None:
    text = "".join(chr(0x20 + number % 0x2000) for number in range(2 * LONGEST_PIECE + 1))
    last = registry.outputs.append("a", text)
    outputs = registry.outputs.list("a")
    assert [len(output.content) for output in outputs] == [LONGEST_PIECE, LONGEST_PIECE, 1]
    assert outputs[-1].output_id == last
    assert registry.outputs.full_text("a") == text


def test_a_text_of_exactly_one_piece_is_one_output(registry: Registry) -> None:
    registry.outputs.append("a", "x" * LONGEST_PIECE)
    assert len(registry.outputs.list("a")) == 1


def test_a_large_stream_is_never_whole_in_memory(registry: Registry) -> None:
    pieces, size = 400, 50_000
    tracemalloc.start()
    try:
        registry.outputs.append("a", repeat("x" * size, pieces))
        read = sum(len(piece) for piece in registry.outputs.pieces("a"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == pieces * size
    assert peak < read / 2


def test_a_stream_comes_from_a_generator(registry: Registry) -> None:
    last = registry.outputs.append("a", (str(number) for number in range(5)))
    assert contents(registry) == ["0", "1", "2", "3", "4"]
    assert registry.outputs.list("a")[-1].output_id == last


@pytest.mark.parametrize("nothing", ["", [], iter(()), ["", ""]])
def test_no_text_makes_no_output(registry: Registry, nothing: str) -> None:
    assert registry.outputs.append("a", nothing) == 0
    assert registry.outputs.list("a") == []
    assert registry.outputs.full_text("a") == ""


def failing() -> Iterator[str]:
    yield "one"
    yield "two"
    raise KeyError


def test_a_failing_stream_writes_nothing(registry: Registry) -> None:
    with pytest.raises(KeyError):
        registry.outputs.append("a", failing())
    assert registry.outputs.list("a") == []
    registry.outputs.append("a", "afterwards")
    assert contents(registry) == ["afterwards"]


def test_a_failing_stream_inside_a_transaction_takes_only_itself_back(registry: Registry) -> None:
    with registry.transaction():
        registry.outputs.append("a", "before")
        with pytest.raises(KeyError):
            registry.outputs.append("a", failing())
        registry.outputs.append("a", "after")
    assert contents(registry) == ["before", "after"]


@pytest.mark.parametrize("bad", [7, b"bytes", None, ["ok", 7], ["ok", "a\0b"], "a\0b", "\ud800", ["ok", b""]])
def test_what_is_no_text_is_named_and_nothing_is_written(registry: Registry, bad: str) -> None:
    with pytest.raises(InvalidValue, match="content"):
        registry.outputs.append("a", bad)
    assert registry.outputs.list("a") == []


def test_an_output_of_an_unknown_session_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.outputs.append("nobody", "text")
    assert registry.outputs.list("nobody") == []


def test_a_session_can_be_appended_to_while_it_is_read(registry: Registry) -> None:
    registry.outputs.append("a", "x")
    registry.outputs.append("a", chain(registry.outputs.pieces("a"), "y"))
    assert registry.outputs.full_text("a") == "xxy"


def test_deleting_says_how_many_and_ids_are_not_used_again(registry: Registry) -> None:
    last = max(registry.outputs.append("a", text) for text in "xyz")
    registry.outputs.append("b", "other")
    assert registry.outputs.delete("a") == 3
    assert registry.outputs.delete("a") == 0
    assert contents(registry, "b") == ["other"]
    assert registry.outputs.append("a", "new") > last


def test_outputs_go_with_their_session(registry: Registry) -> None:
    registry.outputs.append("a", "x")
    registry.sessions.remove("a")
    registry.sessions.register("a")
    assert registry.outputs.full_text("a") == ""


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(of: Workspace) -> None:
    of.outputs.append("one", of.workspace_id)


def reads(of: Workspace) -> list[object]:
    return [of.outputs.list("one"), of.outputs.since("one", 0), of.outputs.full_text("one")]


def changes(of: Workspace) -> list[object]:
    return [of.outputs.delete("one")]


def calls(registry: Registry) -> None:
    registry.outputs.append("s", "text")
    registry.outputs.list("s")
    registry.outputs.since("s", 0)
    registry.outputs.since("s", START)
    list(registry.outputs.pieces("s"))
    registry.outputs.full_text("s")
    registry.outputs.delete("s")

from __future__ import annotations

import linecache
import os
import pickle
from collections.abc import Callable

import cloudpickle

from pytest_sessionreg.processes.pickling import pickle_value


def test_code_keeps_its_file_name_down_to_the_innermost_function() -> None:
    def outer() -> Callable[[], Callable[[], None]]:
        def inner() -> Callable[[], None]:
            return lambda: None

        return inner

    rebuilt = pickle.loads(pickle_value(outer).data)
    assert rebuilt is not outer
    assert rebuilt.__code__.co_filename == __file__
    assert rebuilt().__code__.co_filename == __file__
    assert rebuilt()().__code__.co_filename == __file__
    assert rebuilt.__code__.co_firstlineno == outer.__code__.co_firstlineno


def test_methods_of_a_class_that_travels_whole_keep_their_file_name() -> None:
    class Store:
        def write(self) -> None:
            raise NotImplementedError

        @property
        def size(self) -> int:
            return 0

    rebuilt = pickle.loads(pickle_value(Store).data)
    assert rebuilt.write.__code__.co_filename == __file__
    assert rebuilt.size.fget.__code__.co_filename == __file__


def test_lines_that_no_file_holds_travel_with_the_code() -> None:
    name, lines = "<cell 7>", ["def cell():\n", "    return 1 / 0\n"]
    linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    try:
        namespace: dict[str, Callable[[], float]] = {}
        exec(compile("".join(lines), name, "exec"), namespace)  # noqa: S102  as a notebook does
        assert pickle_value(namespace["cell"]).sources == {name: lines}
    finally:
        del linecache.cache[name]


def test_lines_of_files_do_not_travel() -> None:
    assert os.path.exists(__file__)
    assert pickle_value(lambda: None).sources == {}


def test_a_module_registered_by_the_caller_stays_registered() -> None:
    import json.scanner as module

    cloudpickle.register_pickle_by_value(module)
    try:
        pickle_value(None, by_value=[module])
        assert module.__name__ in cloudpickle.list_registry_pickle_by_value()
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    pickle_value(None, by_value=[module])
    assert module.__name__ not in cloudpickle.list_registry_pickle_by_value()

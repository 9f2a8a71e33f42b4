from __future__ import annotations

import pytest

from pytest_sessionreg.errors import InvalidArgument
from pytest_sessionreg.report.glossary import GLOSSARY, words_for


def test_words_keep_the_order_of_the_glossary_and_an_experiments_own_come_last() -> None:
    meanings = dict(GLOSSARY)
    assert words_for("lost", "storm", "wait", more={"lost": "gone", "crowd": "many"}) == [
        ("storm", meanings["storm"]),
        ("wait", meanings["wait"]),
        ("lost", "gone"),
        ("crowd", "many"),
    ]


def test_a_word_without_a_meaning_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="meteor: not in GLOSSARY"):
        words_for("lost", "meteor", more={})

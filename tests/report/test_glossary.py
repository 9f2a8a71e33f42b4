from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_sessionreg.errors import InvalidArgument
from pytest_sessionreg.report.glossary import GLOSSARY, words_for

_ENTRY = re.compile(r"^### ([^\n]+)\n(.+?)(?=\n#|\Z)", re.DOTALL | re.MULTILINE)


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


def test_words_of_both_glossaries_mean_the_same() -> None:
    page = (Path(__file__).parents[2] / "docs/glossary.md").read_text(encoding="utf-8")
    told = {word: " ".join(meaning.split()) for word, meaning in _ENTRY.findall(page)}
    shared = [(word, meaning.partition(";")[0]) for word, meaning in GLOSSARY if word in told]
    assert len(shared) > 10
    for word, first in shared:
        assert told[word].startswith(f"{first[0].upper()}{first[1:]}."), word

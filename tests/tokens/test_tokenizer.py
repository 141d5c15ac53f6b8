import sysconfig
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from assay.tokens.tokenizer import END, end_id, load, train


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [path.read_text() for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:60]]


@pytest.fixture(scope="module")
def tokenizer(texts: list[str]) -> Tokenizer:
    return train(texts, 1024)


def test_every_text_comes_back_as_it_was(tokenizer: Tokenizer, texts: list[str]) -> None:
    for text in [*texts[:20], "naïve ☃ 𝛼\x00\t end", "    if x:\n\t\treturn 12345\n"]:
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_training_twice_gives_the_same_tokenizer(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert train(texts, 1024).to_str() == tokenizer.to_str()


def test_the_vocabulary_is_as_large_as_asked_and_the_end_token_is_its_first(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    assert tokenizer.get_vocab_size() == 1024
    assert end_id(tokenizer) == 0
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert load(tmp_path).token_to_id(END) == 0


def test_digits_go_in_threes_and_indentation_stays_together(tokenizer: Tokenizer) -> None:
    pieces = [tokenizer.decode([one]) for one in tokenizer.encode("x = 1234567\n        return").ids]
    assert all(sum(character.isdigit() for character in piece) <= 3 for piece in pieces)
    assert max(len(piece) for piece in pieces if piece.strip(" ") == "") >= 4

"""What the probes talk of: everyday words, sorted by how often they stand in the starter corpus's text.

Things and qualities, the answers of most probes, are single tokens of the quickstart's tokenizer of 4,096, so that a
choice's likelihood does not hang on how many pieces it has; of the words, eleven are two. Keys are never scored and may
be longer. The order of frequency is what the readers ``common`` and ``rare`` of `balance.py` go by.
"""

# fmt: off
THINGS = [
    "water", "oil", "salt", "pepper", "sugar", "butter", "flour", "garlic", "paper", "milk", "rice", "gold",
]
"""Answers: what somebody can have, a box can hold, and goods can be paid with."""
QUALITIES = ["free", "hot", "old", "strong", "fair", "short", "sweet", "active", "normal", "fast"]
"""Answers: what somebody is."""
TRAITS = [
    "poor", "young", "kind", "cold", "wise", "rich", "happy", "proud", "brave", "sad", "quiet", "tall", "calm", "busy",
]
"""What somebody is on the way to an answer."""
NAMES = ["John", "Henry", "Jack", "James", "Adam", "Paul", "Peter", "Kate", "Mary", "Tom", "Helen", "Anna"]
COLOURS = ["white", "black", "red", "green", "brown", "golden", "blue", "yellow"]
WORDS = [
    "year", "people", "world", "part", "law", "power", "war", "day", "peace", "place", "city", "ground",
    "group", "history", "hand", "trade", "land", "heart", "king", "cell", "father", "light", "field", "island", "night",
    "sea", "face", "train", "house", "child", "school", "market", "friend", "river", "tree", "door",
]
"""For lists without a meaning."""
# fmt: on
_RANK = {word: place for words in (THINGS, QUALITIES, WORDS) for place, word in enumerate(words)}


def rank(word: str) -> int:
    """How common an answer is among its like: 0 for the most common; of numbers, the smallest."""
    return int(word) if word.isdigit() else _RANK[word]

"""Games played to their end: counting out, cards, stones, a dial, a knockout.

Rules are said in full; no knowledge of any real game is needed. Equal players never leave a tie open.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

OPERATIONS = (
    Operation(
        name="counting_out",
        family="simulation",
        takes=("words",),
        gives="words",
        literals={"k": (2, 3, 4, 5)},
        forms=(
            Form(
                block="""{_circle} = deque({x})
{out} = []
while {_circle}:
    {_circle}.rotate(1 - {k})
    {out}.append({_circle}.popleft())""",
                imports=("from collections import deque",),
                style="library",
            ),
            Form(
                block="""{_left} = list({x})
{out} = []
{_at} = 0
while {_left}:
    {_at} = ({_at} + {k} - 1) % len({_left})
    {out}.append({_left}.pop({_at}))"""
            ),
        ),
        noun=("{x} in the order in which they are counted out",),
        step=("put {x} in a circle and list them in the order in which they are counted out",),
        note="Count to {k}, beginning with the first, take away the one on which {k} falls, and count to {k} again "
        "from the one behind it, round and round, until nobody is left.",
        names=("counted_out", "leaving_order"),
        reorders=True,
    ),
    Operation(
        name="streak_score",
        family="simulation",
        takes=("numbers",),
        gives="number",
        literals={"k": (3, 4, 5)},
        forms=(
            Form(
                block="""{out} = {_streak} = 0
for {_at}, {one} in enumerate({x}):
    {_streak} = {_streak} + 1 if {_at} > 0 and {one} > {x}[{_at} - 1] else 1
    {out} += {one} * min({_streak}, {k})"""
            ),
            Form(
                expression="score_cards({x}, {k})",
                helper='''
def score_cards(cards: list[int], most: int) -> int:
    """Cut the cards into rising streaks and score each by the places within it."""
    score = 0
    streak: list[int] = []
    for card in cards:
        if streak and card <= streak[-1]:
            streak = []
        streak.append(card)
        score += card * min(len(streak), most)
    return score
''',
            ),
        ),
        noun=("the score of {x} in a card game that rewards rising streaks",),
        step=("score {x} in a card game that rewards rising streaks",),
        note="The first card counts once, and so does every card that is not greater than the one before it; any "
        "other counts one time more than the one before it did, but never more than {k} times.",
        names=("score", "points"),
        becomes=Noun("score", "scores"),
    ),
    Operation(
        name="smash_stones",
        family="simulation",
        takes=("numbers",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                block="""{_stones} = sorted({x})
while len({_stones}) > 1:
    {_heavy} = {_stones}.pop()
    {_stones}.append({_heavy} - {_stones}.pop())
    {_stones}.sort()
{out} = {_stones}[0] if {_stones} else {d}"""
            ),
            Form(
                block="""{_heap} = [-{one} for {one} in {x}]
heapq.heapify({_heap})
while len({_heap}) > 1:
    {_first} = heapq.heappop({_heap})
    heapq.heapreplace({_heap}, {_first} - {_heap}[0])
{out} = -{_heap}[0] if {_heap} else {d}""",
                imports=("import heapq",),
                style="library",
            ),
        ),
        noun=("the last of {x} when the two largest are always replaced with their difference",),
        step=(
            "replace the two largest of {x} with their difference, the larger minus the other, until one number is "
            "left",
        ),
        note="If there are no numbers, take {d}.",
        names=("last_stone", "left_over"),
        becomes=Noun("number", "numbers"),
        order="ignores",
    ),
    Operation(
        name="dial_zeros",
        family="simulation",
        takes=("numbers",),
        gives="count",
        literals={"m": (4, 6, 10, 12)},
        forms=(
            Form(
                block="""{_points_at} = {out} = 0
for {one} in {x}:
    {_points_at} = ({_points_at} + {one}) % {m}
    if {_points_at} == 0:
        {out} += 1"""
            ),
            Form(
                expression="sum({_sum} % {m} == 0 for {_sum} in accumulate({x}))",
                imports=("from itertools import accumulate",),
                style="library",
            ),
        ),
        noun=("the number of turns after which a dial that is turned by {x} points at 0",),
        step=("turn a dial by {x} one after another and count the turns after which it points at 0",),
        note="The dial has {m} marks in a circle, numbered from 0 on, and points at 0 at first; negative numbers "
        "turn it the other way.",
        names=("zeros", "clicks"),
        becomes=Noun("number of turns", "numbers of turns"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="knockout",
        family="simulation",
        takes=("numbers",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                block="""{_left} = list({x})
while len({_left}) > 1:
    {_paired} = [abs({_a} - {_b}) for {_a}, {_b} in zip({_left}[::2], {_left}[1::2])]
    {_left} = {_paired} + {_left}[len({_paired}) * 2 :]
{out} = {_left}[0] if {_left} else {d}"""
            ),
            Form(
                expression="play_rounds({x}) if {x} else {d}",
                helper='''
def play_rounds(players: list[int]) -> int:
    """Play the first and the second half of a full draw against each other."""
    if len(players) == 1:
        return players[0]
    half = 1
    while half * 2 < len(players):
        half *= 2
    return abs(play_rounds(players[:half]) - play_rounds(players[half:]))
''',
                style="recursive",
            ),
        ),
        noun=("the last number of a knockout between {x}",),
        step=("let {x} play a knockout, and find the number that is left",),
        note="In each round the first plays the second, the third the fourth and so on; what goes on from each is "
        "the difference of the two, not negative, and an odd one at the end goes on as it is. A single number "
        "is left as it is; with none take {d}.",
        names=("winner", "left_in_game"),
        becomes=Noun("number", "numbers"),
    ),
)

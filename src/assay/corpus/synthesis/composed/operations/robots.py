"""Robots that follow moves, on an open plane and in a room.

Every move is one step up, down, left or right. Where a robot stands is followed either by counting, by a walk over
pairs of whole numbers, or by one over complex numbers.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

PLANE = "A robot follows the moves on an open plane, one step for each."
NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
TRACK = '''
def follow_moves(moves: str) -> list[tuple[int, int]]:
    """Places where a robot stands, the start among them, as steps to the right and up."""
    steps = {{"U": (0, 1), "D": (0, -1), "L": (-1, 0), "R": (1, 0)}}
    places = [(0, 0)]
    for move in moves:
        right, up = steps[move]
        places.append((places[-1][0] + right, places[-1][1] + up))
    return places
'''
COMPLEX = """{_steps} = {{"U": 1j, "D": -1j, "L": -1, "R": 1}}
{_place} = 0j
"""

OPERATIONS = (
    Operation(
        name="end_distance",
        family="simulation",
        takes=("moves",),
        gives="count",
        forms=(
            *expressions(
                "abs({x}.count('R') - {x}.count('L')) + abs({x}.count('U') - {x}.count('D'))",
            ),
            Form(
                block="""{_right} = {_up} = 0
for {_move} in {x}:
    if {_move} in "LR":
        {_right} += 1 if {_move} == "R" else -1
    else:
        {_up} += 1 if {_move} == "U" else -1
{out} = abs({_right}) + abs({_up})"""
            ),
            Form(
                block=COMPLEX
                + """for {_move} in {x}:
    {_place} += {_steps}[{_move}]
{out} = int(abs({_place}.real) + abs({_place}.imag))"""
            ),
        ),
        noun=("the number of moves that a robot needs to come back after following {x}",),
        step=("count the moves that a robot needs to come back after following {x}",),
        note=f"{PLANE} It comes back by as few moves as possible.",
        names=("way_home", "distance"),
        becomes=Noun("number of moves", "numbers of moves"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="visited_places",
        family="simulation",
        takes=("moves",),
        gives="count",
        forms=(
            Form(
                block=COMPLEX
                + """{_visited} = {{{_place}}}
for {_move} in {x}:
    {_place} += {_steps}[{_move}]
    {_visited}.add({_place})
{out} = len({_visited})"""
            ),
            Form(expression="len(set(follow_moves({x})))", helper=TRACK),
        ),
        noun=("the number of different places where a robot stands that follows {x}",),
        step=("count the different places where a robot stands that follows {x}",),
        note=f"{PLANE} The place where it starts counts too.",
        names=("visited", "places"),
        becomes=Noun("number of places", "numbers of places"),
        ensures=(("There is at least the start.", "result >= 1"),),
    ),
    Operation(
        name="first_return",
        family="simulation",
        takes=("moves",),
        gives="number",
        literals={"d": (-1, 0)},
        forms=(
            Form(
                block="""{_right} = {_up} = 0
{out} = {d}
for {_done}, {_move} in enumerate({x}, start=1):
    {_right} += ({_move} == "R") - ({_move} == "L")
    {_up} += ({_move} == "U") - ({_move} == "D")
    if {_right} == 0 and {_up} == 0:
        {out} = {_done}
        break"""
            ),
            Form(
                expression="count_moves_back({x}, {d})",
                helper='''
def count_moves_back(moves: str, never: int) -> int:
    """Length of the shortest beginning with as many moves each way as the other."""
    for length in range(2, len(moves) + 1, 2):
        begun = moves[:length]
        if begun.count("U") == begun.count("D") and begun.count("L") == begun.count("R"):
            return length
    return never
''',
            ),
        ),
        noun=("the number of moves after which a robot that follows {x} is back where it started for the first time",),
        step=("count the moves until a robot that follows {x} is back where it started for the first time",),
        note=f"{PLANE} If it never comes back, take {{d}}.",
        names=("return_time", "moves_until_back"),
        becomes=Noun("number of moves", "numbers of moves"),
    ),
    Operation(
        name="farthest_point",
        family="simulation",
        takes=("moves",),
        gives="count",
        forms=(
            Form(expression="max(abs({_right}) + abs({_up}) for {_right}, {_up} in follow_moves({x}))", helper=TRACK),
            Form(
                block="""{out} = {_right} = {_up} = 0
for {_move} in {x}:
    if {_move} == "U":
        {_up} += 1
    elif {_move} == "D":
        {_up} -= 1
    elif {_move} == "L":
        {_right} -= 1
    else:
        {_right} += 1
    if abs({_right}) + abs({_up}) > {out}:
        {out} = abs({_right}) + abs({_up})"""
            ),
        ),
        noun=("the largest distance from its start at which a robot stands that follows {x}",),
        step=("find the largest distance from its start at which a robot stands that follows {x}",),
        note=f"{PLANE} A distance is the number of moves that are needed to come back.",
        names=("farthest", "largest_distance"),
        becomes=Noun("distance", "distances"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="heights",
        family="simulation",
        takes=("moves",),
        gives="numbers",
        forms=(
            Form(expression="[{_up} for {_right}, {_up} in follow_moves({x})]", helper=TRACK),
            Form(
                block="""{out} = [0]
for {_move} in {x}:
    {out}.append({out}[-1] + {{"U": 1, "D": -1}}.get({_move}, 0))"""
            ),
            Form(
                expression="list(accumulate((({_m} == 'U') - ({_m} == 'D') for {_m} in {x}), initial=0))",
                imports=("from itertools import accumulate",),
                style="library",
            ),
        ),
        noun=("the heights at which a robot stands that follows {x}",),
        step=("write down the heights at which a robot stands that follows {x}",),
        note=f"{PLANE} The height is the number of steps above the start, negative below it; the start's own, 0, "
        f"comes first.",
        names=("heights", "profile"),
        becomes=Noun("height", "heights"),
        ensures=(
            ("The first height is 0.", "result[0] == 0"),
            ("Heights change by at most 1.", "all(abs(a - b) <= 1 for a, b in zip(result, result[1:]))"),
        ),
    ),
    Operation(
        name="bounding_box",
        family="simulation",
        takes=("moves",),
        gives="spans",
        forms=(
            Form(
                block="""{_places} = follow_moves({x})
{out} = [(min({_along}), max({_along})) for {_along} in zip(*{_places})]""",
                helper=TRACK,
            ),
            Form(
                block="""{_left} = {_most_right} = {_low} = {_high} = {_right} = {_up} = 0
for {_move} in {x}:
    {_right} += ({_move} == "R") - ({_move} == "L")
    {_up} += ({_move} == "U") - ({_move} == "D")
    {_left}, {_most_right} = min({_left}, {_right}), max({_most_right}, {_right})
    {_low}, {_high} = min({_low}, {_up}), max({_high}, {_up})
{out} = [({_left}, {_most_right}), ({_low}, {_high})]"""
            ),
        ),
        noun=("the spans from left to right and from bottom to top within which a robot stays that follows {x}",),
        step=("find the spans from left to right and from bottom to top within which a robot stays that follows {x}",),
        note=f"{PLANE} The result has two pairs: the least and the greatest number of steps to the right of the "
        f"start, then "
        "the same for steps above it; to the left and below they are negative.",
        names=("box", "bounds"),
        becomes=Noun("span", "spans"),
        ensures=(("The start is within both spans.", "all(low <= 0 <= high for low, high in result)"),),
    ),
    Operation(
        name="way_back",
        family="simulation",
        takes=("moves",),
        gives="moves",
        forms=(
            *expressions("{x}[::-1].translate(str.maketrans('UDLR', 'DURL'))"),
            *expressions("''.join('DURL'['UDLR'.index({_move})] for {_move} in reversed({x}))"),
            Form(
                block="""{out} = ""
for {_move} in {x}:
    {out} = {{"U": "D", "D": "U", "L": "R", "R": "L"}}[{_move}] + {out}"""
            ),
        ),
        noun=("the moves that undo {x}",),
        step=("find the moves that undo {x}",),
        note="Undoing takes the opposite of each move, the last move first.",
        names=("way_back", "undone"),
        becomes=Noun("move", "moves"),
        inverse="result[::-1].translate(str.maketrans('UDLR', 'DURL'))",
    ),
    Operation(
        name="cancel_moves",
        family="simulation",
        takes=("moves",),
        gives="moves",
        forms=(
            Form(
                block="""{_kept}: list[str] = []
for {_move} in {x}:
    if {_kept} and {_kept}[-1] + {_move} in ("UD", "DU", "LR", "RL"):
        {_kept}.pop()
    else:
        {_kept}.append({_move})
{out} = "".join({_kept})"""
            ),
            Form(
                block="""{out} = {x}
{_before} = -1
while len({out}) != {_before}:
    {_before} = len({out})
    for {_pair} in ("UD", "DU", "LR", "RL"):
        {out} = {out}.replace({_pair}, "")"""
            ),
        ),
        noun=("{x} without those that are undone at once",),
        step=("strike out of {x} every two opposite moves side by side, until there are none",),
        note="Two opposite moves side by side are struck out together, also where they come side by side only "
        "because others were struck out.",
        names=("shortened", "cancelled"),
        becomes=Noun("move", "moves"),
        once=True,
        ensures=(
            (
                "No move is undone at once.",
                "result == result.replace('UD', '').replace('DU', '').replace('LR', '').replace('RL', '')",
            ),
        ),
    ),
    Operation(
        name="bumps",
        family="simulation",
        takes=("moves",),
        gives="count",
        literals={"k": (2, 3, 4)},
        forms=(
            Form(
                block="""{out} = {_right} = {_up} = 0
for {_move} in {x}:
    {_to_right} = {_right} + ({_move} == "R") - ({_move} == "L")
    {_to_up} = {_up} + ({_move} == "U") - ({_move} == "D")
    if 0 <= {_to_right} < {k} and 0 <= {_to_up} < {k}:
        {_right}, {_up} = {_to_right}, {_to_up}
    else:
        {out} += 1"""
            ),
            Form(
                expression="count_bumps({x}, 'LR', {k}) + count_bumps({x}, 'DU', {k})",
                helper='''
def count_bumps(moves: str, directions: str, size: int) -> int:
    """Bumps into two opposite walls, which depend on the moves between them alone."""
    place = bumps = 0
    for move in moves:
        if move in directions:
            wished = place + (1 if move == directions[1] else -1)
            place = min(max(wished, 0), size - 1)
            bumps += place != wished
    return bumps
''',
            ),
        ),
        noun=("the number of times that a robot that follows {x} bumps into a wall",),
        step=("count how often a robot that follows {x} bumps into a wall",),
        note="The robot starts in the bottom left corner of a room of {k} by {k} places and stays where it is when "
        "a move would take it out of the room.",
        names=("bumps", "bumped"),
        becomes=Noun("number of bumps", "numbers of bumps"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="turtle",
        family="simulation",
        takes=("digits",),
        gives="moves",
        forms=(
            Form(
                block="""{_facing} = 0
{out} = ""
for {_digit} in {x}:
    {_facing} = ({_facing} + int({_digit})) % 4
    {out} += "URDL"[{_facing}]"""
            ),
            Form(
                expression="''.join('URDL'[{_turns} % 4] for {_turns} in accumulate(map(int, {x})))",
                imports=("from itertools import accumulate",),
                style="library",
            ),
            Form(
                block="""{_compass} = deque("URDL")
{out} = ""
for {_digit} in {x}:
    {_compass}.rotate(-int({_digit}))
    {out} += {_compass}[0]""",
                imports=("from collections import deque",),
            ),
        ),
        noun=("the moves of a turtle that is steered by {x}",),
        step=("let {x} steer a turtle and write down its moves",),
        note="The turtle first faces up. For each digit it turns that many quarters to the right and makes a move "
        "in the direction that it then faces: `U`, `R`, `D` or `L`.",
        names=("track", "steered"),
        becomes=Noun("move", "moves"),
    ),
)

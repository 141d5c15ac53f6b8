"""The source of ``make_inputs`` for a given problem, around the problem's own generator.

The generator is kept whole, with those parts of the problem's program that it uses. What it gives is made fit to be
shown: floats are rounded to four digits, as a person would write them, since a call with 17 digits in each number is
read by nobody; and one input in six is the shortest of eight, lest a generator of long lists give none that can be
printed. Of problems with calls too large to print this saved half, and it lost one other in a hundred.
"""

import ast

from assay.corpus.synthesis.given_source import defined_names, global_names, reached

_MAKE = """\
def rounded(value):
    if type(value) is float:
        return float(f"{{value:.4g}}")
    if type(value) in (list, tuple):
        return type(value)(map(rounded, value))
    if type(value) is dict:
        return {{rounded(key): rounded(one) for key, one in value.items()}}
    return value


def make_inputs(random):
{seed}    draws = [{generator}(random) for _ in range(random.choice((1, 1, 1, 1, 1, 8)))]
    made = rounded(min(draws, key=lambda draw: len(str(draw))))
    return {values}
"""


def inputs_source(program: str, generator: str, function: ast.FunctionDef) -> str:
    """A program with ``make_inputs``.

    A generator takes a `Random`; one that uses the module's own all the same finds it seeded from that.

    Args:
        program: The problem's program, whole.
        generator: The source of its generator, which gives a dictionary by the names of the parameters.
        function: The function that is asked for.
    """
    made = next(one.name for one in ast.parse(generator).body if isinstance(one, ast.FunctionDef))
    parameters = defaults(function)
    values = [
        f'made["{name}"]' if default is None else f'made.get("{name}", {ast.unparse(default)})'
        for name, default in parameters.items()
    ]
    returned = f"({', '.join(values)}{',' * (len(values) == 1)})"
    make = _MAKE.format(seed="", generator=made, values=returned)
    wanted = global_names(f"{generator}\n\n\n{make}") & defined_names(ast.parse(program).body)
    before = reached(program, wanted) if wanted else ""
    own = reached(generator, {made})
    imported = "from random import Random"
    if "random" in defined_names(ast.parse(f"{before}\n{own}").body):
        imported += ", seed"
        make = _MAKE.format(seed="    seed(random.random())\n", generator=made, values=returned)
    return "\n\n\n".join(part for part in (imported, before, own, make) if part)


def defaults(function: ast.FunctionDef) -> dict[str, ast.expr | None]:
    """A function's parameters in their order, with what each is if it is not given."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    missing: list[ast.expr | None] = [None] * (len(names) - len(function.args.defaults))
    return dict(zip(names, [*missing, *function.args.defaults], strict=True))

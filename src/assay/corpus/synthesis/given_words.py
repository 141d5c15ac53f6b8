"""The words of a given problem: its statement for a person, and what it is about.

The files have a task, mostly a question, and a list of what goes in and what comes out, written in several ways. A
statement is the task as it was, then what to write, its arguments and its result, always in one form. Topics are told
from words of the task and from how the program goes about it; they are rough, and many problems have none.
"""

import ast
import re

_SECTIONS = re.compile(r"\s*Inputs?\s*:?[ ]*\n(.*?)\n\s*Outputs?\s*:?[ ]*\n(.*)", re.DOTALL)
_TYPE = re.compile(r"\((?P<type>(?:[^()]|\([^()]*\))*)\)(?P<rest>.*)", re.DOTALL)
_TOPICS = {
    "dates": r"date|dates|calendar|weekday|leap year|timestamp|timestamps",
    "games": r"game|games|board|chess|dice|player|players|cards|sudoku|maze",
    "geometry": r"triangle|circle|polygon|rectangle|angle|coordinates|distance between|sphere",
    "graphs": r"graph|graphs|vertex|vertices|edges|shortest path|adjacency|network",
    "matrices": r"matrix|matrices|determinant|eigenvalues?",
    "money": r"price|prices|cost|interest rate|loan|salary|tax|investment|portfolio|payment",
    "numbers": r"prime|primes|divisors?|factorial|fibonacci|digits?|modulo|integer|gcd|binomial",
    "physics": r"velocity|force|energy|temperature|pressure|mass|voltage|frequency|wavelength|acceleration",
    "probability": r"probability|probabilities|distribution|variance|mean|standard deviation|random variable|bayes",
    "search": r"sort|sorted|sorting|binary search|permutations?|combinations?|subsets?",
    "simulation": r"simulate|simulation|automaton|steps|state of",
    "strings": r"string|strings|text|word|words|characters?|palindrome|anagram|substring|cipher|encrypt\w*|decrypt\w*",
    "trees": r"tree|trees|node|nodes|binary tree",
}


def statement(task: str, announced: str, function: ast.FunctionDef) -> str:
    """The problem for a person.

    Args:
        task: The task in words.
        announced: What goes in and what comes out, as the files list it.
        function: The program's function of that name and those parameters.

    Returns:
        The task, and under it the function to write, its arguments and its result, each item with ``-`` before it.
    """
    names = [one.arg for one in function.args.args]
    sections = _SECTIONS.fullmatch(announced.strip("\n"))
    call = f"Write a function `{function.name}({', '.join(names)})` that gives the answer."
    if sections is None:
        return f"{task.strip()}\n\n{call}\n\n{announced.strip()}"
    parts = [task.strip(), call]
    if names:
        parts.append("Arguments:\n" + _items(sections[1], names))
    return "\n\n".join([*parts, "Result:\n" + _items(sections[2], ["return"])])


def announced_result(announced: str) -> tuple[str, str]:
    """The type of the result as the files write it, such as ``list of int``, and what is said of it; or twice empty."""
    found = re.search(r"^\s*(?:[-*]\s+)?`?return`?\s*(\(.*)", announced, re.DOTALL | re.MULTILINE)
    typed = _TYPE.match(found[1]) if found else None
    return (typed["type"].strip(), typed["rest"]) if typed else ("", "")


def topics(task: str, program: str) -> tuple[str, ...]:
    """What a problem is about, in alphabetical order."""
    found = {name for name, words in _TOPICS.items() if re.search(rf"\b(?:{words})\b", task.lower())}
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(one, ast.Call) and getattr(one.func, "id", getattr(one.func, "attr", "")) == node.name
            for part in node.body
            for one in ast.walk(part)
        ):
            found.add("recursion")
    if any(isinstance(node, ast.ClassDef) for node in tree.body):
        found.add("classes")
    return tuple(sorted(found))


def _items(section: str, names: list[str]) -> str:
    """Lines of a section, each of these names a list item, whatever is said of it two spaces further in."""
    item = re.compile(rf"(\s*)(?:[-*]\s+)?`?({'|'.join(map(re.escape, names))})`?\s*(?=[(:])(.*)")
    lines: list[str] = []
    depth = 0
    for line in section.rstrip().split("\n"):
        found = item.fullmatch(line)
        space = len(line) - len(line.lstrip())
        if found and (not lines or space <= depth):
            depth = space
            lines.append(f"- {_result(found[3])}" if found[2] == "return" else f"- `{found[2]}` {found[3]}")
        elif line.strip():
            words = re.sub(r"^[-*]\s+(\w+)(?= \()", r"- `\1`", line.strip())
            lines.append(" " * max(2, space - depth) + words)
    return "\n".join(line.rstrip() for line in lines)


def _result(line: str) -> str:
    """``(int): The sum.`` as ``int: The sum.``"""
    typed = _TYPE.match(line)
    return f"{typed['type']}{typed['rest']}" if typed else line.lstrip(": ")

"""Programming problems that are made and proved: what a problem is, who makes it, how it is verified and written.

Three makers give the same `candidate`: `given` (problems that come with a package), `composed` (programs put together
from operations whose meaning is known) and `model` (any OpenAI-compatible endpoint). `verification` runs each in the
sandbox and makes it a `record` or says why not; `layouts` writes records as documents of an ingredient. What is
measured of them is in `measure`. Nothing here trains, and no candidate is ever run outside the sandbox.
"""

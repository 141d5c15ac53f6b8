"""Problems that a language model writes, behind any OpenAI-compatible endpoint.

`topics.py` says what a problem may be about, `prompts.py` asks for it in a fixed layout, `reply.py` reads the reply,
however it is dressed, and `maker.py` goes round: ask, read, prove, show the model why it was refused, ask again. What
a model wrote is run by the verification alone, in the sandbox; nothing of it is taken on trust.
"""

"""Questions to a language model behind an OpenAI-compatible endpoint: vLLM, llama.cpp, a hosted one, or our own.

`question.py` says what an endpoint, a question and a reply are; `client.py` asks many at a time, again where that may
help, and never twice what was answered; `transport.py` makes one call with the official client; `cache.py` keeps
replies and what they cost on disk; `account.py` counts. `server.py` and what it imports are the other side: they serve
a checkpoint. What is asked, and what is made of the replies, is not here.
"""

from assay.endpoint.account import Account, Budget
from assay.endpoint.client import Client, open_client
from assay.endpoint.question import Endpoint, Failure, Question, Reason, Reply, Token
from assay.endpoint.transport import check_client

__all__ = [
    "Account",
    "Budget",
    "Client",
    "Endpoint",
    "Failure",
    "Question",
    "Reason",
    "Reply",
    "Token",
    "check_client",
    "open_client",
]

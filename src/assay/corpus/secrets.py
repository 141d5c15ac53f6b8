"""Secrets and personal data replaced by placeholders: keys and tokens, private keys, e-mail and IP addresses.

The placeholders and the kinds are StarCoder's (Li et al. 2023, section 4). Tokens are found by the patterns of
detect-secrets for formats that a prefix or a length gives away, run over the whole text, and by a few of our own where
its patterns are missing, cut a token short or take quadratic time. Its entropy and keyword plugins are left out: on
code nearly all they find is no secret. Names, passwords in plain words and phone numbers are not looked for; an address
that stands for a service (``git@host``), an example (RFC 2606) or no single machine (private and reserved networks,
public resolvers) stays. A text in which nothing is found is returned as it is; what was masked is found no more.
"""

import base64
import binascii
import functools
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from assay.corpus.cleaning import TOP_LEVEL_DOMAINS
from assay.errors import StepError

VERSION = 1

EMAIL, IP_ADDRESS, SECRET, PRIVATE_KEY = "<EMAIL>", "<IP_ADDRESS>", "<SECRET>", "<PRIVATE_KEY>"


class Span(NamedTuple):
    """A stretch of the text that is to be replaced."""

    start: int
    end: int
    placeholder: str
    kind: str


class Pattern(NamedTuple):
    """A regular expression for a secret."""

    kind: str
    search: re.Pattern[str]
    group: int = 0
    """The part that is secret."""
    within: tuple[str, ...] = ()
    """One of these is in every text that holds a match; none: the expression itself is as quick as looking."""


_PLUGINS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "AWSKeyDetector": (("A3T", "ABIA", "ACCA", "AKIA", "ASIA", "aws", "AWS", "Aws"), (0, 1)),
    "AzureStorageKeyDetector": (("AccountKey=",), (0,)),
    "BasicAuthDetector": (("://",), (1,)),
    "DiscordBotTokenDetector": ((), (0,)),
    "GitHubTokenDetector": (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), (0,)),
    "GitLabTokenDetector": (("gl", "GR1348941"), (0,) * 7),
    "MailchimpDetector": (("-us",), (0,)),
    "PypiTokenDetector": (("pypi-AgE",), (0, 0)),
    "SendGridDetector": (("SG.",), (0,)),
    "SlackDetector": (("xox", "XOX", "hooks.slack.com"), (0, 0)),
    "SquareOAuthDetector": (("sq0csp-",), (0,)),
    "StripeDetector": (("k_live_",), (0,)),
    "TelegramBotTokenDetector": ((":AA",), (0,)),
    "TwilioKeyDetector": ((), (0, 0)),
}

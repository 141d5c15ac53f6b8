"""Secrets and personal data replaced by placeholders: tokens, private keys, e-mail and IP addresses.

The kinds are StarCoder's (Li et al. 2023, section 4). Tokens are found by detect-secrets' patterns for formats that a
prefix or a length gives away, run over the whole text, and by our own where its patterns are missing, cut a token short
or take quadratic time. Its entropy and keyword plugins are left out: of 35 strings that the first finds in 7 MB of the
standard library none is a secret. An address that stands for a service (``git@host``), an example (RFC 2606) or no
single machine (private and reserved networks, public resolvers, ranges) stays. Not looked for: names, phone numbers,
passwords in plain words. What was masked is not found again, and a text in which nothing is found is returned as is.
"""

import base64
import functools
import ipaddress
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import NamedTuple

from assay.corpus.cleaning import TOP_LEVEL_DOMAINS

EMAIL, IP_ADDRESS, SECRET, PRIVATE_KEY = "<EMAIL>", "<IP_ADDRESS>", "<SECRET>", "<PRIVATE_KEY>"


class Span(NamedTuple):
    """A stretch of the text that is to be replaced."""

    start: int
    end: int
    placeholder: str
    kind: str
    """What it is: ``email``, ``ip address``, ``private key``, or what detect-secrets calls the token."""


class Token(NamedTuple):
    """A secret that is told by its format."""

    kind: str
    pattern: re.Pattern[str]
    group: int = 0
    """The part of the match that is secret."""
    within: tuple[str, ...] = ()
    """A text without any of these holds none; given where looking for them is quicker than the pattern."""
    holds: Callable[[str], bool] = bool
    """Whether what was found is what it looks like."""


def mask(text: str) -> tuple[str, dict[str, int]]:
    """The text with placeholders, and how many of each kind were put in; ``text`` itself where there are none."""
    kinds: Counter[str] = Counter()
    while spans := sorted([*_private_keys(text), *_tokens(text), *_addresses(text), *_emails(text)]):
        text = _replaced(text, spans, kinds)
    return text, dict(sorted(kinds.items()))


def _replaced(text: str, spans: list[Span], kinds: Counter[str]) -> str:
    """Of spans that overlap the first decides, and all of them goes; what stood against a span is looked at again."""
    parts = []
    end = 0
    for span in spans:
        if span.start >= end:
            parts += [text[end : span.start], span.placeholder]
            kinds[span.kind] += 1
        end = max(end, span.end)
    return "".join([*parts, text[end:]])


_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PUTTY = re.compile(r"Private-Lines: \d{1,3}")
_BASE64_LINES = re.compile(r"(?:[^A-Za-z0-9+/=<]{0,8}(?:\\n)?[A-Za-z0-9+/=]{16,})+")
_LONGEST_KEY = 20_000
"""Characters of the longest private key; an end that is farther away belongs to another."""
_KEY_BYTES = re.compile(r"[A-Za-z0-9+/=]{24}")


def _private_keys(text: str) -> Iterator[Span]:
    """Whole blocks from BEGIN to END; where the end is missing, as far as lines of base64 go.

    A block without 24 characters of base64 in a row holds no key: it is code that looks for one.
    """
    ends = _PEM_END.finditer(text)
    end = next(ends, None)
    for begin in _PEM.finditer(text):
        while end is not None and end.start() < begin.end():
            end = next(ends, None)
        if end is not None and end.start() - begin.end() < _LONGEST_KEY:
            if _KEY_BYTES.search(text, begin.end(), end.start()):
                yield Span(begin.start(), end.end(), PRIVATE_KEY, "private key")
        elif body := _BASE64_LINES.match(text, begin.end(), begin.end() + _LONGEST_KEY):
            yield Span(begin.start(), body.end(), PRIVATE_KEY, "private key")
    for begin in _PUTTY.finditer(text):
        if body := _BASE64_LINES.match(text, begin.end(), begin.end() + _LONGEST_KEY):
            yield Span(begin.end(), body.end(), PRIVATE_KEY, "private key")


_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)
_WORD = _ALPHANUMERIC | {"_", "-"}


def _tokens(text: str) -> Iterator[Span]:
    """Tokens that do not begin in the middle of a word, each to the end of its word."""
    for token in _known_tokens():
        if token.within and not any(part in text for part in token.within):
            continue
        end = 0
        for found in token.pattern.finditer(text):
            if found.start() < end:
                continue
            start, end = found.span(token.group)
            if token.group == 0:
                if text[max(0, start - 1) : start] in _ALPHANUMERIC and text[start - 2 : start - 1] != "\\":
                    continue
                while text[end : end + 1] in _WORD:
                    end += 1
            if "EXAMPLE" not in found.group() and token.holds(found.group(token.group)):
                yield Span(start, end, SECRET, token.kind)


@functools.cache
def _known_tokens() -> tuple[Token, ...]:
    from detect_secrets.plugins.jwt import JwtTokenDetector as jwt

    def is_jwt(token: str) -> bool:
        return bool(jwt.is_formally_valid(token.rpartition(".")[0]))

    return (*map(_of_plugin, _PLUGINS), Token(jwt.secret_type, _JWT, holds=is_jwt), *_OWN)


class Plugin(NamedTuple):
    """Where a pattern of detect-secrets is; the rest is as in :class:`Token`."""

    module: str
    name: str
    number: int = 0
    """Which of the plugin's patterns."""
    group: int = 0
    within: tuple[str, ...] = ()


def _of_plugin(plugin: Plugin) -> Token:
    detector = getattr(import_module(f"detect_secrets.plugins.{plugin.module}"), plugin.name)
    pattern = detector.denylist[plugin.number]
    return Token(detector.secret_type, pattern, plugin.group, plugin.within, _CHECKS.get(plugin.name, bool))


def _is_password(word: str) -> bool:
    """Not a variable that is put in, and not a word that stands for one."""
    return not re.search(r"[{}<>%$]|\A(?:pass|passw|password|passwd|pwd|secret|token|guest|x+|\*+|\.+)\Z", word.lower())


def _is_discord(token: str) -> bool:
    """The first part is the base64 of a number, that of the bot's account."""
    first = token.partition(".")[0]
    try:
        return base64.b64decode(first + "=" * (-len(first) % 4), "-_", validate=True).isdigit()
    except ValueError:
        return False


_CHECKS = {"BasicAuthDetector": _is_password, "DiscordBotTokenDetector": _is_discord}
_PLUGINS = (
    Plugin("aws", "AWSKeyDetector"),
    Plugin("aws", "AWSKeyDetector", 1, group=1, within=("aws", "AWS", "Aws")),
    Plugin("azure_storage_key", "AzureStorageKeyDetector"),
    Plugin("basic_auth", "BasicAuthDetector", group=1),
    Plugin("discord", "DiscordBotTokenDetector", within=("iscord", "ISCORD")),
    Plugin("github_token", "GitHubTokenDetector"),
    *(Plugin("gitlab_token", "GitLabTokenDetector", number) for number in range(7)),
    Plugin("mailchimp", "MailchimpDetector", within=("-us",)),
    Plugin("pypi_token", "PypiTokenDetector"),
    Plugin("pypi_token", "PypiTokenDetector", 1),
    Plugin("sendgrid", "SendGridDetector"),
    Plugin("slack", "SlackDetector", within=("xox", "XOX")),
    Plugin("slack", "SlackDetector", 1, within=("hooks.slack.com",)),
    Plugin("square_oauth", "SquareOAuthDetector"),
    Plugin("stripe", "StripeDetector", within=("k_live_",)),
    Plugin("twilio", "TwilioKeyDetector"),
    Plugin("twilio", "TwilioKeyDetector", 1),
)
_JWT = re.compile(r"eyJ(?<![\w-]eyJ)[\w-]{8,2000}\.eyJ[\w-]{5,8000}\.[\w-]{10,2000}", re.ASCII)
_OWN = (
    Token("Anthropic API Key", re.compile(r"sk-ant-[\w-]{80,120}", re.ASCII)),
    Token("GitHub Token", re.compile(r"github_pat_\w{60,90}", re.ASCII)),
    Token("Google API Key", re.compile(r"AIza[\w-]{35}", re.ASCII)),
    Token("Hugging Face Token", re.compile(r"hf_[A-Za-z]{34}(?!\w)", re.ASCII)),
    Token("NPM tokens", re.compile(r":_authToken=\s?(npm_\w{36}|[0-9A-Fa-f-]{36})", re.ASCII), 1),
    Token("OpenAI Token", re.compile(r"sk-(?<![\w-]sk-)[\w-]{20,160}T3BlbkFJ[\w-]{20,160}", re.ASCII)),
    Token("Telegram Bot Token", re.compile(r"(?<!\d)\d{8,10}:AA[\w-]{33}(?![\w-])", re.ASCII), within=(":AA",)),
)

_EMAIL = re.compile(
    r"@(?<=[A-Za-z0-9_+-]@)((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9_@-]|\.[A-Za-z0-9])"
)
_LOCAL_PART = re.compile(r"[A-Za-z0-9._%+-]{1,65}\Z")
_LATER_DOMAINS = frozenset(
    ("ai", "app", "blog", "cloud", "dev", "email", "live", "online", "page", "site", "store", "tech", "xyz")
)
_NOT_A_PERSON = frozenset(("git", "hg", "svn"))
_NO_DOMAINS = frozenset(("example", "self", "this", "cls"))


def _emails(text: str) -> Iterator[Span]:
    """Addresses of known top-level domains.

    ``git@host`` and ``scheme://user@host`` are places, ``a@self.to`` is a matrix product, ``"%s@%s"`` a template.
    """
    for found in _EMAIL.finditer(text):
        labels = found.group(1).lower().split(".")
        if labels[-1] not in TOP_LEVEL_DOMAINS and labels[-1] not in _LATER_DOMAINS:
            continue
        local = _LOCAL_PART.search(text, max(0, found.start() - 65), found.start())
        if local is None or len(local.group()) > 64 or "%" in local.group():
            continue
        start = local.start()
        if start and text[start - 1] == "\\" and text[start] in "nrt":
            start += 1
        while text[start] in "._+-":
            start += 1
        if start == found.start() or text[start : found.start()] in _NOT_A_PERSON or text[start - 3 : start] == "://":
            continue
        if not _NO_DOMAINS & set(labels):
            yield Span(start, found.end(), EMAIL, "email")


_IPV4 = re.compile(r"\.(?<=\d\.)\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w-]|\.\w)", re.ASCII)
_FIRST_OCTET = re.compile(r"(?<![\w.-])(?:(?<!/)|(?<=//))\d{1,3}\Z", re.ASCII)
_IPV6 = re.compile(r":(?<=[23][0-9A-Fa-f]{3}:)(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:.])", re.ASCII)
_BEFORE_IPV6 = _WORD | {":", "."}
_VERSION_BEFORE = re.compile(r"(?i:ver|version|release|revision|section|chapter|build|§|[<>=~^]=)[^\n]{0,16}\Z")
_RESERVED = tuple(
    (int(network.network_address), int(network.netmask))
    for network in map(
        ipaddress.IPv4Network,
        [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ],
    )
)
"""Networks of RFC 6890 and multicast; written out because the table of `ipaddress` changes with Python's releases."""
_RESOLVERS = frozenset(("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"))
_DOCUMENTATION_IPV6 = ipaddress.IPv6Network("2001:db8::/32")


def _addresses(text: str) -> Iterator[Span]:
    """IPv4 and IPv6 addresses that belong to one machine of the public net.

    Four one-digit numbers, and what follows a word such as "version" on the same line, are versions; ``a.b.c.0/24`` is
    a network.
    """
    for found in _IPV4.finditer(text):
        first = _FIRST_OCTET.search(text, max(0, found.start() - 4), found.start())
        if first is None:
            continue
        address = text[first.start() : found.end()]
        octets = address.split(".")
        if any(int(octet) > 255 or (octet[0] == "0" and octet != "0") for octet in octets):
            continue
        if len(address) == 7 or address in _RESOLVERS or _is_reserved(octets):
            continue
        if octets[3] == "0" and text[found.end() : found.end() + 1] == "/":
            continue
        if not _VERSION_BEFORE.search(text, max(0, first.start() - 32), first.start()):
            yield Span(first.start(), found.end(), IP_ADDRESS, "ip address")
    for found in _IPV6.finditer(text):
        start = found.start() - 4
        address = text[start : found.end()]
        if text[max(0, start - 1) : start] in _BEFORE_IPV6 or sum(map(bool, address.split(":"))) < 3:
            continue
        if address.endswith("::") and text[found.end() : found.end() + 1] == "/":
            continue
        try:
            parsed = ipaddress.IPv6Address(address)
        except ValueError:
            continue
        if parsed not in _DOCUMENTATION_IPV6:
            yield Span(start, found.end(), IP_ADDRESS, "ip address")


def _is_reserved(octets: list[str]) -> bool:
    number = int.from_bytes(bytes(map(int, octets)))
    return any(number & mask == network for network, mask in _RESERVED)

import ast
import base64
import ipaddress
import json
import string
import sysconfig
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector
from hypothesis import example, given
from hypothesis import strategies as st

from assay.corpus.secrets import mask

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
PERSON = "ada" + "@" + "lovelace.org"
PUBLIC = "52.94" + ".233.129"


def _part(of: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(of).encode()).decode().rstrip("=")


JWT = _part({"alg": "HS256"}) + "." + _part({"sub": "1234567890"}) + "." + LETTERS[:43]
DISCORD = base64.b64encode(b"123456789012345678").decode().rstrip("=") + ".Ab1_cd." + LETTERS[:27]
TOKENS = {
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "azure": "AccountKey=" + (LETTERS * 2)[:86] + "==",
    "github": "ghp" + "_" + LETTERS[:36],
    "github, fine-grained": "github" + "_pat_" + (LETTERS * 2)[:82],
    "gitlab": "glpat" + "-" + LETTERS[:20],
    "slack": "xoxb" + "-123456789012-" + LETTERS[:24],
    "slack hook": "https://hooks.slack" + ".com/services/T01234567/B01234567/" + LETTERS[:24],
    "stripe": "sk" + "_live_" + LETTERS[:24],
    "sendgrid": "SG" + "." + LETTERS[:22] + "." + LETTERS[:43],
    "pypi": "pypi-AgEI" + "cHlwaS5vcmc" + (LETTERS * 2)[:80],
    "npm": "npm" + "_" + LETTERS[:36],
    "twilio": "SK" + HEX * 2,
    "mailchimp": HEX * 2 + "-us" + "12",
    "square": "sq0csp" + "-" + LETTERS[:43],
    "telegram": "123456789" + ":AA" + LETTERS[:33],
    "openai": "sk" + "-proj-" + LETTERS[:40] + "T3Blbk" + "FJ" + LETTERS[:40],
    "anthropic": "sk" + "-ant-api03-" + (LETTERS * 2)[:93],
    "google": "AIza" + LETTERS[:35],
    "hugging face": "hf" + "_" + string.ascii_letters[:34],
    "jwt": JWT,
    "discord": DISCORD,
}
AROUND = {"npm": "//registry.example.com/:_authToken={}\n", "discord": "# Discord\nx = '{}'\n"}
KNOWN: dict[str, Any] = get_mapping_from_secret_type_to_class()
PLUGINS: list[Any] = [plugin for plugin in KNOWN.values() if issubclass(plugin, RegexBasedDetector)]
KEY_LINE = (LETTERS * 2)[:64]
PEM = "-----BEGIN RSA " + f"PRIVATE KEY-----\n{KEY_LINE}\n{KEY_LINE}\n-----END RSA " + "PRIVATE KEY-----"


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_a_token_is_masked_whole_and_nothing_else(name: str) -> None:
    around = AROUND.get(name, "key = '{}'  # héllo\n")
    masked, kinds = mask(around.format(TOKENS[name]))
    assert masked == around.format("<SECRET>")
    assert sum(kinds.values()) == 1
    assert len(PLUGINS) > 20
    assert not [plugin for plugin in PLUGINS if list(plugin().analyze_string(masked))]


def test_one_kind_is_counted_by_its_name() -> None:
    text = f"{TOKENS['aws']} {PERSON} {TOKENS['aws']} {PUBLIC}"
    assert mask(text) == (
        "<SECRET> <EMAIL> <SECRET> <IP_ADDRESS>",
        {"AWS Access Key": 2, "email": 1, "ip address": 1},
    )


def test_the_secret_half_of_an_aws_key_and_the_password_of_a_url_are_masked_alone() -> None:
    assert mask(f'aws_secret_access_key = "{LETTERS[:40]}"\n')[0] == 'aws_secret_access_key = "<SECRET>"\n'
    assert mask("postgres://ada:" + "hunter2" + "@db.internal/x\n")[0] == "postgres://ada:<SECRET>@db.internal/x\n"


@pytest.mark.parametrize(
    "text",
    [
        "x" + TOKENS["aws"],
        "AKIA" + "IOSFODNN7EXAMPLE",
        "http://{user}:{password}@host/",
        "http://user:password@host/",
        "eyJ" + "hello.eyJworld.notatoken12",
        "commit 1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b",
        "Namespace.module.some_function_of_this",
    ],
)
def test_what_only_looks_like_a_token_stays(text: str) -> None:
    assert mask(text) == (text, {})


def test_a_private_key_is_masked_from_beginning_to_end_wherever_it_stands() -> None:
    assert mask(f"a\n{PEM}\nb\n") == ("a\n<PRIVATE_KEY>\nb\n", {"private key": 1})
    literal = '"' + PEM.replace("\n", '\\n"\n    "') + '"'
    masked, _ = mask(f"key = ({literal})\n")
    assert ast.literal_eval(masked.removeprefix("key = ")) == "<PRIVATE_KEY>"


def test_a_key_that_is_cut_off_is_masked_as_far_as_it_goes() -> None:
    begin = PEM.partition("-----END")[0]
    assert mask(f"{begin}\nThe end is missing.\n")[0] == "<PRIVATE_KEY>\n\nThe end is missing.\n"
    putty = f"Private-Lines: 2\n{KEY_LINE}\n{KEY_LINE}\nPrivate-MAC: 12\n"
    assert mask(putty)[0] == "Private-Lines: 2<PRIVATE_KEY>\nPrivate-MAC: 12\n"


@pytest.mark.parametrize(
    "text",
    [
        'if text.startswith("-----BEGIN ' + 'PRIVATE KEY-----"):\n',
        "-----BEGIN " + "PRIVATE KEY-----\n...\n-----END " + "PRIVATE KEY-----\n",
        f"-----BEGIN CERTIFICATE-----\n{KEY_LINE}\n-----END CERTIFICATE-----\n",
    ],
)
def test_code_that_speaks_of_keys_and_certificates_stay(text: str) -> None:
    assert mask(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"# Ada <{PERSON}>, 1843", "# Ada <<EMAIL>>, 1843"),
        (f"mailto:{PERSON}?subject=a", "mailto:<EMAIL>?subject=a"),
        ("a.b+c_d" + "@mail.uni-x.ac.uk.", "<EMAIL>."),
        ("'\\n" + PERSON + "'", "'\\n<EMAIL>'"),
        ("..." + PERSON, "...<EMAIL>"),
        ("ada" + "@start.dev", "<EMAIL>"),
    ],
)
def test_an_address_of_a_person_is_masked(text: str, masked: str) -> None:
    assert mask(text) == (masked, {"email": 1})


@pytest.mark.parametrize(
    "text",
    [
        "@app.route('/')\n@pytest.mark.slow\n",
        'import x from "@types/node";\n"lodash@4.17.21"\n',
        "git" + "@github.com:a/b.git",
        "https://ada" + "@bitbucket.org/ada/a",
        "ada" + "@example.com, ada" + "@mail.example.org",
        "ada" + "@localhost, root" + "@server.local",
        "y = w" + "@self.to",
        "h = q" + "@k.T / d",
        '"%s" % name; "%s@mail.com"',
        "image@2x.png and @media (min-width: 1px)",
        "{name}" + "@mail.com",
        ("a" * 70) + "@mail.com",
    ],
)
def test_what_is_no_address_of_a_person_stays(text: str) -> None:
    assert mask(text) == (text, {})


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1 10.1.2.30 172.20.1.10 192.168.1.100 169.254.10.10 100.64.10.10",
        "192.0.2.17 198.51.100.17 203.0.113.17 224.0.0.251 255.255.255.0 0.0.0.0",
        "8.8.8.8 1.1.1.1 1.2.3.4",
        "version 52.94.233.129, pip install a==52.94.233.129, a-52.94.233.129.tar.gz",
        "1.3.6.1.4.1.311 and 52.94.233.129.1 and 352.94.233.129 and 052.94.233.129",
        "/usr/lib/52.94.233.129/a",
        "52.94.233.0/24 2600:1f13:cfe:3660::/64",
        "fe80::1 ::1 2001:db8::1 fc00::1:2:3 a[2000::3] std::vector 20:30:40 2024:01:02",
    ],
)
def test_addresses_of_no_single_public_machine_stay(text: str) -> None:
    assert mask(text) == (text, {})


@pytest.mark.parametrize(
    "text",
    ["http://{}/a", "http://{}:80/a", "host='{}'", "({})", "{}, and", "::ffff:{}", "connect to {}."],
)
def test_a_public_address_is_masked(text: str) -> None:
    assert mask(text.format(PUBLIC))[0] == text.format("<IP_ADDRESS>")


def test_public_addresses_of_ipv6_are_masked() -> None:
    assert mask("[2606:2800:220:1:248:1893:25c8:1946]:80")[0] == "[<IP_ADDRESS>]:80"
    assert mask("2a00:1450:4001:81b::200e")[0] == "<IP_ADDRESS>"
    assert mask("fd00:1:2001:a::b:c and a2001:1:2::3")[1] == {}
    assert mask("dns 2a00:1450:4001:81b::200e ")[0] == "dns <IP_ADDRESS> "


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
def test_of_addresses_of_ipv4_those_that_the_standard_library_calls_global_are_masked(
    address: ipaddress.IPv4Address,
) -> None:
    text = f"host {address} up"
    special = ("192.0.0.0/24", "192.88.99.0/24")  # parts of these are global for some releases of Python
    if len(str(address)) == 7 or any(address in ipaddress.IPv4Network(network) for network in special):
        return
    found = mask(text)[1] == {"ip address": 1}
    assert found is (address.is_global and not address.is_multicast)


GLUE = [
    "://",
    "a:b@",
    ":",
    "@",
    ".",
    "-",
    "_",
    " ",
    "\n",
    "\\n",
    "'",
    "x",
    "7",
    "é",
    "/",
    "=",
    "git@",
    "<SECRET>",
    "<EMAIL>",
]
_pieces = st.sampled_from(
    [*TOKENS.values(), PEM, PERSON, PUBLIC, JWT[:20], "2606:2800:220:1:248:1893:25c8:1946", *GLUE]
)


@given(st.lists(_pieces, max_size=8).map("".join))
@example("://a:<SECRET>@" + PERSON)
def test_masking_again_changes_nothing(text: str) -> None:
    once, kinds = mask(text)
    assert mask(once) == (once, {})
    assert (once is text) is (not kinds)


@given(st.text())
def test_a_text_without_a_hit_is_returned_itself(text: str) -> None:
    masked, kinds = mask(text)
    assert (masked is text) is (not kinds)


def test_python_still_parses_after_masking_and_the_rest_of_it_is_the_same() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    folders = [root, root / "email", root / "asyncio", root / "test"]
    names = "test_ipaddress test_urllib2 test_email smtplib imaplib ssl socket pydoc pickle json"
    paths = [
        path
        for folder in folders
        for path in sorted(folder.glob("*.py"))
        if path.stem in names or folder != root / "test"
    ]
    changed = 0
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (UnicodeDecodeError, SyntaxError):
            continue
        masked, kinds = mask(text)
        if not kinds:
            assert masked is text
            continue
        changed += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = ast.parse(masked)
        assert [type(node) for node in ast.walk(again)] == [type(node) for node in ast.walk(tree)]
        assert masked.count("\n") == text.count("\n")
    assert changed >= 20


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "@", "1.", "::", "2001:", "a@a.", "a@b.com ", "1.2.3.40 ", "://a:", "\ud800"),
        *("eyJ", "eyJaaaaaaaaa.", "aws", "xoxb-1-", "ghp_", "glagent-", ":AA", "sk-T3Blbk" + "FJ"),
        *("-----BEGIN " + "PRIVATE KEY-----", "Private-Lines: 1\n"),
    ],
)
def test_megabytes_of_hostile_text_take_seconds(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    before = time.process_time()
    masked, _ = mask(text)
    assert len(masked) <= len(text) * 2
    assert time.process_time() - before < 3


@pytest.mark.slow
def test_five_megabytes_of_hostile_text_take_seconds() -> None:
    for piece in ("a", "@", "1.", "a@b.com ", "://a:b@", "aws", "52.94.233.129 "):
        before = time.process_time()
        mask(piece * (5_000_000 // len(piece)))
        assert time.process_time() - before < 15

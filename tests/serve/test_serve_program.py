"""`assay serve` at the keyboard and on the wire: who is answered, what is refused, how it follows a run and ends."""

import itertools
import json
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from refusal import refused
from served_run import Server, served
from tiny_study import TinyStudy

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")


@pytest.fixture(scope="module")
def open_server(ran: TinyStudy) -> Iterator[Server]:
    with served(ran) as server:
        yield server


@pytest.fixture(scope="module")
def closed_server(ran: TinyStudy) -> Iterator[Server]:
    with served(ran, "out", "--host", "0.0.0.0") as server:
        address, token = server.address.split("?token=")
        server.address = re.sub(r"//[^:]+:", "//127.0.0.1:", address)
        server.get(f"/?token={token}")
        yield Server(server.process, f"{server.address}?token={token}")


def test_a_wrong_order_is_refused(ran: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is no run folder" in refused("serve", tmp_path)
    assert "is no run folder" in refused("serve", tmp_path / "nowhere")
    out = ran.folder / "out"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be listened at" in refused("serve", out, "--port", str(port))
    assert "cannot be listened at" in refused("serve", out, "--host", "no.such.host.invalid")
    monkeypatch.setenv("EMPTY", "")
    for name in ("EMPTY", "NOT_THERE"):
        assert f"--token-from {name}" in refused("serve", out, "--token-from", name)


def test_without_the_extra_it_says_which(ran: TinyStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("starlette", "assay.serve."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert "pip install 'assay[serve]'" in refused("serve", ran.folder / "out")


def test_a_finished_run_shows_its_report_as_it_stands_with_links(open_server: Server, ran: TinyStudy) -> None:
    page = open_server.get("/")
    report = (ran.folder / "out" / "report.html").read_text()
    before, after = report.split("<body>")
    assert page.text.startswith(f"{before}<body>")
    assert page.text.endswith(after)
    added = page.text[len(before) : -len(after)]
    assert [*re.findall(r'href="([^"]+)"', added)] == ["/items", "/batch", "/log"]


@pytest.mark.parametrize("path", ["/", "/items", "/batch", "/log", "/progress.json", "/nothing", "/items?arm=nobody"])
def test_every_answer_states_a_strict_policy(open_server: Server, path: str) -> None:
    headers = open_server.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy.get("script-src", "")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "[::1].evil.example", "", "10.0.0.1"],
)
def test_another_name_for_this_machine_is_refused(open_server: Server, host: str) -> None:
    found = open_server.get("/", host=host)
    assert found.status == 421
    assert "tiny" not in found.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:9000", "[::1]:80"])
def test_this_machines_own_names_are_answered_through_any_tunnel(open_server: Server, host: str) -> None:
    assert open_server.get("/log", host=host).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE"])
def test_only_get_is_answered(open_server: Server, method: str) -> None:
    assert open_server.get("/", method).status == 405


@pytest.mark.parametrize(
    "target",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/report/../plan.json",
        "/plan.json",
        "/items?arm=../../../../etc/passwd",
        "/items?task=../../../../etc/passwd",
        "/item?item=../../../../etc/passwd",
        "/item?arm=/etc/passwd%00",
        "/batch?arm=../../etc/passwd&step=1",
        "/judged?prompt=../../etc/passwd",
        "/log?event=../../etc/passwd",
        "/items?page=-99999999999999999999",
        "/batch?arm=half.decay&step=1e9",
    ],
)
def test_no_path_out_of_a_request_is_opened(open_server: Server, target: str) -> None:
    found = open_server.get(target)
    assert found.status in {400, 404}
    assert "root:" not in found.text
    assert '"identity"' not in found.text


def test_elsewhere_than_on_loopback_a_token_is_asked_for_and_kept_as_a_cookie(closed_server: Server) -> None:
    token = closed_server.address.split("?token=")[1]
    assert len(token) >= 32
    for path in ("/", "/items", "/progress.json", "/nothing", "/?token=", "/?token=wrong", f"/?token={token[:-1]}"):
        found = closed_server.get(path)
        assert found.status == 403
        assert "tiny" not in found.text
    first = closed_server.get(f"/items?task=colours&token={token}")
    assert (first.status, first.headers["location"]) == (303, "/items?task=colours")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert token not in cookie, "another server of this machine that is sent the cookie learns no token"
    kept = cookie.split(";")[0]
    assert closed_server.get("/items?task=colours", cookie=kept).status == 200
    assert closed_server.get("/items", cookie=f"{kept[:-1]}").status == 403
    assert closed_server.get("/", cookie=kept, host="evil.example").status == 421


def test_a_token_leads_to_no_other_site(closed_server: Server) -> None:
    token = closed_server.address.split("?token=")[1]
    for target in (f"//evil.example/?token={token}", f"/\\evil.example/?token={token}"):
        assert closed_server.get(target).headers["location"] == "/evil.example/"


def test_a_token_of_ones_own_is_asked_for_on_loopback_too(ran: TinyStudy) -> None:
    with served(ran, "out", "--token-from", "OUR_TOKEN", OUR_TOKEN="a b;ü") as server:
        given = server.address.partition("?")[2]
        assert server.get("/log").status == 403
        assert server.get(f"/log?{given}").status == 303
        assert server.get("/log?token=a%20b%3B%C3%BC").status == 303


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_with_exit_code_0(ran: TinyStudy, how: signal.Signals) -> None:
    with served(ran) as server:
        place = socket.create_connection(("127.0.0.1", int(server.address.rstrip("/").rpartition(":")[2])))
        place.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")  # a request that never ends
        assert server.get("/log").status == 200
        assert server.end(how) == 0
        place.close()


def test_a_running_study_is_followed_to_its_report(copied: TinyStudy) -> None:
    for kind in ("state", "scores"):
        shutil.rmtree(copied.store / "objects" / kind)
    process = copied.start("run", "study.yaml", "--out", "new", "--workers", "1")
    log = copied.folder / "new" / "log.jsonl"
    while not log.is_file():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.1)
    looks = []
    with served(copied, "new") as server:
        while True:
            looks.append(server.progress())
            if not looks[-1]["going"]:
                break
            if len(looks) == 1:
                assert 'aria-live="polite"' in server.get("/").text
                assert server.get("/report").status == 400
                assert server.get("/items").status == 400
            time.sleep(0.2)
        assert process.wait(60) == 0
        while not (last := server.progress(2))["finished"]:
            time.sleep(0.1)
        assert "The answer" in server.get("/").text
    assert process.stderr is not None
    process.stderr.close()
    assert looks[0]["told"].startswith("Runs as process")
    done = [{plane["name"]: plane["done"] for plane in look["planes"]} for look in looks]
    for before, after in itertools.pairwise(done):
        assert all(after[name] >= value for name, value in before.items())
    segments = json.loads((copied.folder / "new" / "curves.json").read_text())["segments"]
    made = copied.made(copied.folder / "new", "state")
    ends = {f"{one['loss'][-1]:.3f}" for one in segments}
    assert last["trained_in_all"] == len(made)
    assert [one["title"] for one in last["trained"]] == made[2:]
    assert ends <= {one["loss"] for one in looks[-1]["trained"]} | {one["loss"] for one in last["trained"]}

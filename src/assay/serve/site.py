"""The pages: the run's own page or the run under way, and behind it all items, a batch's documents, answers, the log.

Every text is escaped by the templates, and each page states the hash of the style and the scripts that it may use, so a
text that got through would still do nothing. A request chooses among what the run folder holds; no part of it ever
becomes a path. What the store lacks is told with the command that would bring it.
"""

import base64
import hashlib
import re
import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from assay.errors import AssayError, InputError, StepError
from assay.report.batch import CONTROL
from assay.report.frame import TEMPLATES, environment
from assay.report.numbers import NONE, plain
from assay.run.past_run import read_run
from assay.run.store import Store, present_store
from assay.run.trace import trace
from assay.serve.behind import answers_of, texts_of
from assay.serve.following import Following
from assay.serve.judged import folder_of, judged_prompt, judged_prompts
from assay.serve.log_page import log_page
from assay.serve.scores import Scores, Wanted

HERE = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; style-src {style}; script-src {scripts}; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
REPORTS_OWN = re.compile(r'<meta http-equiv="Content-Security-Policy" content="(default-src \'none\';[^"\r\n]*)">')
"""The report states its policy itself; it is repeated where nothing in a page can take it back."""
REPORTS_DEFAULT = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
HEAD = 4096
"""Characters of a report in which its policy stands."""
BODY = "<body>"
ORDERS = [f"{sign}{name}" for name in ("bits_per_byte", "margin", "probability", "generated") for sign in ("", "-")]
"""That the items' page offers; a minus before a name: descending."""
Page = Callable[[Request], Response]


class Site:
    """The pages of one run folder.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.following = Following(folder, self.store)
        self.scores = Scores(folder)
        self._store: Store | None = None
        self._turn = threading.Lock()
        self._templates = environment().overlay(loader=FileSystemLoader(HERE), finalize=_shown)
        self._templates.filters["cell"] = _cell
        style = (TEMPLATES / "report.css").read_text(encoding="utf-8") + (HERE / "serve.css").read_text(
            encoding="utf-8"
        )
        scripts = {
            "sort": (TEMPLATES / "sort.js").read_text(encoding="utf-8"),
            "live": (HERE / "live.js").read_text(encoding="utf-8"),
        }
        self._dress = {"style": Markup(style), "scripts": {name: Markup(text) for name, text in scripts.items()}}
        self.policy = POLICY.format(style=_hash(style), scripts=" ".join(map(_hash, scripts.values())))

    def store(self) -> Store:
        """The run's store, opened when it is first wanted; its hashes are checked once.

        Raises:
            InputError: There is none.
        """
        if self._store is None:
            self._store = present_store()
        return self._store

    def app(self) -> Starlette:
        """The application, unguarded."""
        pages = {
            "/": self.home,
            "/report": self.report,
            "/items": self.items,
            "/item": self.item,
            "/judged": self.judged,
            "/batch": self.batch,
            "/log": self.log,
        }
        routes = [Route(path, self._told(page)) for path, page in pages.items()]
        routes.append(Route("/progress.json", self.progress))
        return Starlette(routes=routes, exception_handlers={HTTPException: self._no_page, Exception: self._defect})

    def home(self, request: Request) -> Response:
        """The run under way, or the report of a finished one; records alone have neither."""
        if self._has_report() and self.following.is_finished():
            return self.report(request)
        if not self._has_report() and not (self.folder / "log.jsonl").is_file():
            return self._page("problem.html.j2", problem=self._no_report())
        return self._page("live.html.j2", picture=self.following.picture(), has_report=self._has_report())

    def report(self, request: Request) -> Response:
        """``report.html`` as it stands, with a line that leads on."""
        try:
            text = (self.folder / "report.html").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(self._no_report()) from None
        own = REPORTS_OWN.search(text[:HEAD])
        policy = f"{own[1] if own else REPORTS_DEFAULT}; frame-ancestors 'none'"
        links = self._templates.get_template("links.html.j2").render(links=self._links(), style=self._links_style())
        page = text.replace(BODY, f"{BODY}\n{links}", 1)
        return HTMLResponse(page, headers={"content-security-policy": policy})

    def progress(self, request: Request) -> Response:
        """Where the run stands, as JSON."""
        after = request.query_params.get("after", "")
        picture = self.following.picture(int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0)
        return JSONResponse({**picture, "report": self._has_report()})

    def items(self, request: Request) -> Response:
        """Item records, a page of them."""
        wanted = _wanted(request)
        found = self.scores.find(wanted)
        with_texts = request.query_params.get("texts") == "1"
        texts, missing = self._texts({row["item"] for row in found.rows}) if with_texts else ({}, "")
        return self._page(
            "items.html.j2", found=found, texts=texts, missing=missing, with_texts=with_texts, orders=ORDERS
        )

    def item(self, request: Request) -> Response:
        """One item: its text, what was answered, and the same item in the other arms."""
        name = request.query_params.get("item", "")
        wanted, record, everywhere = self.scores.one(_wanted(request), name)
        texts, missing = self._texts({name})
        records = self.scores.files()[wanted.arm, wanted.size, wanted.seed]
        logprob = record["logprob"]
        return self._page(
            "item.html.j2",
            wanted=wanted,
            record=record,
            everywhere=everywhere,
            text=texts.get(name),
            missing=missing,
            likeliest=logprob.index(max(logprob)) if logprob else None,
            answers=answers_of(records, wanted.task, name),
        )

    def judged(self, request: Request) -> Response:
        """Answers that were judged: all prompts, or one."""
        folder = folder_of(self.folder)
        if folder is None:
            raise InputError("no answers of this run were judged: the study asks for it with 'judge:'")
        if prompt := request.query_params.get("prompt"):
            return self._page("judged_prompt.html.j2", one=judged_prompt(folder, prompt))
        return self._page("judged.html.j2", found=judged_prompts(folder, _number(request, "page", 1)))

    def batch(self, request: Request) -> Response:
        """The documents of one training step."""
        run = read_run(self.folder)
        arms = [arm for arm in run.arms if arm.stages]
        asked = request.query_params
        arm = next((one for one in arms if one.name == asked.get("arm")), arms[0] if arms else None)
        traced, problem = None, ""
        if asked.get("arm") and asked.get("step"):
            seed = _number(request, "seed", run.seeds[0])
            try:
                with self._turn:
                    step = _number(request, "step", 1)
                    traced = trace(self.folder, self.store(), asked["arm"], step, asked.get("size") or None, seed)
            except StepError as told:
                problem = str(told)
        return self._page(
            "batch.html.j2",
            run=run,
            arms=arms,
            arm=arm,
            sizes=list(dict.fromkeys(size for one in arms for size in one.sizes)),
            asked=asked,
            traced=traced,
            problem=problem,
        )

    def log(self, request: Request) -> Response:
        """What happened when, the latest first."""
        event, page = request.query_params.get("event", ""), _number(request, "page", 1)
        return self._page("log.html.j2", found=log_page(self.folder, event, page))

    def _texts(self, names: set[str]) -> tuple[dict[str, Any], str]:
        with self._turn:
            return texts_of(self.store, names)

    def _page(self, name: str, status: int = 200, **context: Any) -> Response:
        given = {**self._dress, "links": self._links(), "folder": self.folder, "command": self._command(), **context}
        page = self._templates.get_template(name).render(given)
        return HTMLResponse(page, status, {"content-security-policy": self.policy})

    def _links(self) -> dict[str, str]:
        """Where else to look: address and title."""
        found = {"/": "This run"}
        if any((self.folder / "items").glob("*.parquet")):
            found["/items"] = "All items"
        if folder_of(self.folder):
            found["/judged"] = "Judged answers"
        if (self.folder / "plan.json").is_file():
            found["/batch"] = "Documents of a batch"
        if (self.folder / "log.jsonl").is_file():
            found["/log"] = "Log"
        return found

    def _links_style(self) -> Markup:
        return Markup((HERE / "links.css").read_text(encoding="utf-8"))

    def _has_report(self) -> bool:
        return (self.folder / "report.html").is_file()

    def _no_report(self) -> str:
        return (
            "there is no report yet: it is written when the run is finished, and "
            f"'assay report {shlex.quote(str(self.folder))}' makes it from the item records"
        )

    def _command(self) -> str:
        """What makes again whatever the store lacks."""
        try:
            study = shlex.quote(read_run(self.folder).study)
        except InputError:
            return ""
        return f"assay run {study} --out {shlex.quote(f'{self.folder}-again')}"

    def _told(self, page: Page) -> Page:
        """A page, or in words why it cannot be shown."""

        def shown(request: Request) -> Response:
            try:
                return page(request)
            except InputError as problem:
                return self._page("problem.html.j2", 400, problem=str(problem))
            except AssayError as problem:
                return self._page("problem.html.j2", 404, problem=str(problem))

        return shown

    def _no_page(self, request: Request, problem: Exception) -> Response:
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        return self._page("problem.html.j2", status, problem="there is no such page here")

    def _defect(self, request: Request, problem: Exception) -> Response:
        return self._page("problem.html.j2", 500, problem="this page failed; the terminal says why")


def _wanted(request: Request) -> Wanted:
    asked = request.query_params
    fields = ("arm", "size", "seed", "task", "at", "where", "sort")
    return Wanted(**{name: asked.get(name, "") for name in fields}, page=_number(request, "page", 1))


def _number(request: Request, name: str, default: int) -> int:
    written = request.query_params.get(name, "")
    if not written:
        return default
    if not (written.isascii() and written.lstrip("-").isdigit() and len(written) < 10):
        raise InputError(f"{name} is a whole number, and '{written}' is none")
    return int(written)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _shown(value: object) -> object:
    """Text without the characters that HTML cannot hold."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else CONTROL.sub("\ufffd", value)


def _cell(value: object) -> str:
    """A measure as the tables print it."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) if isinstance(value, float) else str(value)

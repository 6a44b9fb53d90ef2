"""A game as a small web page on 127.0.0.1: one file, and JSON by which it shows the game and makes moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from experiments.playing.game import Game, Refused
from experiments.playing.told import plain, told

HOST = "127.0.0.1"
LONGEST = 100_000  # bytes of a request
MOST = 10_000  # steps at once
PATIENCE = 20.0  # seconds that a request may take to arrive
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"
PAGE = Path(__file__).with_name("page.html")


class Bad(ValueError):
    """A request that cannot be answered, and the status that says so."""

    def __init__(self, status: HTTPStatus, said: str) -> None:
        super().__init__(said)
        self.status = status


class GameServer(ThreadingHTTPServer):
    """Serves a game until it is `closed`. After each episode that ended `on_episode` is called.

    GET / is the page and GET /game what it shows. POST /start, /step, /quoted and /close take JSON: a move says in which
    `episode` and after which `step` it is made, and is refused (409) where the game stands elsewhere, as when two windows play.
    """

    daemon_threads = True

    def __init__(
        self, game: Game, title: str, notes: list[str], port: int = 0, on_episode: Callable[[], Any] = lambda: None
    ):
        self.game, self.title, self.notes, self.on_episode = game, title, notes, on_episode
        self.lock, self.closed = threading.Lock(), threading.Event()
        super().__init__((HOST, port), Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_address[1]}/"

    @cached_property
    def page(self) -> bytes:
        """The page itself."""
        return PAGE.read_bytes()

    def serve(self) -> None:
        """Answer requests until it is closed."""
        answering = threading.Thread(target=self.serve_forever, args=(0.05,), name="play", daemon=True)
        answering.start()
        try:
            while not self.closed.wait(0.1):
                pass
        finally:
            self.shutdown()
            answering.join()
            self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is nobody's business."""

    def answer(self, path: str, asked: dict[str, Any]) -> Any:
        """What a move comes to: the game as it stands then.

        Raises: Bad, Refused, ValueError or TypeError for one that is none.
        """
        moves = {"/start": self._start, "/step": self._step, "/quoted": self._quoted, "/close": self._close}
        if path not in moves:
            raise Bad(HTTPStatus.NOT_FOUND, f"there is no {path}")
        with self.lock:
            return moves[path](asked)

    def shown(self) -> dict[str, Any]:
        """All that the page shows."""
        with self.lock:
            return self._told()

    def _told(self) -> dict[str, Any]:
        return told(self.game, self.title, self.notes)

    def _start(self, asked: dict[str, Any]) -> Any:
        if _whole(asked, "episode") != self.game.number:
            raise Refused(f"the game stands in episode {self.game.number + 1}")
        self.game.start()
        return self._told()

    def _step(self, asked: dict[str, Any]) -> Any:
        self._check_place(asked)
        count = _whole(asked, "count") if "count" in asked else 1
        if not 1 <= count <= MOST:
            raise ValueError(f"count must be in [1, {MOST}], got {count}")
        for _ in range(count):
            self.game.step(_values(asked))
            if self.game.over:
                self.on_episode()
                break
        return self._told()

    def _quoted(self, asked: dict[str, Any]) -> Any:
        """What would stand where the game stands now, and at which step that is; nothing where no episode is under way."""
        bid, ask = (None, None) if self.game.over else self.game.quoted(_values(asked))
        return plain({"bid": bid, "ask": ask, "episode": self.game.number, "step": self.game.steps})

    def _close(self, asked: dict[str, Any]) -> Any:
        self.closed.set()
        return {"closed": True}

    def _check_place(self, asked: dict[str, Any]) -> None:
        place, stands = (_whole(asked, "episode"), _whole(asked, "step")), (self.game.number, self.game.steps)
        if place != stands:
            raise Refused(f"the game stands at episode {stands[0] + 1}, step {stands[1]}")


class Handler(BaseHTTPRequestHandler):
    """A request to a GameServer. Whatever is wrong with it, it gets an answer, and the server goes on."""

    server: GameServer
    timeout = PATIENCE

    def do_GET(self) -> None:
        self._answered(self._got)

    def do_POST(self) -> None:
        self._answered(self._posted)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not told of."""

    def _answered(self, what: Callable[[], tuple[bytes, str]]) -> None:
        try:
            self._check_host()
            body, kind = what()
            self._send(HTTPStatus.OK, body, kind)
        except Bad as error:
            self._send_error(error.status, error)
        except Refused as error:
            self._send_error(HTTPStatus.CONFLICT, error)
        except (ValueError, TypeError, RecursionError) as error:
            self._send_error(HTTPStatus.BAD_REQUEST, error)
        except OSError:  # the other side is gone
            self.close_connection = True
        except Exception as error:
            self._send_error(HTTPStatus.INTERNAL_SERVER_ERROR, error)

    def _got(self) -> tuple[bytes, str]:
        if self.path == "/":
            return self.server.page, "text/html; charset=utf-8"
        if self.path == "/game":
            return _json(self.server.shown()), "application/json"
        raise Bad(HTTPStatus.NOT_FOUND, f"there is no {self.path}")

    def _posted(self) -> tuple[bytes, str]:
        if self.headers.get_content_type() != "application/json":
            raise Bad(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a move must be application/json")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise Bad(HTTPStatus.LENGTH_REQUIRED, "a move must have a Content-Length")
        if int(length) > LONGEST:
            raise Bad(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a move must be at most {LONGEST} bytes, got {length}")
        asked = json.loads(self.rfile.read(int(length)))
        if not isinstance(asked, dict):
            raise ValueError("a move must be a JSON object")
        return _json(self.server.answer(self.path, asked)), "application/json"

    def _check_host(self) -> None:
        """Refuse what another site's page sends by a name that leads here, or as another origin."""
        port = self.server.server_address[1]
        known = {f"{name}:{port}" for name in (HOST, "localhost")}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in known or (
            origin is not None and origin.removeprefix("http://") not in known
        ):
            raise Bad(HTTPStatus.FORBIDDEN, f"the page is at {self.server.url}")

    def _send_error(self, status: HTTPStatus, error: Exception) -> None:
        self.close_connection = True  # what else was sent is not read
        with suppress(OSError):
            self._send(status, _json({"error": str(error) or type(error).__name__}), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store",
            "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        }.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _json(given: Any) -> bytes:
    return json.dumps(given, allow_nan=False).encode()


def _whole(asked: dict[str, Any], name: str) -> int:
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return value


def _values(asked: dict[str, Any]) -> list[float]:
    values = asked.get("values")
    if not isinstance(values, list) or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in values):
        raise ValueError(f"values must be a list of numbers, got {str(values)[:80]}")
    return values

"""Games of ten steps on a market of seven inventories, and their servers."""

import json
import threading
import urllib.error
import urllib.request

import pytest

from experiments.playing.seats import game_of
from experiments.playing.web import GameServer
from tests.experiments.conftest import SMALL

MARKET = SMALL[:-1]  # without a number of episodes


@pytest.fixture
def game(composed):
    """A game by overrides of conf/play.yaml."""

    def game_(*overrides, market=MARKET):
        return game_of(composed("play", *market, "title=small", "episodes=2", *overrides))[0]

    return game_


class Client:
    """Asks a server: (status, what it answered)."""

    def __init__(self, server):
        self.server = server

    def ask(self, path, move=None, *, body=None, method=None, **headers):
        if move is not None:
            body = json.dumps(move).encode()
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        asked = urllib.request.Request(self.server.url.rstrip("/") + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30) as told:
                return told.status, json.loads(told.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")


@pytest.fixture
def served(game):
    """A served game, and who asks it."""
    servers = []

    def served_(*overrides, **options):
        server = GameServer(game(*overrides), "small", ["a note"], **options)
        thread = threading.Thread(target=server.serve)
        thread.start()
        servers.append((server, thread))
        return server, Client(server)

    yield served_
    for server, thread in servers:
        server.closed.set()
        thread.join(20)
        assert not thread.is_alive()

"""A served game: moves come to what the game says; whatever is asked, the server answers and the game stands as it stood."""

import http.client
import socket

import pytest

from tests.experiments.playing.test_game import played_through

VALUES = [0.8, 0.1]


def start(client):
    status, told = client.ask("/start", {"episode": -1})
    assert status == 200
    return told


def test_a_game_by_its_moves_is_the_game_itself(served, game):
    ended = []
    _, client = served(on_episode=lambda: ended.append(1))
    told = client.ask("/game")[1]
    assert (told["episode"], told["notes"], told["over"]) == (-1, ["a note"], True)
    told = start(client)
    quote = client.ask("/quoted", {"values": VALUES})[1]
    assert (quote["episode"], quote["step"]) == (0, 0)
    told = client.ask("/step", {"episode": 0, "step": 0, "values": VALUES})[1]
    assert [quote["bid"], quote["ask"]] == [told["path"]["bid"][1], told["path"]["ask"][1]]
    told = client.ask("/step", {"episode": 0, "step": 1, "values": VALUES, "count": 1000})[1]
    assert (told["step"], told["over"], told["finished"]) == (10, True, False)
    assert client.ask("/quoted", {"values": VALUES})[1]["bid"] is None
    told = client.ask("/start", {"episode": 0})[1]
    told = client.ask("/step", {"episode": 1, "step": 0, "values": VALUES, "count": 10})[1]
    by_hand = played_through(game(), VALUES)
    assert told["finished"]
    assert told["score"]["skill"]["value"] == by_hand.skill().value
    assert told["result"]["you"]["objective"] == by_hand.result["you"].objective
    assert len(ended) == 2


HERE = {"episode": 0, "step": 0}
BAD = [
    ("/nowhere", {}, 404), ("/game", {}, 404), ("/quoted", [], 400), ("/step", {}, 400), ("/step", HERE, 400),
    ("/step", {**HERE, "values": "1"}, 400), ("/step", {**HERE, "values": [1]}, 400),
    ("/step", {**HERE, "values": [True, 0]}, 400),
    ("/step", {**HERE, "values": [[1], 0]}, 400), ("/step", {**HERE, "values": [9e9, 0]}, 400),
    ("/step", {**HERE, "values": [10**400, 0]}, 400), ("/step", {**HERE, "values": VALUES, "count": 0}, 400),
    ("/step", {**HERE, "values": VALUES, "count": 1e3}, 400), ("/step", {"episode": 0, "step": 3, "values": VALUES}, 409),
    ("/step", {"episode": 5, "step": 0, "values": VALUES}, 409), ("/start", {"episode": 0}, 409),
    ("/start", {"episode": 3}, 409), ("/quoted", {"values": [None, 1]}, 400),
]  # fmt: skip


def test_a_bad_move_is_answered_and_changes_nothing(served):
    _, client = served()
    before = start(client)
    for path, move, wanted in BAD:
        status, told = client.ask(path, move)
        assert (status, bool(told["error"]), "Traceback" in told["error"]) == (wanted, True, False), (path, move, told)
    for body in (b"", b"{", b"[" * 50_000, b"\xff\xfe", b"null", b'{"values": [NaN, Infinity]}'):
        assert client.ask("/step", body=body)[0] == 400
    assert client.ask("/step", body=b" " * 200_000)[0] == 413
    assert client.ask("/step", body=b"{}", Content_Type="text/plain")[0] == 415
    assert client.ask("/../../etc/passwd")[0] == 404
    assert client.ask("/game")[1] == before


def test_another_sites_page_may_not_play(served):
    server, client = served()
    start(client)
    move = {"episode": 0, "step": 0, "values": VALUES}
    assert client.ask("/step", move, Origin="http://evil.example")[0] == 403
    assert client.ask("/game", Host="evil.example")[0] == 403
    assert client.ask("/step", move, Origin=server.url.rstrip("/"))[0] == 200
    assert server.server_address[0] == "127.0.0.1"


def test_what_is_no_http_does_not_end_it(served):
    server, client = served()
    for said in (b"\0\1\2\r\n\r\n", b"GET\r\n\r\n", b"POST /step HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b""):
        with socket.create_connection(server.server_address, timeout=10) as other:
            other.sendall(said)
    connection = http.client.HTTPConnection(*server.server_address, timeout=10)
    connection.request("DELETE", "/game")
    assert connection.getresponse().status == 501
    assert client.ask("/game")[0] == 200


def test_an_error_of_ours_is_told_and_the_server_goes_on(served, monkeypatch):
    server, client = served()
    start(client)
    monkeypatch.setattr(server.game, "step", lambda values: 1 / 0)
    assert client.ask("/step", {"episode": 0, "step": 0, "values": VALUES}) == (500, {"error": "division by zero"})
    monkeypatch.undo()
    assert client.ask("/step", {"episode": 0, "step": 0, "values": VALUES})[0] == 200


def test_closing_ends_it(served):
    server, client = served()
    assert client.ask("/close", {}) == (200, {"closed": True})
    assert server.closed.is_set()


def test_two_servers_take_ports_of_their_own_and_one_that_is_taken_is_an_error(served):
    (first, _), (second, _) = served(), served()
    assert first.url != second.url
    with pytest.raises(OSError, match="in use"):
        served(port=first.server_address[1])

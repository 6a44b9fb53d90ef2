"""Networks of claims: as given, read from files, and generated: who owes whom, how much, and the same whatever the batch."""

import json

import numpy as np
import pytest

from mm_env import CorePeripheryNetwork, MatrixNetwork, RandomNetwork, RingNetwork
from mm_env.systemic.drawn_networks import drawn

GENERATED = [
    RingNetwork(6, [10.0], 0.2, 2),
    RandomNetwork(6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.2, 0.5),
    CorePeripheryNetwork(6, [5.0, 5.0, 1.0, 1.0, 1.0, 1.0], 0.3, 2),
]


@pytest.mark.parametrize("network", GENERATED, ids=lambda network: type(network).__name__)
def test_each_owes_its_share_to_others_in_proportion_to_their_size(network):
    owed, size = network.liabilities(40, 3), np.broadcast_to(network.sizes, (6,))
    assert owed.shape == (40, 6, 6)
    assert not np.diagonal(owed, axis1=1, axis2=2).any()
    total, linked = owed.sum(axis=2), (owed > 0.0).any(axis=2)
    assert total == pytest.approx(np.where(linked, network.share * size, 0.0))
    for scenario in owed[:5]:
        for row in scenario:
            paid = row[row > 0.0] / size[row > 0.0]
            assert paid == pytest.approx(np.full(len(paid), paid[0] if len(paid) else 0.0))


@pytest.mark.parametrize("network", GENERATED, ids=lambda network: type(network).__name__)
def test_a_scenario_is_the_same_however_many_there_are(network):
    assert (network.liabilities(3, 8) == network.liabilities(50, 8)[:3]).all()


def test_links_come_as_often_as_they_are_likely():
    owed = RandomNetwork(8, [1.0], 1.0, 0.3).liabilities(4000, 1) > 0.0
    pairs = owed[:, ~np.eye(8, dtype=bool)]
    assert abs(pairs.mean() - 0.3) < 4.0 * np.sqrt(0.3 * 0.7 / pairs.size)
    core = CorePeripheryNetwork(8, [1.0], 1.0, 3, within=0.9, between=0.4, outside=0.1).liabilities(4000, 1) > 0.0
    for rows, columns, chance in (
        (slice(3), slice(3), 0.9),
        (slice(3), slice(3, 8), 0.4),
        (slice(3, 8), slice(3, 8), 0.1),
    ):
        part = core[:, rows, columns]
        n = part[0].size - (part.shape[1] if part.shape[1] == part.shape[2] else 0)
        assert abs(part.sum() / (4000 * n) - chance) < 4.0 * np.sqrt(chance * (1.0 - chance) / (4000 * n))


def test_links_of_a_lower_probability_are_among_those_of_a_higher():
    few, many = (RandomNetwork(6, [1.0], 1.0, p).liabilities(100, 2) > 0.0 for p in (0.2, 0.6))
    assert (few <= many).all()
    assert not (RandomNetwork(6, [1.0], 1.0, 0.2).liabilities(100, 3) > 0.0)[few].all()
    assert (drawn(4, 2, 5) != drawn(4, 2, 6)).all()


def test_a_ring_and_the_complete_network():
    assert (RingNetwork(4, [8.0], 0.5).liabilities()[0] == 4.0 * np.roll(np.eye(4), 1, axis=1)).all()
    assert RingNetwork(4, [9.0], 0.5, 3).liabilities()[0] == pytest.approx(1.5 * (1.0 - np.eye(4)))


@pytest.fixture
def written(tmp_path):
    def written_(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return written_


def test_the_same_claims_from_a_matrix_and_from_files(written):
    rows = [[0.0, 20.0, 10.0], [15.0, 0.0, 0.0], [0.0, 2.5, 0.0]]
    edges = "debtor,creditor,amount\nX,Y,20\nX,Z,4\nY,X,15\nX,Z,6\nZ,Y,2.5\n"
    files = {
        "a.json": json.dumps({"liabilities": rows, "names": ["X", "Y", "Z"]}),
        "b.json": json.dumps({"liabilities": rows}),
        "c.csv": "\n".join(",".join(map(str, row)) for row in rows),
        "d.csv": edges,
    }
    for name, text in files.items():
        network = MatrixNetwork(written(name, text))
        assert network.liabilities(2)[1].tolist() == rows
        assert network.size == 3
        assert network.names == (("X", "Y", "Z") if name[0] in "ad" else ("0", "1", "2"))
    assert MatrixNetwork(rows).liabilities(2)[1].tolist() == rows
    assert MatrixNetwork(rows) == MatrixNetwork(np.array(rows))


@pytest.mark.parametrize(("name", "text", "said"), [
    ("a.json", "[]", 'it has no "liabilities"'),
    ("a.json", '{"liabilities": [[0, 1], [1, 0]], "names": ["X"]}', "a name of its own for each of 2 dealers, got .'X'."),
    ("a.csv", "0,1\n1", "inhomogeneous|square"),
    ("a.csv", "0,x\n1,0", "could not convert string to float: 'x'"),
    ("a.csv", "", "it is empty"),
    ("a.csv", "debtor,creditor,amount\nX,Y", "each line must have debtor, creditor, amount, got X,Y"),
    ("a.csv", "debtor,creditor,amount\nX,X,1", "nobody owes itself"),
    ("a.csv", "debtor,creditor,amount\nX,Y,-1", "finite and >= 0, got -1"),
])  # fmt: skip
def test_a_file_that_holds_no_claims_is_refused(written, name, text, said):
    with pytest.raises(ValueError, match=said):
        MatrixNetwork(written(name, text))


@pytest.mark.parametrize(("make", "said"), [
    (lambda: MatrixNetwork("nowhere.csv"), "MatrixNetwork.owed must name a file of claims that is there"),
    (lambda: MatrixNetwork([[0.0, 1.0]]), "MatrixNetwork.owed must be square"),
    (lambda: RingNetwork(4, [1.0], 0.1, 4), "RingNetwork.neighbours must be < dealers, 4, got 4"),
    (lambda: RingNetwork(4, [1.0, 2.0], 0.1), "sizes must have one number, or one for each of 4 dealers, got 2"),
    (lambda: RandomNetwork(1, [1.0], 0.1, 0.5), "RandomNetwork.dealers must be"),
    (lambda: RandomNetwork(4, [1.0], 1.1, 0.5), "RandomNetwork.share must be"),
    (lambda: CorePeripheryNetwork(4, [1.0], 0.1, 5), "core must be at most 4, all dealers, got 5"),
])  # fmt: skip
def test_a_network_that_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()

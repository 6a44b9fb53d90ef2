"""Each example runs by itself, is short, and prints what it promises. Those that begin with `# long` are run elsewhere."""

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    path.stem: path
    for path in sorted((ROOT / "examples").glob("*.py"))
    if not path.read_text(encoding="utf-8").startswith("# long")
}


@pytest.fixture
def said(capsys, monkeypatch):
    """What an example prints, run as from the command line: the rows of numbers at the end of its lines, by name."""

    def run(stem):
        monkeypatch.setattr(sys, "argv", [str(EXAMPLES[stem])])
        runpy.run_path(str(EXAMPLES[stem]), run_name="__main__")
        return capsys.readouterr().out

    return run


def numbers(text, name):
    """The numbers of the lines that begin with `name`."""
    lines = [line.removeprefix(name) for line in text.splitlines() if line.startswith(name)]
    assert lines, (name, text)
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", lines[0].replace(",", ""))]


@pytest.mark.parametrize("path", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_is_short_and_says_how_to_run_it(path):
    text = path.read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) < 40
    assert f"\n\npython -m examples.{path.stem}\n" in text.split('"""')[1]


def test_every_example_is_held_here():
    held = re.findall(r'said\("(\w+)"\)', Path(__file__).read_text(encoding="utf-8"))
    assert set(held) == set(EXAMPLES)


def test_a_first_agent_that_leans_is_better_than_one_that_does_not(said):
    text = said("first_agent")
    skills = [float(line.split("skill")[1]) for line in text.splitlines() if "skill" in line]
    assert skills[0] < 0.0 < 0.8 < skills[1] < skills[2] < 1.0
    assert skills[3] < skills[2]  # too much of it is too much


def test_wider_ranges_earn_and_lose_less_and_who_stays_out_neither(said):
    text = said("pool_position")
    assert numbers(text, "out of the pool") == [0.0] * 6
    wide, narrow = numbers(text, "16 % either way")[1:], numbers(text, "2 % either way")[1:]
    assert 0.0 < wide[1] < narrow[1]
    assert 0.0 < wide[2] < narrow[2]


def test_the_tail_of_who_leans_is_thinner_and_a_crisis_makes_both_worse(said):
    lines = [line for line in said("stress_and_tail").splitlines() if "GLFT" in line or "constant" in line]
    (calm, calm_glft, crisis, crisis_glft) = ([float(n) for n in line.split()[-4:]] for line in lines)
    assert all(row[2] < row[1] < row[0] for row in (calm, calm_glft, crisis, crisis_glft))  # CVaR < VaR < mean
    assert calm[2] < calm_glft[2]
    assert crisis[2] < calm[2]
    assert crisis_glft[2] < calm_glft[2]


def test_who_quotes_as_if_alone_is_undercut(said):
    text = said("two_makers")
    alone, knowing = numbers(text, "as if alone"), numbers(text, "knows of the other")
    assert knowing[0] > alone[0] > knowing[1] > alone[1]


def test_who_joins_in_a_book_earns_more_than_who_waits_behind(said):
    text = said("order_book")
    joins, behind = numbers(text, "join,")[1:], numbers(text, "a tick behind")
    inside = numbers(text, "inside the spread")
    assert behind[-1] < numbers(text, "join  ")[-1] < inside[-1]  # of the share of orders that is filled
    assert len(joins) >= 4


def test_a_desk_that_knows_how_bonds_move_together_is_ahead(said):
    text = said("bond_desk")
    ahead, error = numbers(text, "the quadratic quotes are ahead by")
    assert ahead > error > 0.0
    neutral, long_first, both = re.findall(r"bond_1 ([\d.-]+) ([\d.-]+), bond_2 ([\d.-]+) ([\d.-]+)", text)
    assert float(long_first[0]) > float(neutral[0])  # the bid of what is held goes out, and its ask comes in
    assert float(long_first[1]) < float(neutral[1])
    assert float(long_first[2]) > float(neutral[2])  # and so does the bid of what moves with it
    assert float(both[0]) < float(long_first[0])  # but for a position that offsets it


def test_no_hedge_is_better_than_the_optimum_of_quotes_and_hedge_together(said):
    text = said("hedged_market")
    rows = {name: numbers(text, name) for name in ("optimum", "no hedge", "full hedge", "band of a unit")}
    assert all(row[0] <= rows["optimum"][0] for name, row in rows.items() if name != "optimum")
    assert rows["no hedge"][2] == 0.0 < rows["band of a unit"][2] < rows["full hedge"][2]
    assert rows["band of a unit"][0] > rows["no hedge"][0]


@pytest.mark.slow
def test_a_price_of_ones_own_has_its_skill(said):
    learnt, closed_form = numbers(said("own_price"), "skill of PPO")
    assert 0.8 < learnt < closed_form < 1.0

"""compare experiment=robust_market_making on a market of six steps and nine inventories: what its table must say."""

import csv

import matplotlib.pyplot as plt
import pytest

from experiments import compare
from experiments.studies.robust import ADVERSARIAL, NOMINAL, RANDOMISED, flattened
from experiments.studies.robust_report import columns
from tests.experiments.conftest import launched

TINY = (
    "experiment=robust_market_making", "market.clock.horizon=0.03", "market.clock.steps=6", "market.max_inventory=4",
    "episodes=4000", "robust.seeds=2",
    *(f"robust.{player}.{setting}" for player in ("maker", "adversary") for setting in (
        "total_steps=512", "num_envs=4", "settings.n_steps=32", "settings.batch_size=64",
    )),
)  # fmt: skip


def table_of(folder):
    with (folder / "robust.csv").open(newline="", encoding="utf-8") as file:
        return {row.pop("agent"): {name: float(x) for name, x in row.items()} for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robust")
    return folder, launched(compare.main, folder, *TINY)


def test_it_leaves_a_table_in_two_forms_a_picture_and_every_model(compared):
    folder, _ = compared
    table = table_of(folder)
    learners = [f"{scheme} ({which})" for scheme in (NOMINAL, RANDOMISED, ADVERSARIAL) for which in ("median", "worst")]
    strategies = ["best_fixed", "avellaneda_stoikov, gamma=0.1", "cartea_jaimungal, phi=0.2"]
    assert list(table) == [*strategies, "optimum, nominal", "optimum, robust", *learners]
    text = (folder / "robust.md").read_text(encoding="utf-8").splitlines()
    assert text[2] == f"| {' | '.join(column.title for column in columns())} |"
    assert [line.split(" | ")[0] for line in text[4:-2]] == [f"| {name}" for name in table]
    pixels = plt.imread(folder / "quotes.png")
    assert min(pixels.shape[:2]) > 300
    assert pixels.std() > 0.05
    models = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.zip"))
    kinds = ("nominal", "model"), ("randomised", "model"), ("adversarial", "model"), ("adversarial", "adversary")
    assert models == sorted(f"{scheme}_seed{seed}/{model}.zip" for seed in (0, 1) for scheme, model in kinds)


def test_no_maker_is_worth_more_than_the_optimum_of_what_it_is_measured_by(compared):
    table = table_of(compared[0])
    assert max(row["nominal"] for row in table.values()) == pytest.approx(
        table["optimum, nominal"]["nominal"], rel=1e-12
    )
    assert max(row["adversary"] for row in table.values()) == pytest.approx(
        table["optimum, robust"]["adversary"], rel=1e-7
    )


def test_the_more_an_adversary_may_do_the_less_a_maker_is_worth(compared):
    for name, row in table_of(compared[0]).items():
        assert row["adversary"] <= row["constant"] + 1e-12, name
        assert row["constant"] <= row["nominal"] + 1e-12, name
        assert row["adversary"] <= row["learned"] + 1e-12, name


def test_the_simulated_profits_are_the_exact_objectives_of_a_risk_neutral_maker(compared):
    for name, row in table_of(compared[0]).items():
        for side in ("nominal", "adversary"):
            error = row[f"profit_{side}_half_width"] / 1.96
            assert abs(row[f"profit_{side}"] - row[side]) < 4.0 * error, (name, side)


def test_the_worst_seed_is_worse_than_the_median(compared):
    table = table_of(compared[0])
    for scheme in (NOMINAL, RANDOMISED, ADVERSARIAL):
        assert table[f"{scheme} (worst)"]["adversary"] <= table[f"{scheme} (median)"]["adversary"]


def test_its_number_is_what_the_adversarially_trained_maker_can_be_sure_of(compared):
    folder, numbers = compared
    assert numbers == [table_of(folder)[f"{ADVERSARIAL} (median)"]["adversary"]]


@pytest.mark.slow
def test_it_is_the_same_to_the_last_digit_when_run_again(launch, compared):
    folder, _ = launch(compare.main, *TINY)
    assert (folder / "robust.csv").read_bytes() == (compared[0] / "robust.csv").read_bytes()


@pytest.mark.slow
def test_one_seed_is_one_row_a_scheme(launch):
    folder, _ = launch(compare.main, *TINY, "robust.seeds=1", "episodes=100", "agents=[best_fixed]")
    assert list(table_of(folder)) == [
        "best_fixed",
        "optimum, nominal",
        "optimum, robust",
        NOMINAL,
        RANDOMISED,
        ADVERSARIAL,
    ]


@pytest.mark.parametrize(("override", "message"), [
    ("robust.powers.venue.flow.rate=[-1,5]", "error: Bernoulli.rate must be >= 0, got -1.0"),
    ("robust.powers.price.drift=[5,-5]", "error: Uniform.low must be <= high, got 5 > -5"),
    ("+robust.powers.price.speed=[0,1]", "error: a path must name a parameter of the market, got 'price.speed'."),
    ("robust.seeds=0", "error: robust.seeds must be a whole number"),
    ("robust.adversary.algorithm=SAC", "error: self-play is between on-policy learners (PPO, A2C), got SAC"),
    ("market.clock._target_=mm_env.Ergodic", "error: clock: the game is solved over a finite horizon"),
])  # fmt: skip
def test_a_mistake_is_told_before_any_work(launch, monkeypatch, override, message):
    def work(*_, **__):
        raise AssertionError("the mistake was found too late")

    monkeypatch.setattr("experiments.studies.robust.optimum", work)
    with pytest.raises(SystemExit) as ended:
        launch(compare.main, *TINY, override)
    assert str(ended.value.code).startswith(message)


def test_powers_are_nested_as_the_market_is():
    nested = {"price": {"drift": [-5, 5]}, "venue": {"flow": {"bid": {"rate": [1, 2]}}}}
    assert flattened(nested) == {"price.drift": (-5, 5), "venue.flow.bid.rate": (1, 2)}

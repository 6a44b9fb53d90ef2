"""The page in a browser, played by mouse and keys as a person would: it shows what the Env says, in every size and light."""

import time

import pytest

from tests.experiments.playing.driven import Browser
from tests.experiments.playing.test_game import played_through
from tests.experiments.reporting.browser import CHROMIUM

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]
FITS = """[document.documentElement.scrollWidth,
  [...document.querySelectorAll('section, svg, button, input, select, p, dd, h1, h2')]
  .filter(e => e.offsetParent !== null && !e.closest('.scroll'))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML)]"""
UNNAMED = """[...document.querySelectorAll('input, select, button')].filter(e => e.offsetParent !== null)
  .filter(e => !e.getAttribute('aria-label') && !e.textContent.trim())
  .filter(e => !(e.labels && e.labels.length && e.labels[0].textContent.trim())).map(e => e.outerHTML)"""
CONTRAST = """(() => {
  const linear = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = text => {
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(linear);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return 'rgb(255,255,255)';
  };
  const texts = 'p, td, th, dt, dd, h1, h2, label, small, span, button:not(:disabled), input[type=number], select';
  return Math.min(...[...document.querySelectorAll(texts)]
    .filter(e => e.offsetParent !== null && e.textContent.trim() + (e.value || '')).map(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    }));
})()"""


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path / "profile") as browser:
        yield browser
        assert browser.console == []


def facts(browser):
    return browser.ask(
        "Object.fromEntries([...document.querySelectorAll('[data-fact]')].map(e => [e.dataset.fact, e.textContent]))"
    )


def test_an_episode_by_mouse_is_the_envs_own(served, game, browser, tmp_path):
    server, _ = served("agents=[optimum,glft]")
    browser.size(1280)
    browser.visit(server.url)
    browser.wait("game !== null")
    browser.click("#start")
    browser.wait("game.episode === 0 && !busy")
    browser.write("#part0", "0.8")
    browser.write("#part1", "0.1")
    for step in range(1, 11):
        browser.click("#step")
        browser.wait(f"game.step === {step} && !busy")
        state = server.game.lane.state
        shown = facts(browser)
        account, tally = state.account, state.tally
        wanted = {"mid": state.mid, "inventory": account.inventory, "cash": account.cash, "profit": tally.profit,
                  "objective": tally.objective, "fills": tally.fills}  # fmt: skip
        for name, value in wanted.items():
            assert float(shown[name]) == pytest.approx(value, rel=1e-5, abs=1e-9), name
    by_hand = played_through(game("episodes=1", "agents=[optimum,glft]"), (0.8, 0.1))
    rows = browser.ask("Object.fromEntries([...document.querySelectorAll('#played tbody tr')].map(r => [r.dataset.agent, "
                       "[...r.cells].slice(1).map(c => Number(c.textContent))]))")  # fmt: skip
    assert list(rows) == ["you", "optimum", "glft", "best_fixed"]
    for name, played in by_hand.result.items():
        assert rows[name][:2] == pytest.approx([played.objective, played.episodes.profit[0]], rel=1e-5, abs=1e-9)
    assert "Skill" in browser.ask("document.querySelector('#skill').textContent")
    assert {url.split("/")[2] for url in browser.requests if url.startswith("http")} == {server.url.split("/")[2]}


def test_keys_alone_play_a_game(served, browser):
    server, _ = served()
    browser.size(1280)
    browser.visit(server.url)
    browser.wait("game !== null")
    browser.key("n")
    browser.wait("game.episode === 0 && !busy")
    assert browser.ask("document.activeElement.id") == "step"
    browser.key("Enter")
    browser.wait("game.step === 1 && !busy")
    browser.ask("document.querySelector('#part0slider').focus()")
    before = browser.ask("values[0]")
    browser.key("ArrowRight")
    browser.wait(f"values[0] > {before}")
    assert float(browser.ask("document.querySelector('#part0').value")) == browser.ask("values[0]")
    browser.ask("document.querySelector('#speed').value = '20'")
    browser.key("p")
    browser.wait("game.over")
    assert server.game.values[0] > before
    assert browser.ask("document.querySelector('#auto').getAttribute('aria-pressed')") == "false"
    assert browser.ask("document.querySelector('#said').getAttribute('aria-live')") == "polite"


def test_playing_pauses_where_it_is_asked_to_and_takes_anothers_values(served, browser):
    server, _ = served("market.clock.steps=400")
    browser.size(1280)
    browser.visit(server.url)
    browser.wait("game !== null")
    browser.click("#start")
    browser.wait("game.episode === 0 && !busy")
    browser.click("#advice button")
    assert browser.ask("values") == pytest.approx(server.game.asked[0].values, abs=1e-12)
    browser.click("#auto")
    browser.wait("game.step >= 2")
    browser.click("#auto")
    browser.wait("!busy && timer === null")
    step = browser.ask("game.step")
    time.sleep(0.6)
    assert browser.ask("game.step") == step == server.game.steps < 400


def test_two_windows_do_not_play_over_one_another(served, browser):
    server, client = served()
    browser.size(1280)
    browser.visit(server.url)
    browser.wait("game !== null")
    client.ask("/start", {"episode": -1})
    browser.click("#start")
    browser.wait("document.querySelector('#said').className === 'bad' && !busy")
    assert browser.ask("game.episode") == 0
    client.ask("/step", {"episode": 0, "step": 0, "values": [1.0, 0.0]})
    browser.click("#step")
    browser.wait("game.step === 1 && !busy")
    assert server.game.steps == 1
    assert "409" in browser.console.pop() + browser.console.pop()
    assert browser.console == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_is_readable(served, browser, width, dark):
    server, _ = served("agents=[optimum,glft]")
    browser.size(width, 844, dark)
    browser.visit(server.url)
    browser.wait("game !== null")
    browser.click("#start")
    browser.wait("game.episode === 0 && !busy")
    for _ in range(2):
        reach, cut = browser.ask(FITS)
        assert reach <= width
        assert cut == []
        assert browser.ask(UNNAMED) == []
        assert browser.ask(CONTRAST) >= 4.5  # WCAG AA
        browser.ask("step(10)")
        browser.wait("game.over && !busy")

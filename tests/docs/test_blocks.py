"""Every block of Python in the documentation runs, and every command in it could be given."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import tomllib
from types import ModuleType

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from experiments.config.resolvers import register_resolvers
from experiments.config.search_path import CONF
from tests.docs.pages import PAGES, ROOT, blocks, commands, name, words

PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]
SLOW = [page for page in PYTHON if any(block.mark == "slow" for block in blocks(page))]
COMMANDS = {command: page for page in reversed(PAGES) for command in commands(page)}  # each once, with its first page
TOOLS = ("python", "pip", "make", "tensorboard", "git", "cd", "export")
PLACE = re.compile(r"\.\.\.|\b(PATH|FILE|FOLDER|NAME|ITS_FOLDER|COMMIT|NEXT|INSTRUMENT)\b")

register_resolvers()


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The namespace of a module, in a folder of its own."""
    module = ModuleType("documented")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    return vars(module)


def run(page, written, slow):
    """Run the Python of a page from its first block to its last; what is slow only if asked for."""
    for block in blocks(page):
        if block.language != "python":
            continue
        code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
        if block.mark == "compiled" or (block.mark == "slow" and not slow):
            continue
        try:
            exec(code, written)
        except ModuleNotFoundError as error:
            if str(error.name).split(".")[0] in ("mm_env", "agents", "experiments"):
                raise
            pytest.skip(f"needs {error.name}")


@pytest.mark.parametrize("page", PYTHON, ids=name)
def test_the_python_of_a_page_runs(page, written):
    run(page, written, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=name)
def test_the_slow_python_of_a_page_runs(page, written):
    run(page, written, slow=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_could_be_given(command):
    said = [word for word in words(command) if not re.fullmatch(r"[A-Z_]+=.*|time", word)]
    tool = said[0].rsplit("/", 1)[-1] if said else ""
    assert tool in TOOLS, f"{name(COMMANDS[command])}: {tool!r} is no command that is known here"
    if tool == "make":
        assert re.search(rf"^{said[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    if tool == "pip":
        assert extras(command) <= set(project()["optional-dependencies"])
    if tool == "python" and said[1:2] == ["-m"]:
        check_module(said[2], said[3:])


WITHIN = 20.0  # seconds in which a command that cannot work has said so
MISSING = re.compile(
    r"needs mm_env\[|must name|must be given|must be a folder|is there already|No module named 'my_models'"
)  # not a clone's


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in COMMANDS if "-m experiments." in one and not PLACE.search(one)])
def test_a_command_gets_to_work(command, tmp_path):
    """It ends well or is still at work, or says what this machine has not: a file of data, an extra, a class of one's own."""
    (tmp_path / "experiments").mkdir()  # no package, so that the clone's is found
    (tmp_path / "experiments" / "results").symlink_to(ROOT / "experiments" / "results")
    said = [sys.executable, *words(command)[words(command).index("-m") :]]
    outside = {**os.environ, "PYTHONPATH": str(ROOT), "MINARI_DATASETS_PATH": str(tmp_path / "minari")}
    with (tmp_path / "said").open("w+", encoding="utf-8") as told:
        job = subprocess.Popen(said, stdout=told, stderr=told, cwd=tmp_path, env=outside, start_new_session=True)
        try:
            code = job.wait(WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
            return
        told.seek(0)
        text = told.read()
    assert code == 0 or ("Traceback" not in text and MISSING.search(text)), text[-2000:]


def extras(command):
    return {extra for group in re.findall(r"\[([\w,]+)\]", command) for extra in group.split(",")}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def check_module(module, overrides):
    """A module that Python finds; of a main of Hydra, its config with these overrides composes."""
    assert importlib.util.find_spec(module), f"there is no module {module}"
    main, config = module.removeprefix("experiments."), CONF / f"{module.removeprefix('experiments.')}.yaml"
    if module.startswith("experiments.") and config.exists():
        composed(main, [one for one in overrides if one != "-m" and not PLACE.search(one)])


def composed(main, overrides):
    """The config of a main with overrides of a command line; of a sweep, with the first value of each."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        parsed = OverridesParser.create().parse_overrides(overrides)
        return compose(main, [first(one) for one in parsed], return_hydra_config=True)


def first(override) -> str:
    """An override itself; of a sweep, its first value."""
    if not override.is_sweep_override():
        return str(override.input_line)
    return f"{override.get_key_element()}={next(iter(override.sweep_string_iterator()))}"

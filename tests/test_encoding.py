"""Files are UTF-8 whatever the locale says: every call that reads or writes text states it, and a C locale is enough to run."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = [
    path for part in ("mm_env", "agents", "experiments", "tests") for path in sorted((ROOT / part).rglob("*.py"))
]
PLAIN = ("read_text", "write_text", "TextIOWrapper")
PROCESSES = ("run", "Popen", "check_output", "call", "check_call")
C_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def modes(call):
    """The short strings among a call's arguments: what kind of file it opens."""
    values = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return "".join(
        v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str) and len(v.value) < 4
    )


def is_text(call):
    """Whether it reads or writes text, as far as it can be seen."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    given = {keyword.arg for keyword in call.keywords}
    owner = getattr(getattr(call.func, "value", None), "id", "")
    if name == "open" and owner in ("gzip", "bz2", "lzma"):
        return "t" in modes(call)
    if name == "open":
        return "b" not in modes(call) and owner != "os" and (isinstance(call.func, ast.Name) or len(call.args) < 2)
    if name in ("NamedTemporaryFile", "TemporaryFile", "fdopen"):
        return bool(modes(call)) and "b" not in modes(call)
    return name in PLAIN or (name in PROCESSES and bool({"text", "universal_newlines"} & given))


def test_text_is_read_and_written_as_utf_8():
    silent = [f"{path.relative_to(ROOT)}, line {line}" for path in SOURCES for line in lines_that_are_silent(path)]
    assert silent == [], "the encoding is left to the locale"


def lines_that_are_silent(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if is_text(call) and "encoding" not in {k.arg for k in call.keywords}]


def test_the_check_sees_what_it_shall_see():
    texts = (
        "open('a')",
        "open('a', 'w')",
        "path.read_text()",
        "path.open('a')",
        "gzip.open(p, 'rt')",
        "run(c, text=True)",
    )
    bytes_ = (
        "open('a', 'rb')",
        "path.read_bytes()",
        "path.open('wb')",
        "gzip.open(p)",
        "run(c)",
        "venue.open(t, b, w, 3)",
    )
    seen = [is_text(ast.parse(text).body[0].value) for text in (*texts, *bytes_)]
    assert seen == [True] * len(texts) + [False] * len(bytes_)


def test_a_main_runs_and_prints_in_a_c_locale(tmp_path):
    """Its table has ± in it, and its files are the same as elsewhere."""
    small = ("market=cartea_jaimungal", "market.max_inventory=3", "market.clock.steps=10", "episodes=400")
    command = [
        sys.executable,
        "-m",
        "experiments.compare",
        *small,
        "agents=[fixed_symmetric]",
        f"hydra.run.dir={tmp_path}",
    ]
    where = {**{k: v for k, v in os.environ.items() if k not in ("PYTHONIOENCODING", "LANG")}, **C_LOCALE}
    ended = subprocess.run(command, cwd=ROOT, env=where, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert ended.stdout.isascii()
    assert "±" in (tmp_path / "table.md").read_text(encoding="utf-8")

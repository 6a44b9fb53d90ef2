"""Prints the lowest version of each library that pyproject.toml allows, as pip's constraints: `make test-lowest`."""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    name: lines for name, lines in PROJECT["optional-dependencies"].items() if name != "ray"
}  # apart from all else

for line in sorted({*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)}):
    if found := re.match(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", line):
        print(f"{found[1]}=={found[2]}")

"""Where configs are found: in conf/ beside the code, then in ./conf of the folder that a command runs in."""

from __future__ import annotations

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

CONF = Path(__file__).parents[2] / "conf"


def user_conf() -> Path:
    """The folder for configs that commands write for the user: ./conf, which need not exist."""
    return Path.cwd() / "conf"


def folders() -> list[Path]:
    """The folders that hold configs, each once: the code's own first, so that nothing takes the place of what it ships."""
    own = user_conf()
    return [CONF, own] if own.is_dir() and own.resolve() != CONF.resolve() else [CONF]


def configs(group: str) -> dict[str, Path]:
    """Name -> file of every config of a group, by name."""
    found = {path.stem: path for folder in reversed(folders()) for path in (folder / group).glob("*.yaml")}
    return dict(sorted(found.items()))


def written_to(option: str, group: str, name: str) -> Path:
    """Where a config of the user's goes: ./conf/GROUP/NAME.yaml, in a folder that is made if need be.

    Raises: ValueError that names the `option` if the code ships a config of this name, which would be found before it.
    """
    path, shipped = user_conf() / group / f"{name}.yaml", CONF / group / f"{name}.yaml"
    if shipped.is_file() and path.resolve() != shipped.resolve():
        raise ValueError(
            f"{option} must name a config of your own, got {name!r}, which is one of those in {CONF / group}"
        )
    return path


class UserConf(SearchPathPlugin):
    """Has Hydra look for configs in `folders`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in folders()[1:]:
            search_path.append("user", str(folder))


Plugins.instance().register(UserConf)

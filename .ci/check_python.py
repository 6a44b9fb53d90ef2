"""Says in one line that this Python is not one that mm_env is made for, and which to take: before anything is installed.

Written for any Python, so that an old one says it too.
"""

import io
import os
import re
import sys

PYPROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pyproject.toml")


def bounds():
    """The lowest version that is allowed, and the first that is no longer, as pyproject.toml's requires-python says."""
    with io.open(PYPROJECT, encoding="utf-8") as file:
        found = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', file.read())
    return (3, int(found.group(1))), (3, int(found.group(2)))


def refusal(version):
    """Why a version (major, minor) is refused, and the cure; "" if it is not."""
    low, end = bounds()
    if low <= tuple(version) < end:
        return ""
    allowed = " or ".join("3.%d" % minor for minor in range(low[1], end[1]))
    why = "is too old" if tuple(version) < low else "is too new: nothing here was ever run on it"
    cure = "make PYTHON=python3.%d takes another one that is installed" % (end[1] - 1)
    return "mm_env needs Python %s, and Python %d.%d %s; %s" % (allowed, version[0], version[1], why, cure)


if __name__ == "__main__":
    sys.exit(refusal(sys.version_info[:2]) or 0)

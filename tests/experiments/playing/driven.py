"""A headless Chromium that is driven as a person would: mouse, keys, the window's size and light; by DevTools over a pipe."""

import base64
import itertools
import json
import os
import select
import subprocess
import time

from tests.experiments.reporting.browser import CHROMIUM

_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--hide-scrollbars", "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
_KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "ArrowRight": (39, ""), "ArrowLeft": (37, ""), " ": (32, " ")}


class Browser:
    """One page. `requests` are the addresses it asked for, `console` what it complained of."""

    def __init__(self, profile):
        (their_in, self._out), (self._in, their_out) = os.pipe(), os.pipe()
        script = f'exec "$0" "$@" 3<&{their_in} 4>&{their_out}'
        command = ["bash", "-c", script, CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(command, pass_fds=(their_in, their_out), stderr=subprocess.DEVNULL)
        os.close(their_in)
        os.close(their_out)
        self._numbers, self._buffer, self._session = itertools.count(1), b"", None
        self.requests, self.console = [], []
        (page,) = [one for one in self.send("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        attached = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._session = None
        self.send("Browser.close")
        self._process.wait(10)
        os.close(self._in)
        os.close(self._out)

    def send(self, method, **parameters):
        """What a command answers."""
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._out, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == number:
                assert "error" not in told, (method, told["error"])
                return told["result"]
            self._note(told)

    def size(self, width, height=900, dark=False):
        """Make the window as large as this, and the system's colours light or dark."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def visit(self, url):
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def ask(self, expression):
        """The value of an expression in the page."""
        told = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, expression):
        """Until the expression is true, or for half a minute."""
        end = time.monotonic() + 30.0
        while not self.ask(expression):
            assert time.monotonic() < end, f"it did not come: {expression}"
            time.sleep(0.02)

    def click(self, selector):
        """Scroll to an element and click the middle of it."""
        x, y = (
            self.ask(f"""(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});
            const box = e.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, key):
        """Press a key."""
        code, text = _KEYS.get(key, (ord(key.upper()[0]), key))
        common = {"key": key, "code": key if len(key) > 1 else f"Key{key.upper()}", "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, selector, text):
        """Put text into a field in the place of what is there."""
        self.ask(f"(() => {{ const e = document.querySelector({selector!r}); e.focus(); e.select(); }})()")
        self.send("Input.insertText", text=text)

    def picture(self, path, whole=True):
        """The page as a PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self):
        while b"\0" not in self._buffer:
            assert select.select([self._in], [], [], 60)[0], "the browser is silent"
            self._buffer += os.read(self._in, 1 << 20)
        told, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(told)

    def _note(self, told):
        method, said = told.get("method"), told.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.console.append(said["exceptionDetails"]["exception"].get("description"))
        elif method == "Log.entryAdded":
            self.console.append(said["entry"]["text"])

"""A page in a headless Chromium: what it says of itself."""

import json
import shutil
import subprocess

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
_PROBE = """<script>addEventListener('load', () => console.log('PROBE' + JSON.stringify({
  width: innerWidth, reach: document.documentElement.scrollWidth,
  pictures: [...document.images].map(i => [i.complete, i.naturalWidth, i.getBoundingClientRect().width]),
  text: [...document.querySelectorAll('p, td, th, small, figcaption, a')].map(e => parseFloat(getComputedStyle(e).fontSize)),
  cut: [...document.querySelectorAll('p, h1, h2, h3, figure, figcaption, nav, .scroll')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.textContent),
})))</script></body>"""


def seen(page, width, folder):
    """What the page is like in a frame of `width` pixels (Chromium's windows are never narrower than 500), and the console."""
    (folder / "probe.html").write_text(page.read_text(encoding="utf-8").replace("</body>", _PROBE), encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(
        f'<iframe src="probe.html" style="width: {width}px; height: 900px; border: 0"></iframe>', encoding="utf-8"
    )
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0", "--dump-dom"]
    profile = [f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=20000"]
    ended = subprocess.run(
        [CHROMIUM, *options, *profile, frame.as_uri()], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    console = [line.split("] ", 1)[1] for line in ended.stderr.splitlines() if ":CONSOLE" in line]
    (told,) = [line for line in console if "PROBE" in line]
    return json.loads(told[told.index("{") : told.rindex("}") + 1]), [line for line in console if line != told]

# SPDX-License-Identifier: GPL-2.0-only
"""Headless Chromium, driven through its debugging pipe (no ports, nothing but the standard library).

    with Browser() as browser:
        page = browser.open("/path/report.html", width=360, dark=True)
        page.evaluate("document.title")

Every page notes what the console said, what threw, and what was asked for over the network.
"""
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

TIMEOUT = 60


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.console, self.requests = [], []

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def note(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            self.console.append(parameters["exceptionDetails"].get("text", "exception"))
        elif method in ("Runtime.consoleAPICalled", "Log.entryAdded"):
            self.console.append(json.dumps(parameters.get("entry", parameters)))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def key(self, name):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name)

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


class Browser:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="tunescope-chromium.")
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()
        # The pipe is expected on descriptors 3 and 4.
        script = f'exec 3<&{to_child} 4>&{from_child}; exec chromium "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
             "--remote-debugging-pipe", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-extensions",
             f"--user-data-dir={self.directory}", "about:blank"],
            pass_fds=(to_child, from_child), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.directory})
        os.close(to_child)
        os.close(from_child)
        self.number, self.buffer, self.pages = 0, b"", {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except Exception:  # it may be gone already
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def message(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.inp], [], [], left)[0]:
                raise TimeoutError("no answer from chromium")
            data = os.read(self.inp, 1 << 20)
            if not data:
                raise EOFError("chromium has ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        number, request = self.number, {"id": self.number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.message(deadline)
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            if "method" in answer and answer.get("sessionId") in self.pages:
                self.pages[answer["sessionId"]].note(answer["method"], answer["params"])

    def open(self, path, width=1280, height=900, dark=False, script=True, media="screen"):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(domain + ".enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        page.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        if not script:
            page.call("Emulation.setScriptExecutionDisabled", value=True)
        page.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        deadline = time.monotonic() + TIMEOUT
        while page.call("Runtime.evaluate", expression="document.readyState", returnByValue=True)[
                "result"].get("value") != "complete":
            if time.monotonic() > deadline:
                raise TimeoutError("the page does not load")
            time.sleep(0.05)
        return page

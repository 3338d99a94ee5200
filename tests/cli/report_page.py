# SPDX-License-Identifier: GPL-2.0-only
"""Looks at an HTML report with a browser: report_page.py CHECK FILE. Prints what is wrong, or nothing."""
import html.parser
import re
import sys
import xml.etree.ElementTree

from browser import Browser

VOID = {"meta", "br", "link", "img", "input", "hr"}


def expect(condition, message):
    if not condition:
        sys.exit(f"report_page: {message}")


def clean(page):
    expect(not page.console, f"the console says: {page.console}")
    others = [url for url in page.requests if not url.startswith("file:")]
    expect(not others and len(page.requests) == 1, f"asked for: {page.requests}")


class Structure(html.parser.HTMLParser):
    """Every element is closed where it was opened; what stands for text is no element."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.identifiers, self.links = [], {}, [], []

    def handle_starttag(self, tag, attributes):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        attributes = dict(attributes)
        for name in attributes:
            expect(not name.startswith("on"), f"an event handler: <{tag} {name}>")
        for name in ("src", "href"):
            value = attributes.get(name)
            expect(value is None or value.startswith("#"), f"<{tag} {name}={value}>")
            if value:
                self.links.append(value[1:])
        if "id" in attributes:
            self.identifiers.append(attributes["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        expect(self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}")
        self.open.pop()


def outer_drawings(text):
    depth = 0
    for match in re.finditer(r"<svg\b|</svg>", text):
        if match.group() == "<svg":
            start = match.start() if depth == 0 else start
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                yield text[start:match.end()]


def structure(path):
    text = open(path, encoding="utf-8").read()
    parser = Structure()
    parser.feed(text)
    parser.close()
    expect(parser.open == [], f"left open: {parser.open}")
    expect(len(set(parser.identifiers)) == len(parser.identifiers), "an id stands twice")
    expect(set(parser.links) <= set(parser.identifiers), "a link leads nowhere")
    for tag in ("img", "iframe", "object", "embed", "link", "base"):
        expect(tag not in parser.seen, f"there is a <{tag}>")
    expect(parser.seen["script"] > 5 and parser.seen["style"] == 1, "scripts or styles")
    drawings = list(outer_drawings(text))
    expect(len(drawings) > 5, "hardly any charts")
    for drawing in drawings:
        xml.etree.ElementTree.fromstring(drawing)
    labels = re.findall(r"<svg class=\"plot[^>]*>", text)
    expect(all('aria-label="' in label and 'role="img"' in label for label in labels), "a chart without a name")


def quiet(path):
    with Browser() as browser:
        for options in ({}, {"dark": True}, {"width": 360, "height": 740}):
            page = browser.open(path, **options)
            page.evaluate("new Promise(done => setTimeout(done, 200))")
            clean(page)
            wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            expect(wide <= window, f"{wide} px wide in a window of {window}")
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            wide = page.evaluate("document.documentElement.scrollWidth")
            expect(wide <= window, f"{wide} px wide in a window of {window} when all is open")
            clean(page)


def colours(path):
    with Browser() as browser:
        seen = {}
        for name, options in {"light": {}, "dark": {"dark": True}, "print": {"dark": True, "media": "print"}}.items():
            page = browser.open(path, **options)
            seen[name] = page.evaluate("""(() => {
                const of = (e, name) => getComputedStyle(document.querySelector(e))[name];
                return [of('body', 'backgroundColor'), of('body', 'color'), of('.h9', 'fill')];
            })()""")

        def brightness(colour):
            return sum(int(n) for n in re.findall(r"\d+", colour)[:3]) / 3

        for name in ("light", "print"):
            expect(brightness(seen[name][0]) > 230 and brightness(seen[name][1]) < 70, f"{name}: {seen[name]}")
            expect(brightness(seen[name][2]) < 70, f"{name}: most observations are not dark: {seen[name]}")
        expect(brightness(seen["dark"][0]) < 60 and brightness(seen["dark"][1]) > 180, f"dark: {seen['dark']}")
        expect(brightness(seen["dark"][2]) > 180, f"dark: most observations are not bright: {seen['dark']}")


def box(page, selector):
    page.evaluate(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    return page.evaluate(f"""(() => {{
        const svg = document.querySelector({selector!r}), r = svg.getBoundingClientRect(), s = getComputedStyle(svg);
        const left = r.left + parseFloat(s.paddingLeft), right = r.right - parseFloat(s.paddingRight);
        const top = r.top + parseFloat(s.paddingTop), bottom = r.bottom - parseFloat(s.paddingBottom);
        return [left, top, right - left, bottom - top];
    }})()""")


def hover(path):
    """The sample with gaps: 20 windows of 10 s, the 8th to the 12th not recorded, block failed at the end."""
    tip = "document.getElementById('tip')"
    with Browser() as browser:
        page = browser.open(path)
        left, top, width, height = box(page, "svg[aria-label^='Heatmap: Run-queue']")

        def at(share, y=0.5):
            page.move(left + width * share, top + height * y)
            return page.evaluate(f"{tip}.hidden ? '' : {tip}.textContent")

        text = at(0.12)
        for word in ("2026-03-", "(10.0 s)", " – ", "p50 ", "p95 ", "p99 ", "max ", "count "):
            expect(word in text, f"no '{word}' in: {text}")
        expect("not recorded" in at(0.5), "a gap shows numbers")
        lines = page.evaluate("[...document.querySelectorAll('line.cross')].filter(l => "
                              "l.getAttribute('visibility') === 'visible').map(l => l.getAttribute('x1'))")
        expect(len(lines) > 10 and len(set(lines)) == 1, f"crosshairs: {lines}")
        page.move(2, 2)
        expect(page.evaluate(f"{tip}.hidden"), "the numbers stay when the pointer has gone")

        left, top, width, height = box(page, "svg[aria-label^='Heatmap: Block latency (queue and device), nvme0n1, r']")
        expect("p99" in at(0.2) and "not measured" in at(0.9), "an unmeasured stretch shows numbers")
        left, top, width, height = box(page, "svg[aria-label^='Chart: CPU busy']")
        text = at(0.1)
        expect("user  " in text and " %" in text, f"a line chart shows: {text}")

        page.evaluate("document.querySelector(\"svg[aria-label^='Heatmap: Run-queue']\").focus()")
        page.key("End")
        last = page.evaluate(f"{tip}.textContent")
        page.key("ArrowLeft")
        expect(last and last != page.evaluate(f"{tip}.textContent"), "the arrow keys do not move")
        page.key("Escape")
        expect(page.evaluate(f"{tip}.hidden"), "Escape does not end it")
        clean(page)


def without_script(path):
    with Browser() as browser:
        page = browser.open(path, script=False)
        text = page.evaluate("document.body.innerText")
        for word in ("net.core.somaxconn", "128 → 4096", "sysctl -w net.core.somaxconn=4096", "p99", "2026-03-23 12:00:00",
                     "Run-queue latency", "mean", "Times in UTC"):
            expect(word in text, f"no '{word}' without the script")
        expect(page.evaluate("document.querySelectorAll('svg .h5').length") > 2, "no heatmap")
        clean(page)


def hostile(path):
    with Browser() as browser:
        page = browser.open(path)
        page.evaluate("new Promise(done => setTimeout(done, 300))")
        clean(page)
        expect(page.evaluate("document.images.length") == 0, "a name became an image")
        expect(page.evaluate("document.scripts.length === document.querySelectorAll('script').length"), "scripts")
        expect("</script><img src=x onerror=alert(1)>" in page.evaluate("document.querySelector('h1').textContent"),
               "the name is not shown as it is")
        expect("\u202e" not in page.evaluate("document.body.textContent"), "the direction of writing is changed")
        left, top, width, height = box(page, "svg[aria-label^='Chart: Disk busy']")
        page.move(left + width * 0.2, top + height / 2)
        expect("<img" in page.evaluate("document.getElementById('tip').textContent"), "the name is not in the numbers")
        expect(page.evaluate("document.images.length") == 0, "a name became an image on hovering")
        clean(page)


def printed(path):
    """On paper: no buttons, details are open but for tables of everything, nothing is cut off at the right."""
    with Browser() as browser:
        page = browser.open(path, width=760, media="print")
        expect(page.evaluate("getComputedStyle(document.querySelector('button')).display") == "none", "buttons")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(page.evaluate("[...document.querySelectorAll('details:not(.bulk)')].every(d => d.open)"),
               "details stay closed")
        expect(page.evaluate("[...document.querySelectorAll('.bulk')].every(d => !d.offsetHeight)"), "every series on paper")
        wide = page.evaluate("document.documentElement.scrollWidth")
        expect(wide <= 760, f"{wide} px wide on paper of 760")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        expect(page.evaluate("[...document.querySelectorAll('details')].some(d => !d.open)"), "details stay open")
        expect(page.pdf().startswith(b"%PDF-"), "no PDF")
        clean(page)


if __name__ == "__main__":
    {"structure": structure, "quiet": quiet, "colours": colours, "hover": hover, "without-script": without_script,
     "hostile": hostile, "print": printed}[sys.argv[1]](*sys.argv[2:3])

"""What every page must be, asked of the page itself. Each fault is a sentence."""

from functools import cache
from html.parser import HTMLParser
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}

_STRUCTURE = """() => {
  const faults = [];
  const text = (node) => node.textContent.replace(/\\s+/g, " ").trim();
  const heads = [...document.querySelectorAll("h1")];
  if (heads.length !== 1) faults.push(`${heads.length} h1 on the page`);
  else if (!text(heads[0])) faults.push("the h1 is empty");
  else if (!document.title.replace(/\\s+/g, " ").includes(text(heads[0])))
    faults.push(`the title “${document.title}” does not hold the h1 “${text(heads[0])}”`);
  const seen = new Set();
  for (const { id } of document.querySelectorAll("[id]")) {
    if (seen.has(id)) faults.push(`the id “${id}” stands twice`);
    seen.add(id);
  }
  for (const input of document.querySelectorAll("input, select, textarea")) {
    if (["hidden", "submit", "button", "image", "reset"].includes(input.type)) continue;
    const named = input.labels?.length || input.ariaLabel || input.getAttribute("aria-labelledby");
    if (!named) faults.push(`the input “${input.name || input.id}” has no label`);
  }
  for (const table of document.querySelectorAll("table"))
    if (!table.caption || !text(table.caption)) faults.push("a table has no caption");
  for (const node of document.querySelectorAll("[style]"))
    faults.push(`a style attribute on <${node.localName}>`);
  for (const node of document.querySelectorAll("script:not([src]), body style"))
    faults.push(`an inline <${node.localName}>`);
  for (const node of document.querySelectorAll("[src], link[href]")) {
    const address = node.src || node.href;
    if (address && !address.startsWith(location.origin) && !address.startsWith("data:"))
      faults.push(`something from another host: ${address}`);
  }
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const { data, parentElement } = words.currentNode;
    if (parentElement.closest("button, option, script")) continue;
    if (/\\bNone\\b(?!\\.)|\\bundefined\\b|%\\(\\w+\\)s|\\{\\{/.test(data))
      faults.push(`a slip shows as text: “${data.trim().slice(0, 60)}”`);
  }
  return [...new Set(faults)];
}"""

_OVERFLOW = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  const wide = [...document.querySelectorAll("body *")].filter(
    (node) => node.getBoundingClientRect().right > most + 1);
  const named = wide.slice(-3).map((n) => `<${n.localName} class="${n.className}">`);
  const width = document.documentElement.scrollWidth;
  return [`at ${most} px it is ${width} px wide: ${named.join(" ")}`];
}"""

_AXE = """() => axe.run({resultTypes: ["violations"], rules: {"target-size": {enabled: true}}})
  .then(({violations}) => violations.map(({id, help, nodes}) =>
    `${id}: ${help}: ${nodes.length} × ${nodes[0].html.slice(0, 160)}` +
    ` (${(nodes[0].any[0]?.message || "").slice(0, 120)})`))"""


@cache
def _axe_script() -> str:
    return str(AXE_FILE_PATH.read_text(encoding="utf-8"))


def structure(page: Page) -> list[str]:
    """One h1 that the title holds, labels, captions, ids, nothing inline, nothing from outside."""
    return list(page.evaluate(_STRUCTURE))


def accessibility(page: Page) -> list[str]:
    """What axe finds on the page as it is shown now."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe_script())
    found: list[Any] = page.evaluate(_AXE)
    return [f"axe {fault}" for fault in found]


def overflow(page: Page) -> list[str]:
    """Whether a phone would scroll sideways."""
    return list(page.evaluate(_OVERFLOW))


#: Elements without an end, and those whose end may be left out.
_VOID = frozenset(
    "area base br col embed hr img input link meta source track wbr circle ellipse line path "
    "polygon polyline rect use".split()
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        line, _ = self.getpos()
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif not self.faults:
            last = self.open[-1] if self.open else "nothing"
            self.faults.append(f"line {line}: </{tag}> ends <{last}>")


def tags(html: str) -> list[str]:
    """The first tag that is closed in the wrong place, or left open."""
    parser = _Tags()
    parser.feed(html)
    left = [f"<{tag}> is left open" for tag in parser.open[:1]]
    return parser.faults or left


def whole(page: Page) -> list[str]:
    """All of it: wide and light, wide and dark, narrow. The page need not be loaded again."""
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    faults = [*structure(page), *accessibility(page)]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    faults += [f"dark: {fault}" for fault in accessibility(page)]
    page.set_viewport_size(NARROW)
    faults += overflow(page)
    faults += [f"narrow: {fault}" for fault in accessibility(page)]
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return list(dict.fromkeys(faults))

"""How well the text of a page stands out, measured in the browser."""

#: Smallest contrast of text with what lies behind it (WCAG 2.2, level AA, normal size).
LEAST_CONTRAST = 4.5

CONTRAST = """
() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const worst = {};
  for (const element of document.querySelectorAll("body *")) {
    const isText = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!isText || !element.checkVisibility()) continue;
    const isPicture = element.closest("svg");
    const front = parts(getComputedStyle(element)[isPicture ? "fill" : "color"]);
    const pair = [light(front), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const name = element.tagName + "." + element.getAttribute("class");
    worst[name] = Math.min(worst[name] ?? 99, ratio);
  }
  return worst;
}
"""

"""How well words stand out from what is behind them, by the rule of WCAG: 4.5 is enough."""

from playwright.sync_api import Locator

CONTRAST = """element => {
  const parts = colour => {  // red, green, blue from 0 to 1, and opacity
    const numbers = colour.match(/[\\d.]+/g).map(Number);
    const [r, g, b, opacity = 1] = numbers;
    return [r / 255, g / 255, b / 255, opacity];
  };
  const over = (above, below) =>
    [0, 1, 2].map(i => above[3] * above[i] + (1 - above[3]) * below[i]);
  const light = colour => {
    const [r, g, b] = colour.map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const layers = [];
  for (let one = element; one; one = one.parentElement) {
    const layer = parts(getComputedStyle(one).backgroundColor);
    if (layer[3] > 0) layers.push(layer);
    if (layer[3] === 1) break;
  }
  const ground = layers.reduceRight((below, layer) => over(layer, below), [1, 1, 1]);
  const style = getComputedStyle(element);
  const ink = parts(element instanceof SVGElement ? style.fill : style.color);
  const pair = [light(over(ink, ground)), light(ground)];
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


def contrast(words: Locator) -> float:
    """The contrast of these words with their background, from 1 to 21."""
    ratio: float = words.evaluate(CONTRAST)
    return ratio


def too_faint(words: Locator, least: float = 4.5) -> list[str]:
    """Of all that can be seen of these words: those whose contrast is below `least`."""
    found: list[str] = words.evaluate_all(
        f"""(all, least) => all
          .filter(one => one.checkVisibility() && one.textContent.trim())
          .filter(one => ({CONTRAST})(one) < least)
          .map(one => one.textContent.slice(0, 80))""",
        least,
    )
    return found

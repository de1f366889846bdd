import type { Page } from "playwright-core";

/** The text of a page that stands out least. */
export interface Contrast {
  text: string;
  /** By WCAG: from 1, the same colour, to 21, black on white. */
  ratio: number;
}

/** In the browser, whose language has no types here. */
const MEASURE = `(() => {
  const numbers = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [red, green, blue] = numbers(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const groundOf = (element) => {
    if (element === null) return "rgb(255, 255, 255)";
    const { backgroundColor } = getComputedStyle(element);
    return numbers(backgroundColor)[3] === 0 ? groundOf(element.parentElement) : backgroundColor;
  };
  let least = { text: "", ratio: 21 };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode() !== null) {
    const { parentElement, textContent } = texts.currentNode;
    if (!parentElement.checkVisibility() || textContent.trim() === "") continue;
    if (parentElement.closest(".unseen, script, title") !== null) continue;
    const style = getComputedStyle(parentElement);
    const color = parentElement instanceof SVGElement ? style.fill : style.color;
    const [one, other] = [luminance(color), luminance(groundOf(parentElement))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < least.ratio) least = { text: textContent.trim().slice(0, 80), ratio };
  }
  return least;
})()`;

/** Measures each text that is seen against the nearest ground behind it. */
export function leastContrast(page: Page): Promise<Contrast> {
  return page.evaluate<Contrast>(MEASURE);
}

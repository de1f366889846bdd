import { html, type Html } from "./html.ts";

/** Characters of a text from outside that the page repeats. */
const LONGEST_TEXT = 2_000;

/** Text from outside, within bounds. */
export function clipped(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`;
}

/** Text of this program, in which what stands between backticks is to be typed. */
export function withCode(text: string): Html[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

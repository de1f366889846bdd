/** Text that is HTML already. Made by `html` alone, so that whatever else is put into a page is escaped. */
export class Html {
  readonly #text: string;

  /** @param text HTML that was written in this program, and never came from outside */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may be put into a page. Undefined stands for nothing. */
export type HtmlValue = Html | string | number | undefined | readonly HtmlValue[];

/** Puts values into HTML, as text or as what stands between an attribute's quotes: escaped, but for what is `Html`. */
export function html(texts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(String.raw({ raw: texts }, ...values.map(render)));
}

function render(value: HtmlValue): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "object") return value.map(render).join("");
  return escape(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** What HTML would take for its own. */
const MARKUP = /[&<>"'`]/g;

/** Control characters, and those that turn the direction of what follows; what joins emoji may stay. */
const INVISIBLE = /[\p{Cc}\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu;

function escape(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(MARKUP, (character) => ENTITIES[character] ?? "")
    .replaceAll(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

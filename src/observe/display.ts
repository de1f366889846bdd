import { stripVTControlCharacters, styleText } from "node:util";

/** What a terminal, a file or a pipe can show of a text. */
export interface Display {
  /** Characters in a line. */
  columns: number;
  /** Whether it shows more than ASCII. */
  unicode: boolean;
  color: boolean;
  /** The reader's, by its IANA name. */
  timeZone: string;
}

/** Where a terminal does not say, and where there is none. */
const USUAL_COLUMNS = 80;

/** Of an encoding's name in a locale: `C.UTF-8`, `de_DE.utf8`. */
const UTF_8 = /utf-?8/i;

/**
 * What a stream shows, by its kind and the environment: `NO_COLOR`, `TERM=dumb`, and the locale, of which the first of `LC_ALL`,
 * `LC_CTYPE` and `LANG` that is set counts. `wantsColor` is false where the command line says so.
 */
export function displayOf(
  { isTTY, columns }: { isTTY?: boolean; columns?: number },
  environment: Readonly<Record<string, string | undefined>>,
  wantsColor = true,
): Display {
  const set = (name: string): string | undefined => environment[name] || undefined;
  const locale = set("LC_ALL") ?? set("LC_CTYPE") ?? set("LANG") ?? "";
  const isDumb = environment["TERM"] === "dumb";
  return {
    columns: columns || USUAL_COLUMNS,
    unicode: UTF_8.test(locale) && !isDumb,
    color: wantsColor && isTTY === true && !isDumb && set("NO_COLOR") === undefined,
    timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

export type Color = "green" | "yellow" | "red" | "dim" | "bold";

/** The text in a colour, where that can be shown. */
export function paint(
  text: string,
  color: Color | undefined,
  { color: isColored }: Pick<Display, "color">,
): string {
  return isColored && color !== undefined ? styleText(color, text, { validateStream: false }) : text;
}

/** Columns that a text takes, painted or not. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

import type { Random } from "./random.ts";

/** What makes a name hard: for SQL, for pg_dump's patterns, for COPY's header, for a shell that nobody should start. */
const HARD_PARTS = [
  'quo"te',
  '""',
  "with space",
  " leading",
  "trailing ",
  "new\nline",
  "tab\t",
  "dot.ted",
  "st*r",
  "wh?t",
  "$1",
  "$$",
  "$(touch x)",
  "👻é☃",
  "UPPER",
  "select",
  "back\\slash",
  "'",
  "a|b",
  "[a-z]+",
  "(group)",
  "; DROP TABLE x; --",
  "%s",
  "^start",
  "comma,",
] as const;

/** Every name ends in a number of its own, so that none is cut short by the server to another one's. */
export class Names {
  readonly #random: Random;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A name that no other object of the history has. */
  next(plain: string): string {
    this.#count += 1;
    const hard = this.#random.oneIn(2) ? this.#random.pick(HARD_PARTS) : "";
    return this.#random.oneIn(2) ? `${hard}${plain}${this.#count}` : `${plain}${this.#count}${hard}`;
  }
}

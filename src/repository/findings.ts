import { findingText, MAX_FINDINGS, type Finding } from "./verification.ts";

/** What one verification found wrong with one backup: the first of them, and how many there are. */
export class Findings {
  readonly kept: Finding[] = [];
  #inAll = 0;

  /** All of them, also those that were too many to keep. */
  get inAll(): number {
    return this.#inAll;
  }

  /** Adds what is wrong, as one line; what a finding is not about may be left out. */
  add({ what, object, table, ...place }: Partial<Finding> & Pick<Finding, "what">): void {
    this.#inAll += 1;
    if (this.kept.length >= MAX_FINDINGS) return;
    this.kept.push({
      object: textOrNull(object),
      offset: place.offset ?? null,
      length: place.length ?? null,
      table: textOrNull(table),
      range: place.range ?? null,
      what: findingText(what),
    });
  }
}

function textOrNull(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : findingText(text);
}

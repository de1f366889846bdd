import { DataopsError } from "../errors.ts";
import type { RefusedDocument } from "../search/search-engine.ts";

/** Refused documents that are named, each on a line. */
const MOST_NAMED = 20;
/** Refused documents beyond what is allowed, after which a run stops at once: what it names by then is enough to see why. */
const SLACK = 100;

/** The documents that the engine did not take, and why. */
export class Refusals {
  readonly #most: number;
  readonly #reasons = new Map<string, string>();
  /** Of those of which the engine was not asked to say more. */
  #unnamed = 0;

  /** `most`: how many a run may leave out. */
  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#reasons.size + this.#unnamed;
  }

  /** The ids and reasons known, first come first. */
  get documents(): { id: string; reason: string }[] {
    return [...this.#reasons].map(([id, reason]) => ({ id, reason }));
  }

  add(refused: readonly RefusedDocument[], count: number): void {
    for (const { id, reason } of refused) this.#reasons.set(id, reason);
    this.#unnamed += Math.max(0, count - refused.length);
  }

  /** A later state of the document was taken, or it is gone. */
  clear(id: string): void {
    this.#reasons.delete(id);
  }

  /** @throws DataopsError `reindexFailed` where so many were refused that there is no use in going on */
  checkSlack(): void {
    if (this.count > this.#most + SLACK) throw this.#failure();
  }

  /** @throws DataopsError `reindexFailed` where more were refused than may be */
  check(): void {
    if (this.count > this.#most) throw this.#failure();
  }

  /** One line for each of the first. */
  describe(): string[] {
    const named = this.documents.slice(0, MOST_NAMED);
    const rest = this.count - named.length;
    const lines = named.map(({ id, reason }) => `refused ${JSON.stringify(id)}: ${reason}`);
    return rest === 0 ? lines : [...lines, `refused: ${rest} more`];
  }

  #failure(): DataopsError {
    const [first] = this.documents;
    const which = first === undefined ? "" : `: ${JSON.stringify(first.id)}, ${first.reason}`;
    return new DataopsError(
      "reindexFailed",
      `the engine refused ${this.count} ${this.count === 1 ? "document" : "documents"}${which}`,
      {
        hint: "correct the documents or the mapping and run it again, or allow for them with maxErrors",
      },
    );
  }
}

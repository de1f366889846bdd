import type { BulkOutcome, BulkSender } from "../../src/search/bulk-sender.ts";
import type { FoundDocument } from "../../src/search/search-engine.ts";

interface Held {
  version: number;
  /** Undefined: deleted, of which the version is remembered. */
  source: unknown;
}

/** An index in memory that keeps the engines' rules of external versions: what comes late must not win. */
export class MemoryIndex implements BulkSender {
  readonly maxRequestBytes: number;
  readonly concurrency = 2;
  /** Requests so far. */
  requests = 0;
  /** Items so far. */
  items = 0;
  /** Ids of documents that it does not take. */
  readonly refuses = new Set<string>();
  readonly #held = new Map<string, Held>();

  constructor(maxRequestBytes = 64 * 1024) {
    this.maxRequestBytes = maxRequestBytes;
  }

  /** What is in it, by id. */
  get documents(): Record<string, unknown> {
    return Object.fromEntries(
      [...this.#held].flatMap(([id, { source }]) => (source === undefined ? [] : [[id, source]])),
    );
  }

  send(body: Uint8Array): Promise<BulkOutcome> {
    this.requests += 1;
    const lines = Buffer.from(body).toString("utf8").split("\n");
    if (lines.pop() !== "") throw new Error("a request must end with a line feed");
    const outcome = {
      accepted: 0,
      conflicts: 0,
      refusedCount: 0,
      refused: [] as { id: string; reason: string; status: number }[],
    };
    for (let line = 0; line < lines.length; line++) {
      this.items += 1;
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the lines are ours
      const action = JSON.parse(lines[line] ?? "") as Record<
        string,
        { _id: string; version?: number; version_type?: string }
      >;
      const [kind, meta] = Object.entries(action)[0] ?? [];
      if (meta === undefined) throw new Error("an action without its meta data");
      const source: unknown = kind === "index" ? JSON.parse(lines[++line] ?? "") : undefined;
      const held = this.#held.get(meta._id)?.version ?? -1;
      const version = meta.version ?? held + 1;
      if (this.refuses.has(meta._id) && kind === "index") {
        outcome.refused.push({ id: meta._id, reason: "it is not taken", status: 400 });
        outcome.refusedCount += 1;
      } else if (meta.version_type === "external" ? version <= held : version < held) {
        outcome.conflicts += 1;
      } else {
        this.#held.set(meta._id, { version, source });
        outcome.accepted += 1;
      }
    }
    return Promise.resolve(outcome);
  }

  readDocuments(_index: string, ids: readonly string[]): Promise<FoundDocument[]> {
    return Promise.resolve(
      ids.map((id) => {
        const held = this.#held.get(id);
        return { id, source: held?.source, version: held?.source === undefined ? undefined : held.version };
      }),
    );
  }

  /** As an application writes by itself, with a version of its own or without any. */
  write(id: string, source: unknown, version?: number): void {
    this.#held.set(id, { version: version ?? (this.#held.get(id)?.version ?? 0) + 1, source });
  }
}

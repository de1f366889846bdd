/** The texts that were used last, up to a number of bytes. */
export class RecentTexts {
  readonly #maxBytes: number;
  readonly #texts = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(sha256: string): Uint8Array | undefined {
    const text = this.#texts.get(sha256);
    if (text === undefined) return undefined;
    // A map keeps the order of arrival: what is used goes to its end.
    this.#texts.delete(sha256);
    this.#texts.set(sha256, text);
    return text;
  }

  add(sha256: string, text: Uint8Array): void {
    if (this.#texts.has(sha256) || text.byteLength > this.#maxBytes) return;
    this.#texts.set(sha256, text);
    this.#bytes += text.byteLength;
    for (const [oldest, { byteLength }] of this.#texts) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#texts.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}

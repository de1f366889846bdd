import { open, rm, type FileHandle } from "node:fs/promises";
import { classifyFileError } from "./file-error.ts";
import { StorageError } from "./storage-error.ts";
import type { ObjectInfo, StorageOptions, Upload } from "./storage.ts";

/** Begins an upload into a new file at `staged`; `publish` moves it to its place. */
export async function startFileUpload(
  key: string,
  staged: string,
  partSize: number,
  publish: () => Promise<ObjectInfo>,
): Promise<Upload> {
  return new FileUpload(key, staged, await open(staged, "wx", 0o600), partSize, publish);
}

/** Parts are written into one staged file, each at its place. */
class FileUpload implements Upload {
  readonly key: string;
  readonly #staged: string;
  readonly #file: FileHandle;
  readonly #partSize: number;
  readonly #publish: () => Promise<ObjectInfo>;
  /** Bytes of each part that arrived. */
  readonly #parts = new Map<number, number>();

  constructor(
    key: string,
    staged: string,
    file: FileHandle,
    partSize: number,
    publish: () => Promise<ObjectInfo>,
  ) {
    this.key = key;
    this.#staged = staged;
    this.#file = file;
    this.#partSize = partSize;
    this.#publish = publish;
  }

  async part(number: number, body: Uint8Array, options?: StorageOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    try {
      let written = 0;
      while (written < body.byteLength) {
        const position = (number - 1) * this.#partSize + written;
        written += (await this.#file.write(body, written, body.byteLength - written, position)).bytesWritten;
      }
      this.#parts.set(number, body.byteLength);
    } catch (error) {
      throw classifyFileError(error, this.#staged, this.key);
    }
  }

  async complete(parts: number, options?: StorageOptions): Promise<ObjectInfo> {
    options?.signal?.throwIfAborted();
    const size = this.#sizeOf(parts);
    try {
      // The last part may have been sent before, and longer.
      await this.#file.truncate(size);
      await this.#file.sync();
    } catch (error) {
      throw classifyFileError(error, this.#staged, this.key);
    }
    const info = await this.#publish();
    await this.#file.close();
    return info;
  }

  async abort(): Promise<void> {
    await this.#file.close();
    await rm(this.#staged, { force: true });
  }

  #sizeOf(parts: number): number {
    let total = 0;
    for (let number = 1; number <= parts; number += 1) {
      const size = this.#parts.get(number);
      const isWhole = number < parts ? size === this.#partSize : size !== undefined && size <= this.#partSize;
      if (size === undefined || !isWhole)
        throw new StorageError("permanent", `part ${number} of ${this.key} did not arrive whole`);
      total += size;
    }
    return total;
  }
}

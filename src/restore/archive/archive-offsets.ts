import { open, type FileHandle } from "node:fs/promises";

/**
 * Gives a custom-format archive the data offsets that pg_dump leaves out when it writes to a pipe.
 *
 * Without them every parallel worker of pg_restore walks the file from its start, chunk by chunk, to find each table: at
 * `-Z0` a chunk is one row. With them it seeks. The result is byte for byte what pg_dump writes to a file.
 *
 * The layout is that of PostgreSQL's `pg_backup_archiver.c` and `pg_backup_custom.c`: archive versions 1.14 (PostgreSQL
 * 12-15), 1.15 (16) and 1.16 (17, 18). An archive of another version is left as it is: it restores, only slower.
 */

/** `pg_backup_archiver.h`: K_OFFSET_POS_NOT_SET and K_OFFSET_POS_SET. */
const OFFSET_NOT_SET = 1;
const OFFSET_SET = 2;

/** `pg_backup_custom.c`: BLK_DATA and BLK_BLOBS, the first byte of a data block. */
const DATA_BLOCK = 1;
const LARGE_OBJECTS_BLOCK = 3;

const READ_SIZE = 1024 * 1024;
/** A sign byte and four bytes, little-endian. */
const INTEGER_SIZE = 5;
/** A state byte and eight bytes, little-endian. */
const OFFSET_SIZE = 9;

/**
 * Writes the missing offsets into the archive at `path`, in place.
 *
 * @returns how many were written: 0 where there were none to write, or where the layout is not one known here
 */
export async function addDataOffsets(path: string, signal?: AbortSignal): Promise<number> {
  await using file = await open(path, "r+");
  const reader = new ArchiveReader(file, signal);
  const fields = await readOffsetFields(reader);
  if (fields === undefined) return 0;
  const positions = await findDataBlocks(reader);
  let written = 0;
  for (const [dumpId, position] of positions) {
    const field = fields.get(dumpId);
    if (field === undefined) continue;
    const value = Buffer.alloc(OFFSET_SIZE);
    value.writeUInt8(OFFSET_SET, 0);
    value.writeBigUInt64LE(BigInt(position), 1);
    await file.write(value, 0, OFFSET_SIZE, field);
    written += 1;
  }
  return written;
}

/** Where in the file each entry without an offset has its field, by dump id. Undefined for an unknown layout. */
async function readOffsetFields(reader: ArchiveReader): Promise<Map<number, number> | undefined> {
  const magic = await reader.bytes(5);
  if (magic.toString("latin1") !== "PGDMP") return undefined;
  const [major, minor, , integerSize, offsetSize, format] = await reader.bytes(6);
  const known = major === 1 && minor !== undefined && minor >= 14 && minor <= 16;
  if (!known || integerSize !== 4 || offsetSize !== 8 || format !== 1) return undefined;

  await reader.skip(minor >= 15 ? 1 : INTEGER_SIZE); // compression
  await reader.skip(7 * INTEGER_SIZE); // creation time
  await reader.skipStrings(3); // database, server version, pg_dump version

  const fields = new Map<number, number>();
  const entries = await reader.integer();
  for (let entry = 0; entry < entries; entry += 1) {
    const dumpId = await reader.integer();
    await reader.skip(INTEGER_SIZE); // whether it has data
    await reader.skipStrings(4); // table oid, oid, tag, description
    await reader.skip(INTEGER_SIZE); // section
    await reader.skipStrings(6); // definition, drop, copy, namespace, tablespace, access method
    if (minor >= 16) await reader.skip(INTEGER_SIZE); // relation kind
    await reader.skipStrings(2); // owner, "with oids"
    while (await reader.skipString()); // dependencies, ended by a null
    const field = reader.position;
    const [state] = await reader.bytes(OFFSET_SIZE);
    if (state === OFFSET_NOT_SET) fields.set(dumpId, field);
  }
  return fields;
}

/** Where each data block begins, by dump id. The blocks follow the table of contents, to the end of the file. */
async function findDataBlocks(reader: ArchiveReader): Promise<Map<number, number>> {
  const positions = new Map<number, number>();
  while (!(await reader.atEnd())) {
    const start = reader.position;
    const [type] = await reader.bytes(1);
    const dumpId = await reader.integer();
    if (type === DATA_BLOCK) await reader.skipChunks();
    else if (type === LARGE_OBJECTS_BLOCK) while ((await reader.integer()) !== 0) await reader.skipChunks();
    else throw new Error(`unknown block type ${type} at byte ${start} of the archive`);
    positions.set(dumpId, start);
  }
  return positions;
}

/** Reads a file forwards through one buffer. */
class ArchiveReader {
  readonly #file: FileHandle;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer = Buffer.allocUnsafe(READ_SIZE);
  /** Where the buffer's first byte is in the file. */
  #base = 0;
  #filled = 0;
  #offset = 0;

  constructor(file: FileHandle, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#signal = signal;
  }

  get position(): number {
    return this.#base + this.#offset;
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#has(1));
  }

  /** A copy of the next `count` bytes; `count` is at most the buffer's size. */
  async bytes(count: number): Promise<Buffer> {
    await this.#need(count);
    const copy = Buffer.from(this.#buffer.subarray(this.#offset, this.#offset + count));
    this.#offset += count;
    return copy;
  }

  async integer(): Promise<number> {
    await this.#need(INTEGER_SIZE);
    return this.#takeInteger();
  }

  async skip(count: number): Promise<void> {
    if (this.#offset + count <= this.#filled) {
      this.#offset += count;
      return;
    }
    this.#base = this.position + count;
    this.#offset = 0;
    this.#filled = 0;
  }

  async skipStrings(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) await this.skipString();
  }

  /** @returns whether there was a string; a length of -1 stands for null */
  async skipString(): Promise<boolean> {
    const length = await this.integer();
    if (length < 0) return false;
    await this.skip(length);
    return true;
  }

  /** Skips the chunks of one table or large object, up to and with the empty one that ends them. */
  async skipChunks(): Promise<void> {
    for (;;) {
      // The hot loop: at -Z0 a chunk is a row, so it stays free of promises while the buffer lasts.
      while (this.#filled - this.#offset >= INTEGER_SIZE) {
        const length = this.#takeInteger();
        if (length === 0) return;
        if (length < 0) throw new Error(`negative chunk length at byte ${this.position} of the archive`);
        if (this.#offset + length > this.#filled) {
          await this.skip(length);
          break;
        }
        this.#offset += length;
      }
      await this.#need(INTEGER_SIZE);
    }
  }

  #takeInteger(): number {
    const negative = this.#buffer[this.#offset] === 1;
    const value = this.#buffer.readUInt32LE(this.#offset + 1);
    this.#offset += INTEGER_SIZE;
    return negative ? -value : value;
  }

  async #need(count: number): Promise<void> {
    if (!(await this.#has(count))) throw new Error("the archive ends inside an entry");
  }

  /** Fills the buffer until `count` bytes are there; false where the file ends before. */
  async #has(count: number): Promise<boolean> {
    if (this.#filled - this.#offset >= count) return true;
    this.#signal?.throwIfAborted();
    this.#buffer.copyWithin(0, this.#offset, this.#filled);
    this.#base += this.#offset;
    this.#filled -= this.#offset;
    this.#offset = 0;
    while (this.#filled < count) {
      const { bytesRead } = await this.#file.read(
        this.#buffer,
        this.#filled,
        READ_SIZE - this.#filled,
        this.#base + this.#filled,
      );
      if (bytesRead === 0) return false;
      this.#filled += bytesRead;
    }
    return true;
  }
}

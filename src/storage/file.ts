import { createHash, randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { classifyFileError, isCode, notFound, preconditionFailed, tooShort } from "./file-error.ts";
import { startFileUpload } from "./file-upload.ts";
import { StorageError } from "./storage-error.ts";
import type {
  ByteRange,
  ObjectInfo,
  PartLimits,
  Storage,
  StorageOptions,
  UnfinishedUpload,
} from "./storage.ts";

/** Unfinished uploads and half-written objects live here, on the same file system, so that a rename is atomic. */
const STAGING = ".dataops-uploads";
/** Held while `replace` compares and renames; made by an exclusive create, so it works between processes. */
const LOCK_SUFFIX = ".lock";
/** Milliseconds; a lock is held for a few. */
const LOCK_TIMEOUT = 5_000;
const LOCK_POLL_INTERVAL = 5;

const MIB = 1024 * 1024;
const READ_SIZE = MIB;

const LIMITS: PartLimits = {
  minPartSize: 1,
  maxPartSize: 1024 * MIB,
  maxParts: 1_000_000,
  partSize: 8 * MIB,
};

const PRIVATE_FOLDER = { recursive: true, mode: 0o700 } as const;

/** A folder as a storage: each object a file of mode 0600 below it. */
export function openFileStorage(directory: string): Storage {
  const url = pathToFileURL(directory).href;
  const pathOf = (key: string): string => join(directory, ...checkedSegments(key));
  const staging = join(directory, STAGING);

  /** Writes the body beside its place, flushed to disk, for `use` to move it there. */
  async function withStaged<T>(body: Uint8Array, use: (staged: string) => Promise<T>): Promise<T> {
    await mkdir(staging, PRIVATE_FOLDER);
    const staged = join(staging, randomUUID());
    try {
      await writeFile(staged, body, { mode: 0o600, flag: "wx", flush: true });
      return await use(staged);
    } finally {
      await rm(staged, { force: true });
    }
  }

  /** Moves a staged file to its place; `move` decides what happens when there is one already. */
  async function publish(staged: string, key: string, move: typeof rename): Promise<ObjectInfo> {
    const path = pathOf(key);
    await mkdir(dirname(path), PRIVATE_FOLDER);
    await move(staged, path);
    await syncFolder(dirname(path));
    return infoOf(key, path);
  }

  /** Lets one caller at a time, of any process, compare an object and replace it. */
  async function whileLocked<T>(
    key: string,
    options: StorageOptions | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const lock = join(staging, `${createHash("sha256").update(key).digest("hex")}${LOCK_SUFFIX}`);
    const deadline = Date.now() + LOCK_TIMEOUT;
    while (!(await isMade(lock))) {
      options?.signal?.throwIfAborted();
      if (Date.now() > deadline) {
        throw new StorageError("transient", `someone else has been writing ${key} in ${url} for too long`, {
          hint: `if no dataops runs any more, remove ${lock}`,
        });
      }
      await sleep(LOCK_POLL_INTERVAL);
    }
    try {
      return await work();
    } finally {
      await rm(lock, { force: true });
    }
  }

  async function infoOf(key: string, path: string): Promise<ObjectInfo> {
    const found = await stat(path);
    if (!found.isFile()) throw notFound(url, key);
    // A rename gives the path another inode, so the tag changes even where size and time do not.
    const tag = createHash("sha256").update(`${found.ino}:${found.size}:${found.mtimeMs}`).digest("hex");
    return { key, size: found.size, tag, modified: found.mtime };
  }

  async function* readFile(
    key: string,
    path: string,
    options: (StorageOptions & { range?: ByteRange }) | undefined,
  ): AsyncIterable<Uint8Array> {
    try {
      await using file = await open(path, "r");
      // The size of what was opened: another object may have taken the place of the one looked at before.
      const { start, end } = options?.range ?? { start: 0, end: (await file.stat()).size };
      for (let position = start; position < end;) {
        options?.signal?.throwIfAborted();
        const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, end - position));
        const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, position);
        if (bytesRead === 0) throw tooShort(url, key, end);
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      throw classifyFileError(error, url, key);
    }
  }

  return {
    url,
    limits: LIMITS,

    put: (key, body, options) =>
      attempt(key, options, () => withStaged(body, (staged) => publish(staged, key, rename))),

    create: (key, body, options) =>
      attempt(key, options, () => withStaged(body, (staged) => publish(staged, key, link))),

    replace: (key, body, tag, options) =>
      attempt(key, options, async () => {
        const path = pathOf(key);
        return withStaged(body, (staged) =>
          whileLocked(key, options, async () => {
            const current = await infoOf(key, path).catch(() => undefined);
            if (current?.tag !== tag) throw preconditionFailed(url, key);
            return publish(staged, key, rename);
          }),
        );
      }),

    startUpload: (key, partSize, options) =>
      attempt(key, options, async () => {
        checkedSegments(key);
        await mkdir(staging, PRIVATE_FOLDER);
        const staged = join(staging, `${randomUUID()}~${encodeURIComponent(key)}`);
        return startFileUpload(key, staged, partSize, () =>
          attempt(key, undefined, () => publish(staged, key, rename)),
        );
      }),

    get: (key, options) =>
      attempt(key, options, async () => {
        const path = pathOf(key);
        const { size } = await infoOf(key, path);
        const range = options?.range;
        if (range !== undefined && range.end > size) throw tooShort(url, key, range.end);
        return readFile(key, path, options);
      }),

    head: (key, options) => attempt(key, options, () => infoOf(key, pathOf(key))),

    async *list(prefix, options) {
      for await (const path of walk(directory, options?.signal)) {
        const key = path.split(sep).join("/");
        if (!key.startsWith(prefix)) continue;
        const info = await infoOf(key, join(directory, path)).catch((error: unknown) => {
          if (isCode(error, "ENOENT")) return undefined; // gone since it was listed
          throw error;
        });
        if (info !== undefined) yield info;
      }
    },

    async *listUploads(prefix, options): AsyncIterable<UnfinishedUpload> {
      const names = await readdir(staging).catch(() => []);
      for (const name of names) {
        options?.signal?.throwIfAborted();
        const mark = name.indexOf("~");
        if (mark === -1) continue;
        const key = decodeURIComponent(name.slice(mark + 1));
        if (!key.startsWith(prefix)) continue;
        const path = join(staging, name);
        const started = await stat(path).catch(() => undefined);
        if (started === undefined) continue;
        yield { key, started: started.birthtime, abort: () => rm(path, { force: true }) };
      }
    },

    delete: (key, options) => attempt(key, options, () => rm(pathOf(key), { force: true })),

    async close() {},
  };

  async function attempt<T>(
    key: string,
    options: StorageOptions | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    options?.signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      options?.signal?.throwIfAborted();
      throw classifyFileError(error, url, key);
    }
  }
}

/** The paths of all files below `directory`, relative to it, without what is being staged. A missing folder is empty. */
async function* walk(directory: string, signal: AbortSignal | undefined, below = ""): AsyncIterable<string> {
  signal?.throwIfAborted();
  const entries = await readdir(join(directory, below), { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return [];
    throw classifyFileError(error, directory, below);
  });
  for (const entry of entries) {
    const path = join(below, entry.name);
    if (entry.isDirectory() && path !== STAGING) yield* walk(directory, signal, path);
    else if (entry.isFile()) yield path;
  }
}

/** Makes a lock file; false where there is one. */
async function isMade(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, "", { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** So that the name survives a crash, too. Not every file system can do it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

function checkedSegments(key: string): string[] {
  const segments = key.split("/");
  const isBad = (segment: string): boolean =>
    segment === "" || segment === "." || segment === ".." || segment === STAGING || segment.includes("\0");
  if (segments.some(isBad)) throw new StorageError("permanent", `not a valid key: ${JSON.stringify(key)}`);
  return segments;
}

import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { isSystemError } from "./disk.ts";

/**
 * Locks between processes: a file made by an exclusive create, that names its holder. The lock of a process that died is
 * taken over.
 *
 * A holder on this machine is looked up by its process id and start time. One elsewhere (a shared folder, a container
 * with a name of its own) cannot be, so every holder touches its file, and one that stopped doing so is taken for dead.
 */

const POLL_INTERVAL = 100;
const TOUCH_INTERVAL = 5_000;
/** Milliseconds without a touch, after which a holder that cannot be looked up is taken for dead. */
const SILENCE = 60_000;
/** Milliseconds; a take-over lasts a few. One this old was left by a process that died in the middle of it. */
const TAKEOVER_TIMEOUT = 10_000;

export interface LockOptions {
  signal: AbortSignal;
  /** Called once if there is a wait; `holder` is a process id, where it is known. */
  onWait?: (holder: number | undefined) => void;
}

/**
 * Takes the lock at `path`, waiting for its holder.
 *
 * @throws the signal's reason when it fires during the wait
 */
export async function lockFile(path: string, { signal, onWait }: LockOptions): Promise<AsyncDisposable> {
  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted();
    const lock = await tryLockFile(path);
    if (lock !== undefined) return lock;
    if (isFirst) onWait?.((await readHolder(path))?.pid);
    await delay(POLL_INTERVAL, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Takes the lock at `path` if it is free or its holder is dead. */
export async function tryLockFile(path: string): Promise<AsyncDisposable | undefined> {
  const token = randomUUID();
  const content = await describeThisProcess(token);
  if (await createFile(path, content)) return hold(path, token);
  if (await isHeld(path)) return undefined;
  return (await takeOver(path, content)) ? hold(path, token) : undefined;
}

/** Makes a file that says that this process uses something. Nobody else makes one of that name. */
export async function markFile(path: string): Promise<AsyncDisposable> {
  const lock = await tryLockFile(path);
  if (lock === undefined) throw new Error(`${path} was there already`);
  return lock;
}

/** Whether the lock or mark at `path` is there, and its holder lives. */
export async function isHeld(path: string): Promise<boolean> {
  const touched = await lastTouched(path);
  if (touched === undefined) return false;
  const holder = await readHolder(path);
  if (holder?.host === hostname()) return isRunning(holder);
  return Date.now() - touched < SILENCE;
}

interface Holder {
  pid: number;
  host: string;
  /** When the process started, as its system says it; undefined where the system does not. */
  started: string | undefined;
  /** Tells this lock from every other. */
  token: string;
}

/**
 * Replaces the lock of a dead holder. One process at a time may, and looks again before it does: otherwise the second
 * of two that saw the dead one would remove the lock of the first.
 */
async function takeOver(path: string, content: string): Promise<boolean> {
  const guard = `${path}.takeover`;
  if (!(await createFile(guard, content))) {
    const touched = await lastTouched(guard);
    if (touched !== undefined && Date.now() - touched > TAKEOVER_TIMEOUT) await rm(guard, { force: true });
    return false;
  }
  let isTaken = false;
  try {
    if ((await lastTouched(path)) === undefined || (await isHeld(path))) return false;
    // The guard becomes the lock, in one step.
    await rename(guard, path);
    isTaken = true;
    return true;
  } finally {
    if (!isTaken) await rm(guard, { force: true });
  }
}

function hold(path: string, token: string): AsyncDisposable {
  const timer = setInterval(() => {
    const now = new Date();
    // Gone only when someone took it for stale: nothing to touch then.
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_INTERVAL);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      // Only one's own: it may have been taken over while this process was suspended.
      if ((await readHolder(path))?.token === token) await rm(path, { force: true });
    },
  };
}

async function createFile(path: string, content: string): Promise<boolean> {
  try {
    await using file = await open(path, "wx", 0o600);
    await file.writeFile(content);
    return true;
  } catch (error) {
    if (isSystemError(error, "EEXIST")) return false;
    throw error;
  }
}

async function lastTouched(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function describeThisProcess(token: string): Promise<string> {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    started: await startOf(process.pid),
    token,
  };
  return `${JSON.stringify(holder)}\n`;
}

/** Undefined while the file is being written, and when it holds something else. */
async function readHolder(path: string): Promise<Holder | undefined> {
  const content = await readFile(path, "utf8").catch(() => "");
  try {
    const parsed: unknown = JSON.parse(content);
    return isHolder(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== "object" || value === null) return false;
  if (!("pid" in value && "host" in value && "token" in value)) return false;
  const { pid, host, token } = value;
  const started = "started" in value ? value.started : undefined;
  return (
    typeof pid === "number" &&
    Number.isSafeInteger(pid) &&
    pid > 0 &&
    typeof host === "string" &&
    typeof token === "string" &&
    (typeof started === "string" || started === undefined)
  );
}

async function isRunning(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: there is one, of another user.
    if (!isSystemError(error, "EPERM")) return false;
  }
  const started = await startOf(holder.pid);
  // Process ids are used again: at once in a container, where the first is always 1.
  return started === undefined || holder.started === undefined || started === holder.started;
}

/** When a process started: clock ticks since the machine's start, and which start that was. Linux only. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const status = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, and may hold anything. The third is the state, the 22nd the start.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return "ended"; // a zombie: dead, but its parent has not looked yet
    return `${boot.trim()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

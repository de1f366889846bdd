import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Bytes of buffers that may be left behind until they are looked for. Node looks when there are many objects, whatever they
 * hold: left alone, a stream of large buffers takes 40 to 60 MB more than it needs.
 */
const MOST_GARBAGE = 32 * 1024 * 1024;

/** Bytes: smaller buffers are collected in time. */
const WORTH_FREEING = 8 * 1024;

type CollectGarbage = (options: { type: "minor" | "major" }) => void;

let collect: CollectGarbage | undefined;
let garbage = 0;

/**
 * Gives a buffer's memory back at once, whatever still points to it: who looks at it, or at another part of its memory, sees
 * nothing. Not for what the system may still be reading or writing.
 */
export function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer.byteLength < WORTH_FREEING) return;
  // A part may be cut from the piece of memory that Node keeps for small buffers; what is whole is nobody else's.
  const isOurs = byteLength === buffer.byteLength || buffer.byteLength > Buffer.poolSize;
  if (isOurs && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Says that buffers of `bytes` are of no more use. Frees what has gathered from time to time. */
export function leaveToGarbage(bytes: number): void {
  garbage += bytes;
  if (garbage >= MOST_GARBAGE) collectGarbage();
}

/** Frees all that is of no more use, in 15 to 60 ms. */
export function collectGarbage(): void {
  garbage = 0;
  collect ??= collector();
  collect({ type: "major" });
}

function collector(): CollectGarbage {
  setFlagsFromString("--expose-gc");
  // A new context has it from the start.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- it is V8's own function
  return runInNewContext("gc") as CollectGarbage;
}

import type { Sidecar } from "./keys.ts";
import type { Manifest } from "./manifest.ts";

/** A backup as it is in the storage: its manifest, and what lies beside it. */
export interface StoredBackup {
  manifest: Manifest;
  /** Which of them exist. */
  sidecars: ReadonlySet<Sidecar>;
}

/**
 * Whether a backup is what it should be, as far as anybody can tell without reading it: not suspect, or accepted by a
 * person. Only good ones are the latest, and only they count for retention and freshness. What is unreadable is never good.
 */
export function isGood({ manifest, sidecars }: StoredBackup): boolean {
  return manifest.suspect === undefined || sidecars.has("accepted");
}

/** Whether a person has pinned it: retention leaves it alone. */
export function isKept({ sidecars }: StoredBackup): boolean {
  return sidecars.has("kept");
}

/** Newest first, by when they started. Ties of the same millisecond are broken by the id, so that every reader agrees. */
export function newestFirst({ manifest: left }: StoredBackup, { manifest: right }: StoredBackup): number {
  return compareText(right.started, left.started) || compareText(right.id, left.id);
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

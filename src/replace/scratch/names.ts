import { createHash } from "node:crypto";

/** The names of the databases and roles that a restore makes. */

/** Bytes: PostgreSQL's limit on names. The server would cut a longer one silently, and two could become the same. */
const MAX_NAME_BYTES = 63;

/** `__` and hexadecimal digits that tell one shortened name from another. */
const DIGEST_LENGTH = 8;

/** The database that a restore builds in. */
export function scratchName(target: string, runId: string): string {
  return withSuffix(target, `__new_${runId}`);
}

/** The database that was replaced. */
export function oldName(target: string): string {
  return withSuffix(target, "__old");
}

/** The place of a database between two renames, and of a replaced one that is about to be dropped. */
export function passingName(target: string, runId: string): string {
  return withSuffix(target, `__was_${runId}`);
}

/** The copy of the last restored backup, as it was before the `after` steps. */
export function templateName(target: string): string {
  return withSuffix(target, "__template");
}

/** That copy while it is being made. */
export function templateDraftName(target: string, runId: string): string {
  return withSuffix(target, `__template_${runId}`);
}

/** What `temporaryRoleName` becomes where a template keeps what the role owned. */
export function templateRoleName(runId: string): string {
  return `dataops_template_${runId}`;
}

/** The role that a restore of a superuser loads as. */
export function temporaryRoleName(runId: string): string {
  return `dataops_restore_${runId}`;
}

/** `name` with `suffix`; where that is too long, the name is cut between characters and told apart by a digest. */
function withSuffix(name: string, suffix: string): string {
  if (Buffer.byteLength(name + suffix) <= MAX_NAME_BYTES) return name + suffix;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, DIGEST_LENGTH);
  const tail = `~${digest}${suffix}`;
  return cutToBytes(name, MAX_NAME_BYTES - Buffer.byteLength(tail)) + tail;
}

function cutToBytes(text: string, bytes: number): string {
  let cut = "";
  let size = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    cut += character;
  }
  return cut;
}

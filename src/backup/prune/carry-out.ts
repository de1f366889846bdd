import { inParallel } from "../../parallel.ts";
import { takeInventory, type BackupObjects } from "../../repository/inventory.ts";
import type { JobHold } from "../../repository/job-lease.ts";
import { SIDECARS, type BackupObject } from "../../repository/keys.ts";
import { readBackups } from "../../repository/read-backups.ts";
import type { ObjectInfo, Storage } from "../../storage/storage.ts";
import type { PrunePlan } from "./plan.ts";
import { surveying, type Survey } from "./survey.ts";

/** Objects deleted at the same time. */
const CONCURRENCY = 8;

/** What was deleted so far. */
export interface Deleted {
  backups: number;
  /** Of dead runs. */
  leftovers: number;
  packs: number;
  bytes: number;
}

export interface CarryOutRequest {
  storage: Storage;
  database: string;
  survey: Survey;
  plan: PrunePlan;
  /** On the job that makes backups of this database: none runs that could refer to what goes. */
  hold: JobHold;
  /** Counted up as things go, for whoever has to tell how far it came. */
  deleted: Deleted;
}

/**
 * Deletes what the plan says. What an end in the middle leaves is whole backups, and objects that nobody needs:
 *
 * 1. the manifests of all backups that go, the oldest first: from then on they are no backups;
 * 2. the other objects of these, and what dead runs left;
 * 3. packs that no manifest needs which is there by now, whatever the plan thought.
 *
 * @throws what the storage throws; the signal's reason; DataopsError `corrupt` where a manifest has come that cannot be read
 */
export async function carryOut(request: CarryOutRequest): Promise<void> {
  const { storage, plan, hold, deleted } = request;
  const inTurn = async <T>(
    items: readonly T[],
    work: (item: T, remove: Remove) => Promise<void>,
  ): Promise<void> =>
    inParallel(items, CONCURRENCY, hold.signal, async (item, signal) =>
      work(item, async (objects) => {
        for (const { key, size } of objects) {
          // A process that was asleep may not know yet that the job is another's.
          if (!hold.isHeld()) hold.signal.throwIfAborted();
          await storage.delete(key, { signal });
          deleted.bytes += size;
        }
      }),
    );

  await hold.confirm();
  await inTurn(plan.removals, async ({ objects }, remove) => {
    await remove(objectsOf(objects, ["manifest"]));
    deleted.backups += 1;
  });
  await inTurn(plan.removals, async ({ objects }, remove) => remove(objectsOf(objects, OTHERS)));
  await inTurn(plan.leftovers, async ({ objects }, remove) => {
    // A tombstone last: as long as anything else is there, it says what that is.
    await remove(objectsOf(objects, [...OTHERS, "manifest"]));
    deleted.leftovers += 1;
  });
  if (plan.packs.length === 0) return;
  const needed = await packsNeededNow(request);
  await hold.confirm();
  await inTurn(plan.packs, async (pack, remove) => {
    if (needed.has(pack.name)) return;
    await remove([pack]);
    deleted.packs += 1;
  });
}

type Remove = (objects: readonly Pick<ObjectInfo, "key" | "size">[]) => Promise<void>;

/** Every object beside a manifest. */
const OTHERS = ["archive", ...SIDECARS] as const satisfies readonly BackupObject[];

function objectsOf(objects: BackupObjects["objects"], which: readonly BackupObject[]): ObjectInfo[] {
  return which.flatMap((name) => objects.get(name) ?? []);
}

/**
 * The packs that manifests need which did not go, or have come since the plan.
 *
 * @throws DataopsError `corrupt` where one of them cannot be read; what the storage throws
 */
async function packsNeededNow(request: CarryOutRequest): Promise<ReadonlySet<string>> {
  const { storage, database, survey, plan, hold } = request;
  const { signal } = hold;
  const going = new Set(plan.removals.map(({ id }) => id));
  const staying = new Set(survey.backups.map(({ id }) => id).filter((id) => !going.has(id)));
  const inventory = await takeInventory(storage, database, { signal });
  const unexpected = inventory.backups.filter(({ id }) => !staying.has(id));
  const { backups, unreadable } = await readBackups(storage, unexpected, surveying(survey.packs), { signal });
  if (unreadable[0] !== undefined) throw unreadable[0].error;
  return new Set(backups.flatMap(({ packs }) => packs));
}

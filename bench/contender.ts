import type { Measurement } from "./measure.ts";
import type { Place } from "./place.ts";

/** One way to back up the source. */
export interface BackupContender {
  id: string;
  name: string;
  where: string;
  /** Whether a backup builds upon what the earlier ones stored, so that it has to be kept between runs. */
  keeps: boolean;
  place: Place;
  /** Whether an object there counts as uploaded; all do by default. */
  isCounted?: (key: string) => boolean;
  /** Makes things as they are before the first backup; not measured. */
  reset: () => Promise<void>;
  run: () => Promise<Measurement>;
  /** Restores the newest backup into an empty database of the target server; not measured. */
  restore: (database: string) => Promise<void>;
}

/** One way to bring the newest backup into a database. */
export interface RestoreContender {
  id: string;
  name: string;
  /** The database that it fills. */
  database: string;
  /** Makes things as they are at the start; not measured. */
  prepare: () => Promise<void>;
  run: () => Promise<Measurement>;
}

import type { Config } from "../config/config.ts";
import { openStorage } from "../storage/open.ts";

/**
 * Looks at the URL of the configured storage, if there is one. Asks nothing of the storage.
 *
 * @throws DataopsError `usage` where it is none
 */
export async function checkStorageUrl({ storage }: Config): Promise<void> {
  if (storage === undefined) return;
  const opened = await openStorage(storage);
  await opened.close();
}

import type { DatabaseConfig, SearchConfig } from "../config/config.ts";
import { connect } from "../postgres/client.ts";
import { MARKER_KEY } from "../repository/keys.ts";
import { openSearchEngine } from "../search/open.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import type { Storage } from "../storage/storage.ts";
import type { HeartbeatCheck } from "./heartbeat.ts";

/** Whether the storage can be listed. What is in it does not matter. */
export function storageCheck(storage: Pick<Storage, "list">): HeartbeatCheck {
  return {
    name: "storage",
    check: async (signal) => {
      // A listing fails where there is no bucket; of an object nobody could tell that from an empty one.
      for await (const _ of storage.list(MARKER_KEY, { signal })) return;
    },
  };
}

/** Whether a database lets us in, and answers. */
export function databaseCheck(database: Pick<DatabaseConfig, "name" | "connection">): HeartbeatCheck {
  return {
    name: `database ${database.name}`,
    check: async (signal) => {
      await using client = await connect(await database.connection.resolve(signal), {
        applicationName: "dataops:heartbeat",
        signal,
      });
      // A pooler lets us in before it has a server.
      await client.query("SELECT 1");
    },
  };
}

/** A connection that was kept from the last look may have ended since; who asks for the state waits for no more tries. */
const SEARCH_ATTEMPTS = 2;

/** An index to look for where the configuration has none on that engine; it need not be there. */
const ANY_INDEX = "dataops";

/**
 * Whether a search engine answers us as one. `index` is one that we may look for. Its connections are kept from look to
 * look until one fails, or it is disposed of; its settings are read at the first look, and anew after one that failed: a
 * variable that is missing is a problem of this engine alone, and a password may have been changed.
 */
export function searchCheck(config: SearchConfig, index = ANY_INDEX): HeartbeatCheck & AsyncDisposable {
  let opened: Promise<SearchEngine> | undefined;
  const close = async (): Promise<void> => {
    const last = opened;
    opened = undefined;
    const engine = await last?.catch(() => undefined);
    await engine?.close();
  };
  return {
    name: `search ${config.name}`,
    check: async (signal) => {
      opened ??= openSearchEngine(config, { attempts: SEARCH_ATTEMPTS, signal });
      try {
        const engine = await opened;
        const { version } = await engine.info({ signal });
        // Amazon's serverless collections cannot be asked what they are.
        if (version === "serverless") await engine.findIndexes(index, { signal });
      } catch (error) {
        await close();
        throw error;
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

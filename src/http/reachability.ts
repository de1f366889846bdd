import type { DatabaseConfig } from "../config/config.ts";
import { connect } from "../postgres/client.ts";
import { MARKER_KEY } from "../repository/keys.ts";
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

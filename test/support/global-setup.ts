import type { TestProject } from "vitest/node";
import { startServerBroker, type ServerBroker } from "./server-broker.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where tests ask for servers. */
    serverBroker: string;
  }
}

/** One broker for all projects of the run, though each loads this file and has its own set-up. */
declare global {
  var dataopsTestServers: { broker: Promise<ServerBroker> | undefined; users: number } | undefined;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (globalThis.dataopsTestServers ??= { broker: undefined, users: 0 });
  shared.users += 1;
  shared.broker ??= startServerBroker();
  const broker = await shared.broker;
  project.provide("serverBroker", broker.url);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    shared.broker = undefined;
    await broker.stop();
  };
}

import { startFauxqs as start } from "fauxqs";
import type { S3Server } from "./s3-servers.ts";

/** An S3 server within this process: up at once, without conditional writes, keys unchecked. For quick tests and the demo. */
export async function startFauxqs(port = 0): Promise<S3Server> {
  const server = await start({ port, host: "127.0.0.1", logger: false });
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    region: "us-east-1",
    accessKeyId: "test",
    secretAccessKey: "s3ntinel/test+secret",
    createBucket: (name) => {
      server.createBucket(name);
      return Promise.resolve();
    },
    stop: () => server.stop(),
  };
}

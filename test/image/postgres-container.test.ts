import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { connect } from "../../src/postgres/client.ts";
import { docker, hasOrPulls } from "../support/docker-engine.ts";
import { test } from "../support/image-test.ts";
import { startPostgresContainer } from "../support/postgres-container.ts";
import { settingsFor, SUPERUSER } from "../support/postgres-servers.ts";
import { ServerUnavailable } from "../support/server-unavailable.ts";

const LONG = 300_000;
const REASON = new ServerUnavailable("no PostgreSQL here");
const STAND_IN = fileURLToPath(new URL("../support/postgres-image", import.meta.url));

/** The official image, or what stands for it, made of the base that there is. */
async function postgresImage(base: string): Promise<string> {
  if (await hasOrPulls("postgres:15")) return "postgres:15";
  const name = "dataops-test/postgres:15";
  await docker(["build", "--network=host", `--build-arg=BASE=${base}`, `--tag=${name}`, STAND_IN], {
    environment: { DOCKER_BUILDKIT: "0" },
    patience: LONG,
  });
  return name;
}

test(
  "a PostgreSQL in a container serves the tests as one of this machine does, and is gone after",
  {
    timeout: LONG,
  },
  async ({ image }) => {
    const name = await postgresImage(image.base);
    const running = (): Promise<string> => docker(["ps", "--all", "--quiet", `--filter=ancestor=${name}`]);
    {
      await using server = await startPostgresContainer(15, REASON, name);
      await using client = await connect(settingsFor(server), { applicationName: "test" });
      expect(
        await client.query(
          `SELECT current_user AS "user", current_setting('fsync') AS fsync, current_setting('log_line_prefix') AS prefix,
                datcollate AS locale, pg_encoding_to_char(encoding) AS encoding
           FROM pg_database WHERE datname = current_database()`,
        ),
      ).toEqual([
        { user: SUPERUSER, fsync: "off", prefix: "%m [%p] %q%u@%d/%a ", locale: "C", encoding: "UTF8" },
      ]);
      expect(await running()).not.toBe("");
    }
    expect(await running()).toBe("");
  },
);

test(
  "an image that cannot be had is no failure, but a server that is not there",
  { timeout: LONG },
  async ({ image }) => {
    const absent = `${image.name}-absent`;
    await expect(startPostgresContainer(15, REASON, absent)).rejects.toThrow(ServerUnavailable);
    await expect(startPostgresContainer(15, REASON, absent)).rejects.toThrow(
      `no PostgreSQL here, or have Docker run where ${absent} is tagged or can be pulled`,
    );
  },
);

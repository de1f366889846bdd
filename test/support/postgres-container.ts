import { type PostgresVersion } from "./postgres-programs.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import { SENTINEL_PASSWORD, SUPERUSER, TEST_SETTINGS, type PostgresServer } from "./postgres-servers.ts";

/** PostgreSQL's port inside the container. */
const PORT = 5432;

/**
 * Starts the official image in Docker. It has no log to read, no socket and no client programs on this machine.
 *
 * @param reason why there is no server without Docker: what is reported where there is none with it either
 * @throws ServerUnavailable where there is no Docker, or the image cannot be had
 */
export async function startPostgresContainer(
  version: Exclude<PostgresVersion, "embedded">,
  reason: ServerUnavailable,
  image = `postgres:${version}`,
): Promise<PostgresServer> {
  const { GenericContainer, Wait } = await import("testcontainers");
  const { listen_addresses: _, ...settings } = TEST_SETTINGS;
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const start = async () => {
    await doWithoutReaperIfNeedBe();
    return (
      new GenericContainer(image)
        .withEnvironment({
          POSTGRES_USER: SUPERUSER,
          POSTGRES_PASSWORD: SENTINEL_PASSWORD,
          // As of the servers that are made without Docker.
          POSTGRES_INITDB_ARGS: "--encoding=UTF8 --locale=C",
        })
        .withCommand(["postgres", ...flags])
        .withExposedPorts(PORT)
        // It starts twice: the first time to make the database, without listening on TCP.
        .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
        .start()
    );
  };
  const container = await start().catch((cause: unknown) => {
    throw new ServerUnavailable(
      `${reason.message}, or have Docker run where ${image} is tagged or can be pulled`,
      { cause },
    );
  });
  const stop = async (): Promise<void> => {
    await container.stop();
  };
  return {
    version,
    host: container.getHost(),
    port: container.getMappedPort(PORT),
    user: SUPERUSER,
    password: SENTINEL_PASSWORD,
    socketDirectory: undefined,
    logFile: undefined,
    programs: undefined,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * testcontainers first starts a container that removes what a killed run leaves, from an image of its own. Where that one cannot
 * be had, a server is worth more than the tidying: whoever stops it removes it.
 */
async function doWithoutReaperIfNeedBe(): Promise<void> {
  const { getContainerRuntimeClient, getReaper } = await import("testcontainers");
  const client = await getContainerRuntimeClient();
  await getReaper(client).catch(() => {
    process.env["TESTCONTAINERS_RYUK_DISABLED"] = "true";
  });
}

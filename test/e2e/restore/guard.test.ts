import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, onTestFinished } from "vitest";
import { expectRefused, test, type Production } from "../../support/e2e-guard.ts";
import {
  laptopEnvironment,
  localDatabase,
  PRODUCTION,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { openTunnel } from "../../support/tunnel.ts";

/** How a configuration says where the local database is. */
interface Route {
  what: string;
  /** The environment in which `local` is production. */
  lead: (production: Production) => Record<string, string> | Promise<Record<string, string>>;
}

const ROUTES: readonly Route[] = [
  {
    what: "by host name",
    lead: ({ url }) => ({ LOCAL_DATABASE_URL: url.replace("@127.0.0.1:", "@localhost:") }),
  },
  { what: "by IP", lead: ({ url }) => ({ LOCAL_DATABASE_URL: url }) },
  { what: "through a tunnel on localhost", lead: throughTunnel },
  { what: "by Unix socket", lead: bySocket },
  { what: "through a tunnel's Unix socket", lead: throughSocketTunnel },
  {
    what: "with an empty database name, and PGDATABASE",
    lead: ({ server, name }) => ({ LOCAL_DATABASE_URL: urlFor(server, ""), PGDATABASE: name }),
  },
  {
    what: "with an empty database name, which is then the user's",
    lead: async ({ server, name }) => {
      await createUser(server, name);
      return { LOCAL_DATABASE_URL: urlFor(server, "", { user: name, password: "x" }) };
    },
  },
  {
    what: "with nothing but libpq's variables",
    lead: (production) => ({ ...libpqVariables(production), LOCAL_DATABASE_URL: "postgres://" }),
  },
  {
    what: "as keywords",
    lead: ({ server, name }) => ({
      LOCAL_DATABASE_URL: `host=${server.host} port=${server.port} dbname=${name} user='${server.user}'`,
      PGPASSWORD: server.password,
    }),
  },
  { what: "by a service file", lead: (production) => byService(production, "postgres:///?service=handy") },
  {
    what: "by a service file that PGSERVICE names",
    lead: async (production) => ({ ...(await byService(production, "postgres://")), PGSERVICE: "handy" }),
  },
  {
    what: "as a role that owns it and is no superuser",
    lead: async ({ server, name }) => {
      const user = uniqueName("owner");
      await createUser(server, user);
      await runAsSuperuser(server, `ALTER DATABASE ${name} OWNER TO ${user}`);
      onTestFinished(() => runAsSuperuser(server, `REASSIGN OWNED BY ${user} TO CURRENT_USER`));
      return { LOCAL_DATABASE_URL: urlFor(server, name, { user, password: "x" }) };
    },
  },
];

describe("settings of the local database that reach production", () => {
  test.for(ROUTES)("$what are refused, and nothing is changed", async ({ lead }, { production, dataops }) => {
    const environment = { ...laptopEnvironment(production.folder, production), ...(await lead(production)) };
    await expectRefused(production, dataops, { environment });
  });

  test("after it was renamed are refused, and nothing is changed", async ({ production, dataops }) => {
    const renamed = `${production.name}_of_today`;
    await runAsSuperuser(production.server, `ALTER DATABASE ${production.name} RENAME TO ${renamed}`);
    const now = { ...production, ...localDatabase(production.server, renamed) };
    await expectRefused(now, dataops, { environment: laptopEnvironment(production.folder, now) });
  });

  test("after it was made anew under its name are refused, and nothing is changed", async ({
    production,
    dataops,
  }) => {
    await runAsSuperuser(production.server, `DROP DATABASE ${production.name}`);
    await production.create(PRODUCTION);
    await expectRefused(production, dataops, {
      environment: laptopEnvironment(production.folder, production),
    });
  });

  test("are refused, too, where it is stamped for development", async ({ production, dataops }) => {
    await runAsSuperuser(
      production.server,
      `ALTER DATABASE ${production.name} SET dataops.environment = 'development'`,
    );
    await expectRefused(production, dataops, {
      environment: laptopEnvironment(production.folder, production),
    });
  });
});

async function throughTunnel({ server, name }: Production): Promise<Record<string, string>> {
  const tunnel = await openTunnel(server);
  onTestFinished(() => tunnel[Symbol.asyncDispose]());
  return { LOCAL_DATABASE_URL: urlFor({ ...server, ...tunnel }, name) };
}

function bySocket({ server, name }: Production): Record<string, string> {
  return socketAt(server.socketDirectory ?? "", server, name);
}

async function throughSocketTunnel({ server, name }: Production): Promise<Record<string, string>> {
  const directory = await temporaryFolder("socket");
  const tunnel = await openTunnel(server, { socketPath: join(directory, `.s.PGSQL.${server.port}`) });
  onTestFinished(() => tunnel[Symbol.asyncDispose]());
  return socketAt(directory, server, name);
}

function socketAt(directory: string, server: LocalDatabase["server"], name: string): Record<string, string> {
  const login = [server.user, server.password].map(encodeURIComponent).join(":");
  return {
    LOCAL_DATABASE_URL: `postgres://${login}@/${name}?host=${encodeURIComponent(directory)}&port=${server.port}`,
  };
}

function libpqVariables({ server, name }: Production): Record<string, string> {
  return {
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
    PGDATABASE: name,
  };
}

async function byService({ server, name }: Production, url: string): Promise<Record<string, string>> {
  const file = join(await temporaryFolder("service"), "pg_service.conf");
  const lines = [
    "[handy]",
    `host=${server.host}`,
    `port=${server.port}`,
    `dbname=${name}`,
    `user=${server.user}`,
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return { LOCAL_DATABASE_URL: url, PGSERVICEFILE: file, PGPASSWORD: server.password };
}

async function createUser(server: LocalDatabase["server"], user: string): Promise<void> {
  await runAsSuperuser(server, `CREATE ROLE ${user} LOGIN CREATEDB PASSWORD 'x'`);
}

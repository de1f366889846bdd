import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import type { Environment } from "../../src/config/environment.ts";
import { chooseDumpClient, discoverTools, type InstalledTools } from "../../src/postgres/tools.ts";

const run = promisify(execFile);

export interface CompareOptions {
  /** Names, as in the differences, of what may differ: what a restore leaves out and reports, an event trigger for one. */
  ignore?: RegExp;
}

/** Everything about one database that a restore has to bring back, as lines by a name that says what they are. */
export type Picture = ReadonlyMap<string, string>;

/**
 * Looks for anything in which two databases differ: the schema by stock pg_dump's own account, every row of every table
 * and materialized view, the sequences' states, the large objects.
 *
 * Both connections need a superuser, for row-level security and large objects. Owners and grants are not compared: a restore leaves them out.
 *
 * @returns one line for each difference; none where the two are equal
 */
export async function compareDatabases(
  expected: ConnectionSettings,
  actual: ConnectionSettings,
  options: CompareOptions = {},
): Promise<string[]> {
  const [before, after] = await Promise.all([takePicture(expected), takePicture(actual)]);
  return comparePictures(before, after, options);
}

/**
 * Keeps what a database is now, to compare it with another one, or with itself, later.
 *
 * @param environment where pg_dump is looked for
 */
export async function takePicture(
  settings: ConnectionSettings,
  environment: Environment = process.env,
): Promise<Picture> {
  const client = new pg.Client({
    host: settings.host,
    port: settings.port,
    user: settings.user,
    password: settings.password?.reveal(),
    database: settings.database,
  });
  await client.connect();
  try {
    await client.query(READING_SETTINGS);
    const picture = new Map<string, string>();
    for (const { name, value } of await rows(client, DATABASE_QUERY)) picture.set(`database ${name}`, value);
    for (const { name, value: columns } of await rows(client, TABLES_QUERY)) {
      const [digest] = await rows(client, tableQuery(name, columns));
      picture.set(`rows of ${name}`, digest?.value ?? "");
    }
    for (const { name } of await rows(client, SEQUENCES_QUERY)) {
      const [state] = await rows(client, `SELECT last_value || ' ' || is_called AS value FROM ${name}`);
      picture.set(`sequence ${name}`, state?.value ?? "");
    }
    for (const { name, value } of await rows(client, LARGE_OBJECTS_QUERY))
      picture.set(`large object ${name}`, value);
    const [version] = await rows(client, "SELECT current_setting('server_version_num') AS value");
    await addSchema(picture, settings, await discoverTools(environment), Number(version?.value));
    return picture;
  } finally {
    await client.end();
  }
}

const READING_SETTINGS = `SET row_security = off; SET search_path = pg_catalog; SET extra_float_digits = 3; SET TimeZone = UTC;
  SET DateStyle = ISO; SET IntervalStyle = postgres; SET bytea_output = hex; SET statement_timeout = 0; SET jit = off`;

const DATABASE_QUERY = `
  SELECT setting.key AS name, setting.value
  FROM pg_database, jsonb_each_text(jsonb_build_object('encoding', pg_encoding_to_char(encoding), 'collation', datcollate, 'characters', datctype)) setting
  WHERE datname = current_database()`;

/**
 * Tables, partitions and filled materialized views, each alone: a partitioned table has no rows of its own. Their columns
 * by name: a child that got a parent's column after its own has it before them when it is restored.
 */
const TABLES_QUERY = `
  SELECT format('%I.%I', nspname, relname) AS name,
         (SELECT string_agg(format('%I', attname), ', ' ORDER BY attname COLLATE "C")
            FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS value
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'm') AND relispopulated AND relpersistence <> 't'
    AND nspname <> 'information_schema' AND nspname !~ '^pg_'
  ORDER BY 1`;

const SEQUENCES_QUERY = `
  SELECT format('%I.%I', nspname, relname) AS name
  FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind = 'S' AND relpersistence <> 't' ORDER BY 1`;

const LARGE_OBJECTS_QUERY = `
  SELECT oid::text AS name, encode(sha256(lo_get(oid)), 'hex') || ' ' || coalesce(obj_description(oid, 'pg_largeobject'), 'no comment') AS value
  FROM pg_largeobject_metadata`;

/** Rows as text, whatever their order: their count, and sums of two independent 64-bit hashes of each. */
function tableQuery(name: string, columns: string | null): string {
  return `SELECT concat_ws(' ', count(*), sum(hashtextextended(line, 1)), sum(hashtextextended(line, 2))) AS value
    FROM (SELECT ROW(${columns ?? ""})::text AS line FROM ONLY ${name}) AS lines`;
}

async function rows(client: pg.Client, sql: string): Promise<{ name: string; value: string }[]> {
  return (await client.query<{ name: string; value: string }>(sql)).rows;
}

/** Adds the schema as pg_dump says it, entry by entry, so that a difference names its object. */
async function addSchema(
  picture: Map<string, string>,
  settings: ConnectionSettings,
  tools: readonly InstalledTools[],
  serverVersion: number,
): Promise<void> {
  const client = chooseDumpClient(tools, serverVersion);
  const { stdout } = await run(
    join(client.directory, "pg_dump"),
    ["--schema-only", "--no-owner", "--no-acl", "--no-tablespaces"],
    {
      maxBuffer: 1024 ** 3,
      env: {
        PATH: process.env["PATH"],
        LC_ALL: "C",
        PGHOST: settings.host,
        PGPORT: String(settings.port),
        PGUSER: settings.user,
        PGPASSWORD: settings.password?.reveal(),
        PGDATABASE: settings.database,
      },
    },
  );
  // Each entry begins with `--`, `-- Name: …; Type: …; Schema: …`, `--`.
  for (const [index, entry] of stdout.split(/^--\n(?=-- Name: )/m).entries()) {
    const title = index === 0 ? "preamble" : entry.slice("-- ".length, entry.indexOf("\n--\n"));
    const name = `schema: ${title}`;
    picture.set(name, (picture.get(name) ?? "") + withoutNoise(entry));
  }
}

/** What differs between any two dumps: a random key, and the versions of server and program. */
const NOISE = /^(?:\\(?:un)?restrict .*|-- Dumped (?:from|by) .*|-- (?:Started|Completed) on .*)\n/gm;

function withoutNoise(entry: string): string {
  return entry.replaceAll(NOISE, "").trim();
}

/** One line for each difference of two pictures; none where they are equal. */
export function comparePictures(
  expected: Picture,
  actual: Picture,
  { ignore: ignored }: CompareOptions = {},
): string[] {
  const found: string[] = [];
  for (const [name, value] of expected) {
    const other = actual.get(name);
    if (other === value || ignored?.test(name) === true) continue;
    found.push(other === undefined ? `${name} is missing` : `${name}: expected ${excerpt(value, other)}`);
  }
  for (const name of actual.keys())
    if (!expected.has(name) && ignored?.test(name) !== true) found.push(`${name} is extra`);
  return found;
}

/** The first place where the two texts part. */
function excerpt(expected: string, actual: string): string {
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at += 1;
  const start = Math.max(0, at - 40);
  return `${JSON.stringify(expected.slice(start, at + 80))}, found ${JSON.stringify(actual.slice(start, at + 80))}`;
}

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import { chooseDumpClient, discoverTools } from "../../src/postgres/tools.ts";
import { quoteIdentifier } from "../../src/postgres/quote.ts";

const run = promisify(execFile);

export interface CompareOptions {
  /** Names, as in the differences, of what may differ: what a restore leaves out and reports, an event trigger for one. */
  ignore?: RegExp;
}

/** Everything about one database that a restore has to bring back, as lines by a name that says what they are. */
type Picture = Map<string, string>;

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
  const pictures = await Promise.all([expected, actual].map((settings) => takePicture(settings)));
  const [before, after] = pictures;
  if (before === undefined || after === undefined) throw new Error("two databases make two pictures");
  return differences(before, after, options.ignore);
}

async function takePicture(settings: ConnectionSettings): Promise<Picture> {
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
    const picture: Picture = new Map();
    for (const { name, value } of await rows(client, DATABASE_QUERY)) picture.set(`database ${name}`, value);
    for (const { name } of await rows(client, TABLES_QUERY)) {
      const [digest] = await rows(client, tableQuery(name));
      picture.set(`rows of ${name}`, digest?.value ?? "");
    }
    for (const { name } of await rows(client, SEQUENCES_QUERY)) {
      const [state] = await rows(client, `SELECT last_value || ' ' || is_called AS value FROM ${name}`);
      picture.set(`sequence ${name}`, state?.value ?? "");
    }
    for (const { name, value } of await rows(client, LARGE_OBJECTS_QUERY))
      picture.set(`large object ${name}`, value);
    const [version] = await rows(client, "SELECT current_setting('server_version_num') AS value");
    await addSchema(picture, settings, Number(version?.value));
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

/** Tables, partitions and filled materialized views, each alone: a partitioned table has no rows of its own. */
const TABLES_QUERY = `
  SELECT format('%I.%I', nspname, relname) AS name
  FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
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
function tableQuery(name: string): string {
  const row = quoteIdentifier("the whole row, under a name that no column has");
  return `SELECT concat_ws(' ', count(*), sum(hashtextextended(${row}::text, 1)), sum(hashtextextended(${row}::text, 2))) AS value FROM ONLY ${name} ${row}`;
}

async function rows(client: pg.Client, sql: string): Promise<{ name: string; value: string }[]> {
  return (await client.query<{ name: string; value: string }>(sql)).rows;
}

/** Adds the schema as pg_dump says it, entry by entry, so that a difference names its object. */
async function addSchema(
  picture: Picture,
  settings: ConnectionSettings,
  serverVersion: number,
): Promise<void> {
  const client = chooseDumpClient(await discoverTools(process.env), serverVersion);
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

/** A pure comparison of two pictures. */
function differences(expected: Picture, actual: Picture, ignored: RegExp | undefined): string[] {
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

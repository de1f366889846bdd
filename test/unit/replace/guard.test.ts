import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isProduction,
  judge,
  type DatabaseIdentity,
  type GuardRequest,
  type TargetFacts,
} from "../../../src/replace/guard/guard.ts";

const SOURCE: DatabaseIdentity = { systemIdentifier: "111", databaseOid: 16_384, databaseName: "shop" };

/** A local, filled, unstamped database of another server than the source's. */
const LOCAL: TargetFacts = {
  name: "shop_dev",
  oid: 20_000,
  systemIdentifier: "222",
  stamp: undefined,
  hasContent: true,
  arrivedAt: undefined,
  isLocal: true,
  inRecovery: false,
};

const REQUEST: GuardRequest = { environment: "development", configuredName: "local", source: SOURCE };

interface Case {
  because: string;
  facts?: Partial<TargetFacts>;
  request?: Partial<GuardRequest>;
  verdict: "allowed" | "confirm" | "refused";
  /** In the reason, the question or the hint. */
  says?: string;
}

const CASES: Case[] = [
  { because: "a filled local database needs a yes", verdict: "confirm", says: "shop_dev" },
  {
    because: "nothing is lost where no database is",
    facts: { oid: undefined, hasContent: false },
    verdict: "allowed",
  },
  { because: "nothing is lost with an empty database", facts: { hasContent: false }, verdict: "allowed" },
  {
    because: "production may be brought back into a new database",
    facts: { oid: undefined, hasContent: false, isLocal: false },
    request: { environment: "production" },
    verdict: "allowed",
  },
  {
    because: "production may be brought back into an empty database, also a stamped one",
    facts: { hasContent: false, isLocal: false, stamp: "production" },
    request: { environment: "production" },
    verdict: "allowed",
  },
  {
    because: "the stamp says production",
    facts: { stamp: "production" },
    verdict: "refused",
    says: "no flag lifts this",
  },
  { because: "the stamp says production otherwise spelled", facts: { stamp: " PROD " }, verdict: "refused" },
  {
    because: "stamp and configuration agree on production",
    facts: { stamp: "production" },
    request: { environment: "production" },
    verdict: "refused",
  },
  {
    because: "the configuration says production",
    request: { environment: "Production" },
    verdict: "refused",
    says: "configured",
  },
  {
    because: "the configuration says production, whatever the stamp says",
    facts: { stamp: "development" },
    request: { environment: "production" },
    verdict: "refused",
  },
  {
    because: "it is the source",
    facts: { name: "shop", oid: 16_384, systemIdentifier: "111" },
    verdict: "refused",
    says: "the backup was made of",
  },
  {
    because: "it is the source, stamped for the operation",
    facts: { name: "shop", oid: 16_384, systemIdentifier: "111", stamp: "development" },
    verdict: "refused",
  },
  {
    because: "it is the source under another name",
    facts: { name: "innocent", oid: 16_384, systemIdentifier: "111", stamp: "development" },
    verdict: "refused",
  },
  {
    because: "it has the source's name on the source's server, made anew",
    facts: { name: "shop", oid: 99_999, systemIdentifier: "111", stamp: "development" },
    verdict: "refused",
  },
  {
    because: "another server has a database with the source's name and oid",
    facts: { name: "shop", oid: 16_384 },
    verdict: "confirm",
  },
  {
    because: "a server that hides its identity has a database with the source's name and oid",
    facts: { name: "shop", oid: 16_384, systemIdentifier: undefined, stamp: "development" },
    verdict: "refused",
    says: "may be the one",
  },
  {
    because: "a stamped database on a server that hides its identity is another than the source",
    facts: { systemIdentifier: undefined, stamp: "development" },
    verdict: "allowed",
  },
  {
    because: "an unstamped database on a server that hides its identity may be anything",
    facts: { systemIdentifier: undefined },
    verdict: "refused",
    says: "does not tell its identity",
  },
  { because: "the stamp agrees", facts: { stamp: "development" }, verdict: "allowed" },
  {
    because: "the stamp agrees on a server elsewhere",
    facts: { stamp: "staging", isLocal: false },
    request: { environment: "staging" },
    verdict: "allowed",
  },
  {
    because: "the stamp agrees on the source's server",
    facts: { stamp: "staging", isLocal: false, systemIdentifier: "111" },
    request: { environment: "staging" },
    verdict: "allowed",
  },
  {
    because: "the stamp is another's",
    facts: { stamp: "staging" },
    verdict: "refused",
    says: "stamped staging",
  },
  {
    because: "a server elsewhere needs a stamp",
    facts: { isLocal: false },
    verdict: "refused",
    says: "no stamp",
  },
  {
    because: "the source's server needs a stamp, also through a tunnel that looks local",
    facts: { systemIdentifier: "111" },
    verdict: "refused",
    says: "on the server that the backup was made of",
  },
  {
    because: "nothing of a backup is involved: an undo of a local database needs a yes",
    request: { source: undefined },
    verdict: "confirm",
  },
  {
    because: "nothing of a backup is involved: an undo of production",
    facts: { stamp: "production" },
    request: { source: undefined },
    verdict: "refused",
  },
  {
    because: "the settings lead elsewhere, even where nothing seems to be there",
    facts: { oid: undefined, hasContent: false, arrivedAt: "shop" },
    verdict: "refused",
    says: "lead to database shop",
  },
  { because: "a standby takes nothing", facts: { hasContent: false, inRecovery: true }, verdict: "refused" },
];

describe("the guard", () => {
  test.for(CASES)("$verdict: $because", ({ facts, request, verdict, says }) => {
    const given = judge({ ...LOCAL, ...facts }, { ...REQUEST, ...request });
    expect(given.kind).toBe(verdict);
    expect(JSON.stringify(given)).toContain(says ?? "");
  });

  const environment = fc.constantFrom("production", "PROD", "staging", "development", "");
  const systemIdentifier = fc.constantFrom("111", "222", undefined);
  const oid = fc.constantFrom(16_384, 20_000, undefined);
  const name = fc.constantFrom("shop", "shop_dev");
  const facts: fc.Arbitrary<TargetFacts> = fc.record({
    name,
    oid,
    systemIdentifier,
    stamp: fc.option(environment, { nil: undefined }),
    hasContent: fc.boolean(),
    arrivedAt: fc.constantFrom(undefined, "other"),
    isLocal: fc.boolean(),
    inRecovery: fc.boolean(),
  });
  const request: fc.Arbitrary<GuardRequest> = fc.record({
    environment,
    configuredName: fc.constant("local"),
    source: fc.constantFrom(SOURCE, undefined),
  });
  const filled = facts.filter((given) => given.oid !== undefined && given.hasContent);

  test("never lets production go, nor the source, whatever else holds", () => {
    fc.assert(
      fc.property(filled, request, (target, wanted) => {
        const isSource =
          wanted.source !== undefined &&
          (target.systemIdentifier ?? "111") === "111" &&
          (target.systemIdentifier === undefined
            ? target.oid === SOURCE.databaseOid && target.name === SOURCE.databaseName
            : target.oid === SOURCE.databaseOid || target.name === SOURCE.databaseName);
        fc.pre(isSource || isProduction(target.stamp ?? "") || isProduction(wanted.environment));
        return judge(target, wanted).kind === "refused";
      }),
      { numRuns: 2_000 },
    );
  });

  test("never lets content go without a stamp that agrees, or a yes", () => {
    fc.assert(
      fc.property(filled, request, (target, wanted) => {
        const agrees = target.stamp?.trim().toLowerCase() === wanted.environment.trim().toLowerCase();
        return agrees || judge(target, wanted).kind !== "allowed";
      }),
      { numRuns: 2_000 },
    );
  });

  test("takes a yes for local databases alone, of servers known not to be the source's", () => {
    fc.assert(
      fc.property(filled, request, (target, wanted) => {
        const isElsewhere =
          target.systemIdentifier !== undefined &&
          target.systemIdentifier !== wanted.source?.systemIdentifier;
        return judge(target, wanted).kind !== "confirm" || (target.isLocal && isElsewhere);
      }),
      { numRuns: 2_000 },
    );
  });
});

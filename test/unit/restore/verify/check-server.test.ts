import { expect, test } from "vitest";
import { judgeVerifyServer } from "../../../../src/restore/verify/check-server.ts";

const SOURCE = "7423423423423423423";
const OTHER = "7000000000000000001";
const FACTS = { systemIdentifier: OTHER, inRecovery: false, stampedProduction: undefined };
const REQUEST = {
  configuredName: "staging",
  environment: "staging",
  sourceSystemIdentifier: SOURCE,
  allowSourceServer: false,
};

test.for([
  { name: "another server", facts: {}, request: {}, refused: undefined },
  {
    name: "the server that the backup was made of",
    facts: { systemIdentifier: SOURCE },
    request: {},
    refused: "the server of staging is the one that the backup was made of, or a copy of it",
  },
  {
    name: "that server, meant to be it",
    facts: { systemIdentifier: SOURCE },
    request: { allowSourceServer: true },
    refused: undefined,
  },
  {
    name: "a server that does not tell its identity",
    facts: { systemIdentifier: undefined },
    request: {},
    refused:
      "the server of staging does not tell its identity, and may be the one that the backup was made of",
  },
  {
    name: "one that does not tell, meant to be it",
    facts: { systemIdentifier: undefined },
    request: { allowSourceServer: true },
    refused: undefined,
  },
  {
    name: "a database that is configured as production",
    facts: {},
    request: { environment: "Production" },
    refused: "staging, whose server the verification would use, is configured as Production",
  },
  {
    name: "a server with a database that is stamped as production",
    facts: { stampedProduction: "shop" },
    request: {},
    refused: "database shop on the server of staging is stamped as production",
  },
  {
    name: "such a server, meant to be it",
    facts: { stampedProduction: "shop" },
    request: { environment: "production", allowSourceServer: true },
    refused: undefined,
  },
  {
    name: "a standby, meant or not",
    facts: { inRecovery: true },
    request: { allowSourceServer: true },
    refused: "the server of staging is a standby",
  },
])("$name", ({ facts, request, refused }) => {
  expect(judgeVerifyServer({ ...FACTS, ...facts }, { ...REQUEST, ...request })?.reason).toBe(refused);
});

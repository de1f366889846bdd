import { expect, test } from "vitest";
import { scramVerifier } from "../../../src/postgres/scram.ts";

test("is what PostgreSQL makes of the same password and salt", async () => {
  // RFC 7677's example: password `pencil`, with its keys.
  const verifier = await scramVerifier("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
  expect(verifier).toBe(
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});

test("a salt of its own each time", async () => {
  expect(await scramVerifier("pencil")).not.toBe(await scramVerifier("pencil"));
});

test("refuses what would have to be normalised", async () => {
  await expect(scramVerifier("pässword")).rejects.toThrow(RangeError);
});

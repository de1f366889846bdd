import { describe, expect, test } from "vitest";
import {
  oldName,
  passingName,
  scratchName,
  templateDraftName,
  templateName,
  templateRoleName,
  temporaryRoleName,
} from "../../../src/replace/scratch/names.ts";

const RUN = "20261121T040000Z-k3v9qa";
const BYTES = 63;

describe("names of a restore's databases", () => {
  test("say what they are of", () => {
    expect(scratchName("shop", RUN)).toBe(`shop__new_${RUN}`);
    expect(oldName("shop")).toBe("shop__old");
    expect(passingName("shop", RUN)).toBe(`shop__was_${RUN}`);
    expect(templateName("shop")).toBe("shop__template");
    expect(templateDraftName("shop", RUN)).toBe(`shop__template_${RUN}`);
    expect(templateRoleName(RUN)).toBe(`dataops_template_${RUN}`);
    expect(temporaryRoleName(RUN)).toBe(`dataops_restore_${RUN}`);
  });

  test.for([
    ["as long as fits", "a".repeat(58), `${"a".repeat(58)}__old`],
    ["a byte too long", "a".repeat(59), /^a{49}~[0-9a-f]{8}__old$/],
    ["as long as a name may be", "b".repeat(63), /^b{49}~[0-9a-f]{8}__old$/],
    ["cut between characters", `${"c".repeat(47)}${"☃".repeat(5)}`, /^c{47}~[0-9a-f]{8}__old$/],
  ] as const)("are PostgreSQL's length: %s", ([, target, expected]) => {
    const name = oldName(target);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(BYTES);
    expect(name).toMatch(expected instanceof RegExp ? expected : new RegExp(`^${expected}$`));
  });

  test("are told apart where what is cut off differs", () => {
    const [one, other] = [`${"a".repeat(62)}1`, `${"a".repeat(62)}2`];
    expect(scratchName(one, RUN)).not.toBe(scratchName(other, RUN));
    expect(Buffer.byteLength(scratchName(one, RUN))).toBeLessThanOrEqual(BYTES);
    expect(scratchName(one, RUN)).toMatch(new RegExp(`__new_${RUN}$`));
  });
});

import type { z } from "zod";
import { configJsonSchema } from "./schema.ts";
import { nearest } from "./nearest.ts";

/** One thing that is wrong in a configuration: where, and what. Never holds the value. */
export interface Problem {
  path: readonly PropertyKey[];
  message: string;
  /** The key that should not be there. */
  key: string | undefined;
}

/** What the schema found, in words for people. */
export function problemsOf(error: z.ZodError): Problem[] {
  const problems = error.issues.flatMap((issue) => describe(issue, []));
  // A misspelt key is also a missing one; the misspelling says more.
  return problems.toSorted((left, right) => Number(right.key !== undefined) - Number(left.key !== undefined));
}

/** Schema paths as people write them: `restore.local.after[0]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`,
    )
    .join("");
}

function describe(issue: z.core.$ZodIssue, parent: readonly PropertyKey[]): Problem[] {
  const path = [...parent, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path, key, message: unknownKey(path, key) }));
    case "invalid_union": {
      if (issue.message !== "Invalid input") return [{ path, key: undefined, message: issue.message }];
      const inner = fittingBranch(issue.errors);
      if (inner !== undefined) return inner.flatMap((one) => describe(one, path));
      return [{ path, key: undefined, message: "is not as expected" }];
    }
    case "invalid_key":
      return [
        {
          path: path.slice(0, -1),
          key: String(path.at(-1)),
          message: `the name ${JSON.stringify(path.at(-1))}: ${issue.issues[0]?.message ?? "is not valid"}`,
        },
      ];
    case "invalid_type":
      return [{ path, key: undefined, message: wrongType(issue) }];
    case "invalid_value":
      return [
        {
          path,
          key: undefined,
          message: `expected ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`,
        },
      ];
    default:
      return [{ path, key: undefined, message: issue.message }];
  }
}

/** The branch of a union that the value was meant to be: the one that complains about its keys, not about its type. */
function fittingBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  const [only] = fitting;
  return fitting.length === 1 && branches.length === 2 ? only : undefined;
}

function wrongType(issue: z.core.$ZodIssueInvalidType): string {
  if (issue.message.endsWith("received undefined")) return "is missing";
  if (!issue.message.startsWith("Invalid input: ")) return issue.message;
  if (issue.expected === "array") return "expected a list";
  const expected =
    issue.expected === "record" || issue.expected === "object" ? "keys and values" : `a ${issue.expected}`;
  return `expected ${expected}`;
}

function unknownKey(path: readonly PropertyKey[], key: string): string {
  const known = knownKeys(path);
  const meant = nearest(key, known);
  if (meant !== undefined) return `unknown key ${JSON.stringify(key)}, did you mean ${meant}?`;
  return `unknown key ${JSON.stringify(key)}${known.length === 0 ? "" : `, known: ${known.join(", ")}`}`;
}

/** The keys that may stand at a place, read from the schema itself. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let nodes: readonly unknown[] = [configJsonSchema()];
  for (const part of path) {
    nodes = nodes.flatMap(branchesOf).flatMap((node) => {
      if (typeof part === "number") return property(node, "items");
      const own = property(property(node, "properties")[0], String(part));
      return own.length > 0 ? own : property(node, "additionalProperties");
    });
  }
  return nodes.flatMap(branchesOf).flatMap((node) => Object.keys(property(node, "properties")[0] ?? {}));
}

function branchesOf(node: unknown): readonly unknown[] {
  const branches = property(node, "anyOf")[0];
  return Array.isArray(branches) ? branches : [node];
}

function property(node: unknown, key: string): object[] {
  if (typeof node !== "object" || node === null) return [];
  const value: unknown = Object.entries(node).find(([name]) => name === key)?.[1];
  return typeof value === "object" && value !== null ? [value] : [];
}

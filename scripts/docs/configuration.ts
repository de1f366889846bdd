import { configJsonSchema } from "../../src/config/schema.ts";
import { table } from "./table.ts";

/** A node of the JSON schema, as far as this page needs it. */
interface Node {
  type?: string;
  description?: string;
  default?: string | number | boolean | object;
  enum?: readonly unknown[];
  const?: string;
  pattern?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  anyOf?: readonly Node[];
  items?: Node;
}

/** Every key of the configuration file, from the schema that parses it. */
export function configurationPage(): string[] {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- JSON schema, made a line above
  const schema = configJsonSchema() as Node;
  return [
    "# Configuration",
    "",
    "`dataops.config.yaml` in the working directory, or the file that `--config` or `DATAOPS_CONFIG` names. An unknown key is an error.",
    "Values may hold `${NAME}` and `${NAME:-default}`; `$${` stands for a literal `${`. Relative paths are relative to the file.",
    "Durations are written `500ms`, `30s`, `5m`, `2h` or `1d`; sizes `500MB`, `64MiB`, or as a number of bytes.",
    "`dataops config schema` prints the same as a JSON schema for editors.",
    "",
    ...table(["key", "value", "default", "meaning"], rowsOf(schema, "")),
  ];
}

function rowsOf(node: Node, path: string): string[][] {
  const own = path === "" || node.description === undefined ? [] : [row(node, path)];
  const branches = node.anyOf ?? [node];
  return [...own, ...branches.flatMap((branch) => childRows(branch, path))];
}

/** What the names in a section are those of, where it is no database. */
const NAMED: Readonly<Record<string, string>> = { search: "engine", indexes: "index" };

function childRows(node: Node, path: string): string[][] {
  const named = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    rowsOf(withDescription(child), path === "" ? name : `${path}.${name}`),
  );
  const any =
    typeof node.additionalProperties === "object"
      ? rowsOf(withDescription(node.additionalProperties), `${path}.<${NAMED[path] ?? "database"}>`)
      : [];
  const items = node.items === undefined ? [] : childItems(node.items, `${path}[]`);
  return [...named, ...any, ...items];
}

function childItems(items: Node, path: string): string[][] {
  return (items.anyOf ?? [items]).flatMap((branch) => childRows(branch, path));
}

/** A union's description may stand at the branch that says more. */
function withDescription(node: Node): Node {
  const description =
    node.description ?? node.anyOf?.find((branch) => branch.description !== undefined)?.description;
  return description === undefined ? node : { ...node, description };
}

function row(node: Node, path: string): string[] {
  const fallback =
    node.default === undefined || typeof node.default === "object" ? "" : `\`${node.default}\``;
  return [`\`${path}\``, typeOf(node), fallback, node.description ?? ""];
}

function typeOf(node: Node): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(" or ");
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.anyOf !== undefined) {
    const types = node.anyOf.map(typeOf);
    if (types.includes("size")) return "size";
    if (types.includes("yes or no")) return "yes or no";
    if (types.includes("number")) return "number";
    return [...new Set(types)].join(" or ");
  }
  if (node.pattern?.includes("ms|s") === true) return "duration";
  if (node.pattern?.includes("KiB") === true) return "size";
  if (node.type === "integer") return "number";
  if (node.type === "boolean") return "yes or no";
  if (node.type === "array") return "list";
  return node.type === "object" ? "keys and values" : "text";
}

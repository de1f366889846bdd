import { isMap, isNode, isPair, LineCounter, parseDocument, type Document } from "yaml";
import { DataopsError } from "../errors.ts";

/** A place in a file: both from 1. */
export interface Position {
  line: number;
  column: number;
}

/** A configuration file that is valid YAML. */
export interface ConfigDocument {
  /** Plain values; empty for an empty file. */
  value: unknown;
  /** Where the value at `path` stands, or the nearest one around it. */
  positionOf(path: readonly PropertyKey[]): Position | undefined;
  /** Where the key itself stands, for keys that should not be there. */
  positionOfKey(path: readonly PropertyKey[], key: string): Position | undefined;
}

/**
 * Reads YAML. `name` is the file's, for messages.
 *
 * @throws DataopsError `usage` naming line and column of what is wrong
 */
export function parseConfigDocument(text: string, name: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new DataopsError("usage", `${name}:${line}:${col}: not valid YAML: ${oneLine(problem.message)}`, {
      hint: "see `dataops init` for an example, and quote values with special characters",
      cause: problem,
    });
  }
  const positionAt = (offset: number | undefined): Position | undefined => {
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  return {
    value: document.toJS() ?? {},
    positionOf: (path) => positionAt(nearestOffset(document, path)),
    positionOfKey: (path, key) => positionAt(keyOffset(document, path, key) ?? nearestOffset(document, path)),
  };
}

function nearestOffset(document: Document, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range !== null && node.range !== undefined) return node.range[0];
  }
  return undefined;
}

function keyOffset(document: Document, path: readonly PropertyKey[], key: string): number | undefined {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return undefined;
  const pair = map.items.find((item) => isPair(item) && String(item.key) === key);
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

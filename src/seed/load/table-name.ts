import { basename, extname } from "node:path";
import { quoteIdentifier, quoteQualified } from "../../postgres/quote.ts";

/** What orders files, and is no part of a table's name: `010_`. */
const ORDER = /^\d+[_-]/;

/** The table that a file's rows are for: `seeds/010_users.csv` is for `users`, `020_app.orders.csv` for `app.orders`. Pure. */
export function tableOfFile(path: string): string {
  const name = basename(path, extname(path)).replace(ORDER, "");
  return name === "" ? basename(path, extname(path)) : name;
}

/** `app.orders` as SQL writes it: what stands before the first dot is the schema. Pure. */
export function quoteTable(name: string): string {
  const dot = name.indexOf(".");
  if (dot <= 0 || dot === name.length - 1) return quoteIdentifier(name);
  return quoteQualified(name.slice(0, dot), name.slice(dot + 1));
}

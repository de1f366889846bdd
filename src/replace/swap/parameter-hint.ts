import { DataopsError, isDataopsError } from "../../errors.ts";

/** What a server says to a plain role that gives a database a setting which no module of the server defines. */
const DENIED_PARAMETER = /permission denied to set parameter "(?<parameter>[^"]+)"/;

/** Says with a statement's failure what would permit it: a superuser's grant, and nothing less. */
export async function withParameterHint(statement: Promise<unknown>): Promise<void> {
  try {
    await statement;
  } catch (error) {
    const parameter = isDataopsError(error, "notPermitted")
      ? error.message.match(DENIED_PARAMETER)?.groups?.["parameter"]
      : undefined;
    if (parameter === undefined || !(error instanceof DataopsError)) throw error;
    throw new DataopsError("notPermitted", error.message, {
      hint: `have a superuser run: GRANT SET ON PARAMETER ${parameter} TO the user (PostgreSQL 15 and later), or run this as a superuser`,
      cause: error,
    });
  }
}

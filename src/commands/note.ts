import { DataopsError } from "../errors.ts";
import { MAX_NOTE_LENGTH } from "../repository/sidecar.ts";

/**
 * The words that a person gives a decision, without white space around them.
 *
 * @throws DataopsError `usage` where there are too many
 */
export function requireNote(reason: string | undefined): string | undefined {
  const note = reason?.trim() ?? "";
  if (note === "") return undefined;
  if (note.length <= MAX_NOTE_LENGTH) return note;
  throw new DataopsError(
    "usage",
    `--reason takes ${MAX_NOTE_LENGTH} characters at most, not ${note.length}`,
    {
      hint: "say where the rest can be read",
    },
  );
}

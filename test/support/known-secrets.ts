import type { SecretSource } from "../../src/config/secret-reference.ts";
import { DataopsError } from "../../src/errors.ts";

/** Secrets by their references, and what was done with their source: `read ssm:/app/url`, `refresh`. */
export interface KnownSecrets extends SecretSource {
  events: readonly string[];
}

/** A source that knows these secrets, and no others. Ones that are changed later are seen. */
export function knownSecrets(secrets: Readonly<Record<string, string>>): KnownSecrets {
  const events: string[] = [];
  return {
    events,
    read: ({ text }) => {
      events.push(`read ${text}`);
      const value = secrets[text];
      if (value !== undefined) return Promise.resolve(value);
      return Promise.reject(new DataopsError("notPermitted", `cannot read ${text}`, { hint: "allow it" }));
    },
    refresh: () => void events.push("refresh"),
  };
}

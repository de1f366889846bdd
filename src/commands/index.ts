import type { AnyCommand } from "./command.ts";

/** One command as the overview shows it. Its module is loaded when it runs. */
export interface CommandEntry {
  /** As typed, with positionals: `restore <id>`. */
  usage: string;
  summary: string;
  group: "Backups" | "Restoring" | "Searching" | "Unattended" | "Setting up";
  load(): Promise<{ command: AnyCommand }>;
}

/** Every command there is. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    usage: "backup [database]",
    summary: "Back a database up to the storage",
    group: "Backups",
    load: () => import("./backup.ts"),
  },
  {
    usage: "list [database]",
    summary: "List the backups there are, newest first",
    group: "Backups",
    load: () => import("./list.ts"),
  },
  {
    usage: "show <id>",
    summary: "Show one backup in detail",
    group: "Backups",
    load: () => import("./show.ts"),
  },
  {
    usage: "status [database]",
    summary: "Show how fresh backups are, how they came about, and what runs next",
    group: "Backups",
    load: () => import("./status.ts"),
  },
  {
    usage: "check [database]",
    summary: "Say, by exit code too, whether there are good backups that are new enough",
    group: "Backups",
    load: () => import("./check.ts"),
  },
  {
    usage: "accept <id>",
    summary: "Make a suspect backup count",
    group: "Backups",
    load: () => import("./accept.ts"),
  },
  {
    usage: "keep <id>",
    summary: "Keep one backup, whatever the rules of retention say",
    group: "Backups",
    load: () => import("./keep.ts"),
  },
  {
    usage: "prune [database]",
    summary: "Delete backups that the rules of retention do not keep",
    group: "Backups",
    load: () => import("./prune.ts"),
  },
  {
    usage: "verify [id]",
    summary: "Read a backup whole, or restore it on another server, to see whether it is good",
    group: "Backups",
    load: () => import("./verify.ts"),
  },
  {
    usage: "fetch-latest-db",
    summary: "Bring the newest backup of production into the local database",
    group: "Restoring",
    load: () => import("./fetch-latest-db.ts"),
  },
  {
    usage: "restore <id>",
    summary: "Restore one backup into a database",
    group: "Restoring",
    load: () => import("./restore.ts"),
  },
  {
    usage: "export <id>",
    summary: "Write one backup to stdout as SQL that psql reads",
    group: "Restoring",
    load: () => import("./export.ts"),
  },
  {
    usage: "undo <database>",
    summary: "Bring back the database from before the last restore or reset",
    group: "Restoring",
    load: () => import("./undo.ts"),
  },
  {
    usage: "seed <database>",
    summary: "Reset a database to its seeds",
    group: "Restoring",
    load: () => import("./seed.ts"),
  },
  {
    usage: "stamp <database> <environment>",
    summary: "Write into a database what it is for, where the guard reads it",
    group: "Restoring",
    load: () => import("./stamp.ts"),
  },
  {
    usage: "reindex [words..]",
    summary: "Build search indexes anew, without an outage",
    group: "Searching",
    load: () => import("./reindex.ts"),
  },
  {
    usage: "daemon",
    summary: "Run every scheduled job, until it is told to end",
    group: "Unattended",
    load: () => import("./daemon.ts"),
  },
  {
    usage: "print <what>",
    summary: "Print what the configuration needs of AWS: a policy, a task",
    group: "Unattended",
    load: () => import("./print.ts"),
  },
  {
    usage: "init",
    summary: "Write a commented configuration file",
    group: "Setting up",
    load: () => import("./init.ts"),
  },
  {
    usage: "doctor",
    summary: "Check programs, configuration, storage and databases",
    group: "Setting up",
    load: () => import("./doctor.ts"),
  },
  {
    usage: "config <action>",
    summary: "Show the configuration, check it, or print its schema",
    group: "Setting up",
    load: () => import("./config.ts"),
  },
  {
    usage: "notify <action> [channel]",
    summary: "Send a test notice to those who are told of failures",
    group: "Setting up",
    load: () => import("./notify.ts"),
  },
  {
    usage: "completion [shell]",
    summary: "Print a completion script for bash, zsh or fish",
    group: "Setting up",
    load: () => import("./completion.ts"),
  },
];

/** `restore` of `restore <id>`. */
export function commandName({ usage }: Pick<CommandEntry, "usage">): string {
  return usage.split(" ", 1)[0] ?? usage;
}

/** `id` of `restore <id>`. */
export function positionalNames({ usage }: Pick<CommandEntry, "usage">): string[] {
  return [...usage.matchAll(/[<[](\w+)(?:\.\.)?[\]>]/g)].map(([, name = ""]) => name);
}

/** Whether its last positional takes any number of words: `reindex [words..]`. */
export function takesWords({ usage }: Pick<CommandEntry, "usage">): boolean {
  return usage.includes("..");
}

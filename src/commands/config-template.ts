/** What `dataops init` asks. */
export interface Answers {
  storage: string;
  production: string;
  local: string;
}

/** A configuration with a comment at everything a newcomer would ask about. */
export function configTemplate({ storage, production, local }: Answers): string {
  return `# The configuration of dataops. All that can be said: docs/reference/configuration.md, or \`dataops config schema\`.
# \${NAME} is an environment variable, \${NAME:-default} one with a default; NAME_FILE may name a file that holds it.

# Where backups are. For a store that is not Amazon's, write it out:
#   storage: { url: s3://bucket/prefix, endpoint: "https://s3.example.com", region: eu-1, checksums: when-required }
storage: ${JSON.stringify(storage)}

databases:
  # \`environment: production\` can be backed up, and can never be replaced by a restore.
  production:
    url: ${JSON.stringify(production)}
    environment: production
  local:
    url: ${JSON.stringify(local)}
    environment: development

backup:
  production:
    # schedule: "0 */4 * * *" # when backups are made; \`dataops check\` calls them stale once two in a row are missing
    # timezone: America/New_York # the schedule's; UTC by default
    # maxAge: 9h # or say yourself how old the newest good backup may be
    lockWaitTimeout: 30s # give up when somebody holds a table locked for longer
    stallTimeout: 5m # give up when nothing moves
    # Which backups \`dataops prune\` keeps; without it, all. Their starts in UTC count.
    # keep: { last: 3, within: 2d, daily: 14, weekly: 8, monthly: 12 }

restore:
  local:
    keepOld: true # the replaced database stays as <name>__old, for \`dataops undo\`
    # template: false # keep no copy for a quick second fetch of the same backup; it takes as much disk as the database
    # Run in the restored copy before anybody can connect to it: the place to remove real addresses and tokens.
    # after:
    #   - sql: scripts/neutralise.sql
    #   - command: [bin/rails, db:migrate]

# Who is told of failures and of suspect backups; \`dataops notify test\` tries it.
# notify:
#   - slack: "\${SLACK_WEBHOOK_URL}"
#   - ping: "\${HEALTHCHECK_URL}" # a dead man's switch: raises the alarm when no good backup was heard of

# A staging database, reset to its seeds by \`dataops seed staging\`. It has to be stamped once: \`dataops stamp staging staging\`.
# databases: { …, staging: { url: "\${STAGING_DATABASE_URL}", environment: staging } }
# seed:
#   staging:
#     schema: { sql: db/structure.sql } # or { command: [bin/rails, db:schema:load], inputs: [db/schema.rb] }, or { backup: production }
#     seeds: ["seeds/*.{sql,csv,json,ts}"]
#     expect: { users: ">=10" }

# What \`dataops daemon\` serves: a status page, health, metrics. Beyond this machine only with a token or a password.
# http: { host: 0.0.0.0, port: 8080, token: "\${DATAOPS_TOKEN}" }

# cache: { maxSize: 20GB } # downloaded backups, so that a second fetch downloads nothing
`;
}

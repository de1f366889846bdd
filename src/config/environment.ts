/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What is read from the environment, for the reference documentation. */
export const ENVIRONMENT_VARIABLES: readonly { name: string; meaning: string }[] = [
  { name: "DATAOPS_CONFIG", meaning: "the configuration file; `--config` wins over it" },
  { name: "DATAOPS_STORAGE", meaning: "where backups are: `s3://bucket/prefix` or `file:///directory`" },
  { name: "DATAOPS_CACHE_DIRECTORY", meaning: "where downloaded backups are kept" },
  {
    name: "DATAOPS_POSTGRES_BIN",
    meaning: "folders with PostgreSQL's programs, colon-separated, instead of the usual places",
  },
  {
    name: "DATAOPS_LEASE_DURATION",
    meaning:
      "how long a run holds its job without a sign of life, `30s` by default; short ones are for tests",
  },
  { name: "DATABASE_URL", meaning: "production, where there is no file" },
  {
    name: "LOCAL_DATABASE_URL",
    meaning: "the database that production is fetched into, where there is no file",
  },
  {
    name: "DB_HOST, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD",
    meaning: "production by its parts, where there is neither a file nor `DATABASE_URL`",
  },
  {
    name: "PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSERVICE, PGSSLMODE and others of libpq's",
    meaning:
      "production, where nothing above says; and what a URL leaves open, as for every PostgreSQL program",
  },
  {
    name: "PGPASSFILE",
    meaning: "passwords that a URL leaves out, by libpq's rules; `~/.pgpass` by default",
  },
  {
    name: "AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and the AWS SDK's others",
    meaning: "how the storage is reached; task roles, SSO and web identity work without any",
  },
  { name: "XDG_CACHE_HOME", meaning: "the folder of the cache's folder; `~/.cache` by default" },
  { name: "PORT", meaning: "the port that the daemon serves on; wins over `http.port`" },
  {
    name: "STATSD_HOST, STATSD_PORT",
    meaning: "where each run's end is sent by UDP, with DogStatsD's tags; to nobody by default, port 8125",
  },
  { name: "NO_COLOR", meaning: "no colours" },
];

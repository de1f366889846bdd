/** The name of a database or an index in the configuration: a folder in the storage, and a word on a command line. */
export const DATABASE_NAME_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/;

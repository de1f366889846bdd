/** What the server says when it has not enough of something, or ends: no fault of the rows that it was given. */
const SERVERS_OWN =
  /no space left on device|could not (?:extend|write)|out of (?:shared )?memory|too many (?:clients|connections)|terminating connection|shutting down|server closed the connection|canceling statement/i;

/** Whether what kept a backup from being loaded is the server's own trouble, and says nothing about the backup. Pure. */
export function isServersOwn(message: string): boolean {
  return SERVERS_OWN.test(message);
}

/** Why a server cannot be had here, and what would bring it. */
export class ServerUnavailable extends Error {
  override readonly name = "ServerUnavailable";
}

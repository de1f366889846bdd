/** A place in a bucket. */
export interface S3Location {
  bucket: string;
  /** Without slashes at its ends; may be empty. */
  prefix: string;
}

/** The place that `s3://bucket/prefix` names; undefined for any other URL, and for one with credentials or a query. Pure. */
export function parseS3Url(text: string): S3Location | undefined {
  const url = URL.parse(text);
  if (url?.protocol !== "s3:" || url.hostname === "" || url.username !== "" || url.search !== "") {
    return undefined;
  }
  try {
    return { bucket: url.hostname, prefix: decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, "") };
  } catch {
    // A percent sign that begins no character.
    return undefined;
  }
}

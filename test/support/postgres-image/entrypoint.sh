# As the official image does: makes a cluster for POSTGRES_USER with POSTGRES_PASSWORD, starts it once without TCP, and then for
# good, with the flags that it was given.
set -eu
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid=postgres --regid=postgres --init-groups sh "$0" "$@"
fi
for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done
password=$(mktemp)
printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=\"$password\" --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}"
rm "$password"
echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
pg_ctl --options="-c listen_addresses=''" --wait start
pg_ctl --mode=fast --wait stop
exec "$@" -c "listen_addresses=*"

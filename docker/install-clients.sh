#!/bin/sh
# Installs tini, certificates and PostgreSQL's client programs into a Debian image.
#   install-clients.sh pgdg|distribution "15 16 17" MIRROR
set -eu
from=$1
majors=$2
mirror=$3
export DEBIAN_FRONTEND=noninteractive

packages() {
  apt-get install -y -qq --no-install-recommends "$@"
}

# PostgreSQL's own repository, by the key that Debian has of it: in a package whose other files are for servers.
add_pgdg() {
  (cd /tmp && apt-get download -qq postgresql-common && dpkg-deb --extract postgresql-common_*.deb pgdg)
  mkdir -p /etc/apt/keyrings
  mv /tmp/pgdg/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc /etc/apt/keyrings/pgdg.asc
  rm -r /tmp/pgdg /tmp/postgresql-common_*.deb
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  echo "deb [signed-by=/etc/apt/keyrings/pgdg.asc] $mirror $codename-pgdg main" >/etc/apt/sources.list.d/pgdg.list
  # Otherwise what cannot be reached is a warning, and then no package is found.
  if ! apt-get update -qq -o APT::Update::Error-Mode=any; then
    echo "$mirror cannot be used: name a copy of it by PGDG_MIRROR, or take Debian's clients by CLIENTS_FROM=distribution" >&2
    exit 1
  fi
}

case $from in
pgdg | distribution) ;;
*)
  echo "CLIENTS_FROM is $from; expected pgdg or distribution" >&2
  exit 2
  ;;
esac

echo 'Acquire::Retries "3";' >/etc/apt/apt.conf.d/80retries
apt-get update -qq
packages ca-certificates tini
if [ "$from" = pgdg ]; then
  add_pgdg
  for major in $majors; do packages "postgresql-client-$major"; done
else
  packages postgresql-client
fi

apt-get clean
rm -rf /var/lib/apt/lists/*

#!/bin/sh
# Installs tini, certificates and PostgreSQL's client programs into a Debian image.
#   install-clients.sh pgdg|distribution "15 16 17"
set -eu
from=$1
majors=$2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates tini

case $from in
pgdg)
  apt-get install -y -qq --no-install-recommends postgresql-common
  /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
  for major in $majors; do
    apt-get install -y -qq --no-install-recommends "postgresql-client-$major"
  done
  ;;
distribution)
  apt-get install -y -qq --no-install-recommends postgresql-client
  ;;
*)
  echo "CLIENTS_FROM is $from; expected pgdg or distribution" >&2
  exit 2
  ;;
esac

apt-get clean
rm -rf /var/lib/apt/lists/*

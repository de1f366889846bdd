# dataops as a container: the daemon, or one command (`docker run IMAGE backup production`). See docs/image.md.
#
#   docker build --tag dataops .
#
# Arguments, each with the default that is right where nothing is said:
#   NODE_IMAGE      Debian with Node 24
#   CLIENTS_FROM    pgdg: the clients of all CLIENT_MAJORS from PostgreSQL's own repository; distribution: Debian's own
#   CLIENT_MAJORS   a dump needs a client of the server's major version, or a newer one
#   PGDG_MIRROR     where PostgreSQL's repository is copied to, for who does not reach it
#   VERSION, REVISION, SOURCE, BUILD   what /__version__ and the labels tell; BUILD is the URL of the build's log
#
# No BuildKit is needed.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
ENV NODE_ENV=development
COPY package.json package-lock.json ./
# The package `node` brings Node 24 to laptops; here it is there.
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY LICENSE ./
COPY scripts/build.ts scripts/bundle.ts ./scripts/
COPY src ./src
# Whoever checked it out may have closed the files to others, and `app` is another one. What npm notes of its own work names the
# registry that it asked.
RUN npm run build \
 && npm prune --omit=dev --no-audit --no-fund --ignore-scripts \
 && rm node_modules/.package-lock.json \
 && chmod -R a+rX dist \
 && chmod 644 package.json LICENSE

FROM ${NODE_IMAGE}
ARG CLIENTS_FROM=pgdg
ARG CLIENT_MAJORS="14 15 16 17 18"
ARG PGDG_MIRROR=https://apt.postgresql.org/pub/repos/apt
COPY docker/install-clients.sh /tmp/install-clients.sh
RUN sh /tmp/install-clients.sh "${CLIENTS_FROM}" "${CLIENT_MAJORS}" "${PGDG_MIRROR}" && rm /tmp/install-clients.sh

# Nobody installs packages in a container that runs, and npm's own would have to be kept up to date.
RUN for prefix in /usr/local /usr; do \
      rm -rf $prefix/lib/node_modules $prefix/bin/npm $prefix/bin/npx $prefix/bin/corepack $prefix/bin/yarn*; \
    done; \
    rm -rf /opt/yarn*

RUN groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --home-dir /var/lib/dataops --create-home --shell /usr/sbin/nologin app \
 && chmod 700 /var/lib/dataops \
 && ln -s /app/dist/cli.js /usr/local/bin/dataops
WORKDIR /app
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/package.json /build/LICENSE ./

ARG NODE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
ARG BUILD=unknown
# What Dockerflow calls version.json; `/__version__` shows it.
RUN node -e 'const [version, commit, source, build] = process.argv.slice(1); console.log(JSON.stringify({ version, commit, source, build }))' \
    "${VERSION}" "${REVISION}" "${SOURCE}" "${BUILD}" > /app/version.json
LABEL org.opencontainers.image.title="dataops" \
      org.opencontainers.image.description="Backs PostgreSQL up, brings backups to laptops, resets staging, rebuilds the search index" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"

# `PORT` wins over the configuration's `http.port`, so that the health check knows where to ask.
# Fewer pools of malloc: what a backup needs at most is less by a tenth.
ENV NODE_ENV=production \
    HOME=/var/lib/dataops \
    XDG_CACHE_HOME=/var/lib/dataops/cache \
    PORT=8080 \
    MALLOC_ARENA_MAX=2
# With a read-only root these two are all that is written to: the cache of packs, and temporary files.
VOLUME ["/var/lib/dataops", "/tmp"]
# Where dataops.config.yaml is looked for.
WORKDIR /etc/dataops
USER 10001:10001
EXPOSE 8080
# A one-shot run serves nothing, and is not asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "/app/dist/healthcheck.js"]
ENTRYPOINT ["/usr/bin/tini", "--", "dataops"]
CMD ["daemon"]

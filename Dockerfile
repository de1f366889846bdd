# dataops as a container: the daemon, or one command (`docker run IMAGE backup production`).
#
#   docker build --tag dataops .
#
# Arguments, each with the default that is right where nothing is said:
#   NODE_IMAGE        Debian with Node 24
#   CLIENTS_FROM      pgdg: the clients of all CLIENT_MAJORS from PostgreSQL's own repository; distribution: Debian's own
#   CLIENT_MAJORS     a dump needs a client of the server's major version, or a newer one
#   REVISION, VERSION what /__version__ tells
#
# No BuildKit is needed.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
ENV NODE_ENV=development
COPY package.json package-lock.json ./
# The package `node` brings Node 24 to laptops; here it is there.
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund --ignore-scripts

FROM ${NODE_IMAGE}
ARG CLIENTS_FROM=pgdg
ARG CLIENT_MAJORS="14 15 16 17 18"
COPY docker/install-clients.sh /tmp/install-clients.sh
RUN sh /tmp/install-clients.sh "${CLIENTS_FROM}" "${CLIENT_MAJORS}" && rm /tmp/install-clients.sh

RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --home-dir /var/lib/dataops --create-home --shell /usr/sbin/nologin app
WORKDIR /app
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY package.json LICENSE ./
RUN chmod 755 dist/cli.js && ln -s /app/dist/cli.js /usr/local/bin/dataops

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
# What Dockerflow calls version.json; `/__version__` shows it.
RUN printf '{"version":"%s","commit":"%s","source":"%s","build":""}\n' "${VERSION}" "${REVISION}" "${SOURCE}" > version.json
LABEL org.opencontainers.image.title="dataops" \
      org.opencontainers.image.description="Backs PostgreSQL up, brings backups to laptops, resets staging, rebuilds the search index" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"

# With a read-only root these two are all that is written to: the cache of packs, and temporary files.
# Fewer pools of malloc: what a backup needs at most is less by a tenth.
ENV NODE_ENV=production \
    HOME=/var/lib/dataops \
    XDG_CACHE_HOME=/var/lib/dataops/cache \
    MALLOC_ARENA_MAX=2
VOLUME ["/var/lib/dataops", "/tmp"]
USER 10001:10001
EXPOSE 8080
# A one-shot run serves nothing, and is not asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "/app/dist/healthcheck.js"]
ENTRYPOINT ["/usr/bin/tini", "--", "dataops"]
CMD ["daemon"]

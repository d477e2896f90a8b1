# Worker, gateway and every other command of the product; not `payouts local up`, which is for development.
#
#   docker build -t temporal-stripe-payouts .
#
# Not run where it was written: there was no Docker engine. test/tooling/compose.test.ts checks what it copies, and its
# steps were run by hand in an empty folder.

ARG NODE_IMAGE=node:20.19.5-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY drizzle ./drizzle
COPY --from=build /build/dist/workflow-bundle.js ./dist/
COPY --from=build /build/dist/src ./dist/src
RUN ln -s /app/dist/src/client/cli.js /usr/local/bin/payouts

# Files belong to root: the process cannot change its own code.
USER node
# Docker's own init (`docker run --init`, `init: true`) reaps what is left and passes SIGTERM on.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--enable-source-maps", "/app/dist/src/client/cli.js"]
CMD ["worker"]
# Of a worker; the gateway has its own in docker-compose.temporal.yml.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
  CMD ["node", "/app/dist/src/worker/health.js"]

# Any image with Node 20.19 or later, npm and Debian's C library will do.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM ${BASE}
ENV NODE_ENV=production
ENV DATABASE_URL=file:/data/calls.db RECORD_BACKLOG_FOLDER=/data/backlog
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY . .
# It starts in a third of the time, and needs less memory, when nothing is left to find and compile.
RUN TSX_DISABLE_CACHE=1 npm run build
# 1000 is `node` in the official image; by number, so that Kubernetes can see that it is not root.
RUN mkdir /data && chown 1000:1000 /data
VOLUME /data
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/health`).then(({ok}) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Not npm, and no shell: PID 1 has to get the signals.
CMD ["node", "--enable-source-maps", "dist/app.js"]

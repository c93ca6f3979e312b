# The daemon alone: compiled JavaScript and production packages, no compiler, no shell script, no root.
FROM node:24.11.1-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.ts ./scripts/build.ts
COPY src ./src
COPY sandbox ./sandbox
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.11.1-bookworm-slim
ENV NODE_ENV=production
# Where the daemon tells its own command line how to reach it.
ENV TWENTY_SYNC_CONTROL=/app/data
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY config ./config
# The user `node` of the base image; the one folder that it may write to.
RUN install -d -m 0700 -o 1000 -g 1000 data
USER 1000:1000
VOLUME /app/data
EXPOSE 8080
# Ready means that intake can append. Node has no curl beside it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["run", "--host", "0.0.0.0"]

# Image of the daemon and command line: one file of JavaScript on a base with Node. docs/container.md says how to run it.
# The default target has no shell; `--target slim` has one. A `syntax` line would make the builder pull a frontend.
ARG NODE_IMAGE=docker.io/library/node:26-trixie-slim
ARG DISTROLESS_IMAGE=gcr.io/distroless/nodejs26-debian13:nonroot

# The program is the same on every platform, so it is built on the platform of the builder. The other stages run no command, so
# they need no emulation.
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# The only install script downloads a second Node.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json README.md LICENSE ./
COPY scripts scripts
COPY src src
# /nodejs/bin/node is the path of Node in the distroless image. A new named volume takes the owner and the mode of /data.
RUN npm run build -- --program \
    && mkdir -p /out/bin /out/data /out/nodejs/bin \
    && cp -r dist/ollama-foreman /out/foreman \
    && sed -i '1s|.*|#!/nodejs/bin/node|' /out/foreman/foreman.js \
    && ln -s /foreman/foreman.js /out/bin/foreman \
    && ln -s /usr/local/bin/node /out/nodejs/bin/node \
    && chmod -R u=rwX,go=rX /out/foreman \
    && chown 65532:65532 /out/data \
    && chmod 700 /out/data

# With a shell and npm, for debugging. Everything below "same in both" is also in the other target.
FROM ${NODE_IMAGE} AS slim
ARG NODE_IMAGE
LABEL org.opencontainers.image.base.name="${NODE_IMAGE}"
COPY --from=build /out/nodejs /nodejs
# --- same in both
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="foreman" \
      org.opencontainers.image.description="A durable, observable queue in front of one Ollama server." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="foreman maintainers" \
      org.opencontainers.image.authors="foreman maintainers" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.url="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}"
COPY --from=build /out/foreman /foreman
COPY --from=build /out/bin /usr/local/bin
COPY --from=build --chown=65532:65532 /out/data /data
ENV NODE_ENV=production FOREMAN_ADDR=:8080 FOREMAN_DB=/data/foreman.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/bin/foreman", "health"]
ENTRYPOINT ["/usr/local/bin/foreman"]
CMD ["serve"]

# Only Node, its libraries and foreman, without a shell or a package manager.
FROM ${DISTROLESS_IMAGE} AS distroless
ARG DISTROLESS_IMAGE
LABEL org.opencontainers.image.base.name="${DISTROLESS_IMAGE}"
# --- same in both
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="foreman" \
      org.opencontainers.image.description="A durable, observable queue in front of one Ollama server." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="foreman maintainers" \
      org.opencontainers.image.authors="foreman maintainers" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.url="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}"
COPY --from=build /out/foreman /foreman
COPY --from=build /out/bin /usr/local/bin
COPY --from=build --chown=65532:65532 /out/data /data
ENV NODE_ENV=production FOREMAN_ADDR=:8080 FOREMAN_DB=/data/foreman.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/bin/foreman", "health"]
ENTRYPOINT ["/usr/local/bin/foreman"]
CMD ["serve"]

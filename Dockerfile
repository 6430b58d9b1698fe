# syntax=docker/dockerfile:1
# One static binary and what it needs of a system: certificates to call Stripe, and folders that it may write to.
#   docker build --build-arg VERSION=$(git describe --tags --always) -t till .
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X till/cmd/app.version=$VERSION" -o /out/till ./cmd/till
RUN mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build /out/till /till
USER 65532:65532
EXPOSE 8080
# There is no shell in here, so the binary asks itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s CMD ["/till", "health"]
ENTRYPOINT ["/till"]
CMD ["serve"]

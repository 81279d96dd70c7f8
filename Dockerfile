# A static binary in an empty image: no shell, no package manager, not root.
#
#   docker build -t wiretape .
#
# See "In a container" in README.md for how to run it.

FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY benches benches
# The C library goes into the binary. That needs --target even where it is the builder's own, because without it the
# flag would reach the compiler's plug-ins too, which cannot be static.
RUN host="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --bin wiretape --target "$host" \
    && mkdir -p /out/data \
    && cp "target/$host/release/wiretape" /out/wiretape

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/wiretape /wiretape
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
# Inside a container, loopback is the container's own, so the proxy listens on all of its addresses. wiretape refuses to
# do that without a token: whoever runs the image sets WIRETAPE_PROXY__TOKEN, or says WIRETAPE_PROXY__ALLOW_OPEN=true
# where only they can reach the published port. The web side stays on loopback, where the health check asks it.
ENV WIRETAPE_HOME=/data \
    WIRETAPE_PROXY__LISTEN=0.0.0.0:4750
EXPOSE 4750 4751
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/wiretape", "check", "--running"]
ENTRYPOINT ["/wiretape"]

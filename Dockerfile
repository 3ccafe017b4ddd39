# One file for every service: `docker build --build-arg SERVICE=sms --tag crier-sms .`
# An image holds shared/, its own service's folder and the packages of that extra, and nothing of other services.
ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS build
ARG SERVICE
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN test -n "${SERVICE}" || { echo "Say which: --build-arg SERVICE=sms" >&2; exit 1; }
COPY requirements/${SERVICE}.txt /requirements.txt
RUN python -m venv --without-pip /opt/crier \
 && pip --python /opt/crier/bin/python install --require-hashes --only-binary :all: --requirement /requirements.txt
WORKDIR /app
COPY shared/ shared/
COPY services/${SERVICE}/ services/${SERVICE}/
COPY templates/ templates/
COPY deploy/docker/ ./
# The catalogue is loaded into the ledger by the gateway; everybody else reads templates from there. Compiled here,
# as nothing can be written later.
RUN if [ "${SERVICE}" != gateway ]; then rm -r templates; fi \
 && /opt/crier/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/crier/lib /app

FROM python:${PYTHON}
ARG SERVICE
LABEL org.opencontainers.image.title="crier-${SERVICE}" org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin crier
COPY --from=build /opt/crier /opt/crier
COPY --from=build /app /app
ENV SERVICE=${SERVICE} \
    PATH=/opt/crier/bin:${PATH} \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CRIER_GATEWAY_HOST=0.0.0.0 \
    CRIER_INAPP_HOST=0.0.0.0 \
    CRIER_METRICS_PORT=9191
WORKDIR /tmp
USER crier
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "/app/healthy.py"]
ENTRYPOINT ["/app/start"]

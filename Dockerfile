FROM python:3.13-slim AS build
WORKDIR /src
COPY constraints.txt ./
# The locked releases, without the tools of the tests.
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --constraint constraints.txt hatchling
COPY LICENSE README.md pyproject.toml ./
COPY models models
COPY workers workers
COPY monitor monitor
COPY scripts scripts
# docker compose build --build-arg EXTRAS=[train] for `hotline routing train` in a container.
ARG EXTRAS=
RUN /opt/build/bin/hatchling build --target wheel --directory /dist \
    && python -m venv /opt/hotline \
    && /opt/hotline/bin/pip install --no-cache-dir --constraint constraints.txt \
        "$(echo /dist/*.whl)$EXTRAS"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/hotline hotline \
    && chmod 700 /var/lib/hotline
COPY --from=build /opt/hotline /opt/hotline
ENV PATH=/opt/hotline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOTLINE_HOME=/var/lib/hotline
USER 10001
WORKDIR /var/lib/hotline
VOLUME /var/lib/hotline
ENTRYPOINT ["hotline"]
CMD ["--help"]

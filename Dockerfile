# omma in a container: built on Debian 12, run on its slim image.
#   docker build -t omma .
#   docker run --rm omma apps
FROM debian:12 AS build
COPY run /source/run
RUN cd /source && ./run setup
COPY . /source
RUN cd /source && cmake --preset release && cmake --build --preset release \
    && cpack -G DEB -B /packages --config build/release/CPackConfig.cmake

FROM debian:12-slim
COPY --from=build /packages /packages
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends /packages/omma_*.deb \
    && rm -rf /packages /var/lib/apt/lists/* \
    && useradd --create-home omma
USER omma
ENTRYPOINT ["omma"]

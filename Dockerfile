# docker build --tag oral-cancer . && docker run --rm --gpus all --volume "$PWD:/work" oral-cancer train study=demo
#
# PyTorch's wheels bring CUDA with them, so that the host needs its driver and NVIDIA's container toolkit alone.
FROM python:3.12-slim-bookworm AS built

# The version, which is by git tags, where .git is not part of what is built from.
ARG VERSION=0.0.0
ENV SETUPTOOLS_SCM_PRETEND_VERSION_FOR_ORAL_CANCER=${VERSION} \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN python -m venv /opt/oral-cancer
ENV PATH=/opt/oral-cancer/bin:${PATH}
WORKDIR /source
COPY . .
RUN pip install --constraint constraints.txt ".[microscopes,excel]"

FROM python:3.12-slim-bookworm
COPY --from=built /opt/oral-cancer /opt/oral-cancer
ENV PATH=/opt/oral-cancer/bin:${PATH} \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HOME=/work
RUN useradd --uid 1000 --no-create-home cells
USER 1000
WORKDIR /work
ENTRYPOINT ["oral-cancer"]
CMD ["--help"]

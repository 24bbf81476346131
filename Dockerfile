# imgsim in a container: no root, nothing fetched while it serves.
#   docker build -t imgsim .                                     the app and its own model
#   docker build --build-arg TORCH_INDEX=... -t imgsim .         gigabytes smaller: docs/hosting.md
#   docker build --build-arg MODELS="clip-b32" -t imgsim .       with more weights baked in
#   docker build --build-arg SCALE=1 -t imgsim .                 for object storage, Milvus and Ray
#   docker run -p 8501:8501 -v imgsim:/data imgsim

FROM python:3.11-slim-trixie AS packages
RUN python -m venv /venv
COPY requirements.txt requirements-scale.txt /tmp/
# From the usual index, torch brings gigabytes of CUDA that a host without a GPU never uses
ARG TORCH_INDEX=""
ARG SCALE=""
RUN /venv/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
    -r /tmp/requirements.txt ${SCALE:+-r /tmp/requirements-scale.txt}

FROM python:3.11-slim-trixie
COPY packages.txt /tmp/
RUN apt-get update \
 && xargs -a /tmp/packages.txt apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/packages.txt \
 && useradd --uid 1000 --create-home imgsim \
 && install -d -o imgsim /data /weights
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# Who serves cannot write here, and would compile everything anew at each start
RUN /venv/bin/python -m compileall -q imgsim_core pages app.py
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/weights \
    TORCH_HOME=/weights \
    NUMBA_CACHE_DIR=/tmp/numba \
    IMGSIM_STORE=/data/galleries \
    IMGSIM_PICTURES=/data/pictures
# A number, so that a cluster can see that it is not root
USER 1000
ARG MODELS=""
RUN for model in $MODELS; do python -m imgsim_core models fetch "$model" || exit 1; done
VOLUME /data
EXPOSE 8501
# Healthy as soon as pages come; /api/ready says when the default model is loaded as well
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import urllib.request as web; web.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]

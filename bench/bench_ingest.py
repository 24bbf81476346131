"""Adding photographs to a gallery, against imagededup, imgsearch and the article's loop.

The peers' weights are a download of their own: their networks run here with the weights they
start with, which takes the same time. The photographs are those of IMGSIM_EVAL_DATA/photos,
IMGSIM_BENCH_PHOTOS of them (all 1,000 unless set). Loading a model is not counted on either side.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import bench
from bench.measure import THREADS, Cost, Missing, Row, cost
from imgsim_core.picture import Picture

PEERS = ("imagededup", "imgsearch", "torch")
ARTICLES = "the article's loop"
WORKERS = int(THREADS)
EMBEDDED = 500
LARGE = 12  # photographs of 12 megapixels, as cameras make them


@cache
def photographs() -> list[Path]:
    """List the photographs to add."""
    usual = Path(__file__).parents[1] / "../shared/data"
    folder = Path(os.environ.get("IMGSIM_EVAL_DATA", usual)) / "photos"
    return sorted(folder.glob("*.jpg"))[: int(os.environ.get("IMGSIM_BENCH_PHOTOS", "1000"))]


def folder_of_them() -> Path:
    """Make a folder that holds just these photographs."""
    folder = Path(tempfile.mkdtemp(prefix="imgsim-bench-"))
    for path in photographs():
        shutil.copy(path, folder)
    return folder


@cache
def large_photographs() -> list[Path]:
    """Enlarge a few to 12 megapixels, with a camera's grain, as JPEG 90."""
    import cv2

    folder = Path(os.environ.get("IMGSIM_BENCH_LARGE") or tempfile.mkdtemp(prefix="imgsim-large-"))
    for number, path in enumerate(photographs()[:: max(1, len(photographs()) // LARGE)][:LARGE]):
        target = folder / f"{number:02}.jpg"
        if not target.exists():
            with Image.open(path) as image:
                rgb = np.asarray(image.convert("RGB"))
            large = cv2.resize(rgb, (4000, 3000), interpolation=cv2.INTER_CUBIC)
            grain = np.random.default_rng(number).normal(0, 4, large.shape).astype(np.float32)
            noisy = np.clip(large + grain, 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(target, "JPEG", quality=90)
    os.environ["IMGSIM_BENCH_LARGE"] = str(folder)  # for the processes that measure
    return sorted(folder.glob("*.jpg"))


# ── Tasks: ours ────────────────────────────────────────────────────────────────────


def our_adding() -> Callable[[], object]:
    from imgsim_core.gallery.ingest import default_model, ingest, new_gallery
    from imgsim_core.gallery.shelf import Shelf
    from imgsim_core.gallery.sources import from_paths
    from imgsim_core.gallery.store import open_store
    from imgsim_core.models.network import network, quicken

    network(default_model())
    quicken(default_model())

    def add() -> object:
        with tempfile.TemporaryDirectory() as place:
            gallery = new_gallery("bench", open_store(place + "/s"), Shelf(place + "/p"))
            result = ingest(gallery, from_paths(photographs()))
            if result.added != len(photographs()):
                raise RuntimeError(f"only {result.added} were added: {result.problem}")
            return result

    return add


def our_hashing() -> Callable[[], object]:
    from imgsim_core.gallery.facts import facts

    def all_facts() -> object:
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(lambda path: facts(path.read_bytes(), path.name), photographs()))

    return all_facts


def our_bare_hashing() -> Callable[[], object]:
    """Do what the peer does and no more: one hash, of the picture as it is."""
    _hash_of(photographs()[0])  # imports what the processes then have from the start
    return our_hashes


def our_hashes() -> list[np.ndarray]:
    """Hash every photograph, none of it reduced before, by processes as the peer does."""
    with multiprocessing.Pool(WORKERS) as pool:
        return list(pool.imap(_hash_of, photographs(), 100))


def _hash_of(path: Path) -> np.ndarray:
    from imgsim_core.methods.hashes import fingerprint_bits
    from imgsim_core.picture import open_picture

    return fingerprint_bits(open_picture(path.read_bytes(), path.name).rgb, "phash")


def our_large_hashing() -> Callable[[], object]:
    """Hash as a gallery does, from a copy that is reduced while it is decoded."""
    large_photographs()
    return our_large_hashes


def our_large_hashes() -> list[np.ndarray]:
    """Hash the large photographs."""
    from imgsim_core.gallery.facts import SIDE
    from imgsim_core.methods.hashes import fingerprint_bits
    from imgsim_core.picture import open_reduced

    def bits(path: Path) -> np.ndarray:
        return fingerprint_bits(open_reduced(path.read_bytes(), path.name, SIDE).rgb, "phash")

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(bits, large_photographs()))


def our_embedding() -> Callable[[], object]:
    from imgsim_core.gallery.ingest import default_model
    from imgsim_core.models.network import network, quicken

    network(default_model())
    quicken(default_model())
    return our_vectors


def our_vectors() -> np.ndarray:
    """Embed as `ingest` does, four pictures a thread."""
    from imgsim_core.gallery.ingest import default_model
    from imgsim_core.models.encoder import encode_framed, framed
    from imgsim_core.models.network import compute_alone
    from imgsim_core.picture import open_reduced

    paths, model = photographs()[:EMBEDDED], default_model()

    def few(start: int) -> np.ndarray:
        some = paths[start : start + 4]
        pictures = [open_reduced(path.read_bytes(), path.name, 640) for path in some]
        return encode_framed(model, [framed(model, one, model.framing) for one in pictures])[0]

    with ThreadPoolExecutor(WORKERS, initializer=compute_alone) as pool:
        return np.concatenate(list(pool.map(few, range(0, len(paths), 4))))


# ── Tasks: theirs ──────────────────────────────────────────────────────────────────


def _without_downloads() -> None:
    """Let torchvision build networks with the weights they start with."""
    from imgsim_core.models.torchvision_operators import torch_library

    mobilenetv3 = torch_library("torchvision.models.mobilenetv3")

    mobilenetv3.MobileNet_V3_Small_Weights.get_state_dict = lambda self, *_, **__: (
        mobilenetv3.mobilenet_v3_small(weights=None).state_dict()
    )


def imagededup_adding() -> Callable[[], object]:
    _without_downloads()
    from imagededup.methods import CNN

    encoder, folder = CNN(verbose=False), folder_of_them()
    return lambda: encoder.encode_images(folder, num_enc_workers=0)


def imagededup_hashing() -> Callable[[], object]:
    _without_downloads()
    from imagededup.methods import PHash

    hasher, folder = PHash(verbose=False), folder_of_them()
    return lambda: hasher.encode_images(folder, num_enc_workers=WORKERS)


def imagededup_large_hashing() -> Callable[[], object]:
    _without_downloads()
    from imagededup.methods import PHash

    hasher, folder = PHash(verbose=False), large_photographs()[0].parent
    return lambda: hasher.encode_images(folder, num_enc_workers=WORKERS)


def imgsearch_adding() -> Callable[[], object]:
    """Do what its server does with pictures that come in; its index is left out."""
    _without_downloads()
    import tinyclip
    from imgsearch import clip, config
    from imgsearch.utils import bytes2img

    made = tinyclip.create_model_and_transforms

    def without_weights(name: str, pretrained: object = None) -> Any:
        return made(name, pretrained="")

    clip.create_model_and_transforms = without_weights
    encoder = clip.Clip()

    def add() -> object:
        vectors = []
        for start in range(0, len(photographs()), config.BATCH_SIZE):
            some = photographs()[start : start + config.BATCH_SIZE]
            vectors += encoder.embed_images([bytes2img(path.read_bytes()) for path in some])
        return vectors

    return add


def article_embedding() -> Callable[[], object]:
    _article_network()
    return article_vectors


@cache
def _article_network() -> Any:
    """Load the same weights without anything we do to make them fast."""
    from imgsim_core.gallery.ingest import default_model
    from imgsim_core.models.files import weights_file
    from imgsim_core.models.network import _filled_by_position
    from imgsim_core.models.torchvision_operators import torch_library

    model = default_model()
    file = weights_file(model)
    if file is None:
        raise RuntimeError(f"the weights of {model.id} are not here")
    module = torch_library("timm").create_model(model.architecture)
    return _filled_by_position(module, file).eval()


def article_vectors() -> np.ndarray:
    """Embed one picture at a time, in float32, as the article's loop does."""
    import torch

    from imgsim_core.gallery.ingest import default_model
    from imgsim_core.models.framing import framed, network_input

    model, module = default_model(), _article_network()
    vectors = []
    for path in photographs()[:EMBEDDED]:
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"))
        square = framed(model, Picture(rgb, "", path.name), model.framing)
        with torch.no_grad():
            batch = torch.from_numpy(network_input(model, square))[None]
            features = module.forward_head(module.forward_features(batch), pre_logits=True)
            features /= features.norm(dim=-1, keepdim=True)
        vectors.append(features[0].numpy())
    return np.stack(vectors)


# ── Table ──────────────────────────────────────────────────────────────────────────


def _hashes_checked() -> str:
    """Compare our hashes with ImageHash's, bit for bit; raises if one differs."""
    import imagehash

    for path, bits in zip(photographs(), our_hashes(), strict=True):
        with Image.open(path) as image:
            if not np.array_equal(imagehash.phash(image).hash, bits):
                raise AssertionError(f"the hash of {path.name} is not ImageHash's")
    return f"all bit for bit ImageHash {bench.version('ImageHash')}'s; {WORKERS} processes each"


def _large_hashes_checked() -> str:
    """Count the bits in which our hashes of reduced copies differ from ImageHash's of all."""
    import imagehash

    away = []
    for path, bits in zip(large_photographs(), our_large_hashes(), strict=True):
        with Image.open(path) as image:
            away.append(int((imagehash.phash(image).hash != bits).sum()))
    return f"read from a reduced copy: at most {max(away)} of 64 bits from ImageHash's of all of it"


def least_cosine() -> float:
    """Compare our vectors with the article's, picture by picture."""
    return float(np.einsum("nd,nd->n", our_vectors(), article_vectors()).min())


@cache
def _cost(task: str) -> Cost:
    # Three times after a first that is not counted: some take half a minute
    return cost(f"{__name__}:{task}", repeat=3)


def rows() -> Iterator[Row | Missing]:
    """Measure; what is not installed is left out, and said."""
    if not photographs():
        yield Missing("adding, hashing and embedding photographs", "IMGSIM_EVAL_DATA has no photos")
        return
    from imgsim_core.gallery.ingest import default_model
    from imgsim_core.models.network import quicken

    count, embedded = len(photographs()), len(photographs()[:EMBEDDED])
    quicken(default_model())
    other = "their network untrained, no index; ours with facts, thumbnails, store"
    for work, ours, theirs, package, target, checked in (
        (f"hash {count} photos: PHash", "our_bare_hashing", "imagededup_hashing",
         "imagededup", 3.0, _hashes_checked),
        (f"hash {LARGE} photos of 12 MP: PHash", "our_large_hashing", "imagededup_large_hashing",
         "imagededup", 3.0, _large_hashes_checked),
        (f"all facts of {count} photos: PHash", "our_hashing", "imagededup_hashing",
         "imagededup", 1.0, lambda: "ours 8 turns, colours, sharpness, EXIF"),
        (f"embed {embedded} photos: article's loop", "our_embedding", "article_embedding",
         "torch", 3.0, lambda: f"least cosine {least_cosine():.6f}"),
        (f"add {count} photos: CNN", "our_adding", "imagededup_adding",
         "imagededup", 1.0, lambda: other),
        (f"add {count} photos: imgsearch", "our_adding", "imgsearch_adding",
         "imgsearch", 1.0, lambda: other),
    ):  # fmt: skip
        if not bench.version(package):
            yield Missing(work, f"{package} is not installed")
            continue
        times = (_cost(task).milliseconds / 1000 for task in (ours, theirs))
        peer = ARTICLES if package == "torch" else package
        yield Row(work, "s", *times, target, checked(), peer)

"""`teach head|siamese|clip`: teach a notion of alike, or a whole network, on one's own pictures."""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgsim_core.commands.console import (
    CommandLineError,
    print_json,
    shown,
    stopped_by_ctrl_c,
)
from imgsim_core.commands.teaching_files import (
    counted,
    end_line,
    groups_at,
    new_file,
    say,
    training_file,
    write_new,
    writing,
)
from imgsim_core.methods.semantics import DEFAULT_MODEL
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.files import WEIGHTS_DIRECTORY
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import Network
from imgsim_core.models.own import FROM_NOTHING, SUFFIX, is_own_id, write_own
from imgsim_core.models.weights import availability
from imgsim_core.teaching import clip, siamese_network
from imgsim_core.teaching.finetune import Descent
from imgsim_core.teaching.head import head_as_bytes
from imgsim_core.teaching.lesson import lesson
from imgsim_core.teaching.pairs_table import pairs_from_csv
from imgsim_core.teaching.siamese import Loss, Moment
from imgsim_core.teaching.views import embedded
from imgsim_core.text import Text, UserText

_LARGEST_BATCH = 4096
_LARGEST_SEED = 2**32 - 1


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "teach",
        help="teach a notion of alike, or a whole network, on your own pictures",
        description=(
            "Teach on your own pictures. Start with head: it takes seconds. siamese and clip "
            "train whole networks, and write models that the catalogue opens; IMGSIM_WEIGHTS_DIR "
            "names the folder it looks into."
        ),
    )
    kinds = parser.add_subparsers(title="kinds", metavar="KIND", required=True)
    _add_head(kinds)
    _add_siamese(kinds)
    _add_clip(kinds)


def _add_head(kinds: Any) -> None:
    parser = kinds.add_parser(
        "head", help="a small network on a model's vectors, from groups in folders: seconds"
    )
    _add_groups(parser)
    parser.add_argument("--name", metavar="NAME", default="", help="what you call this alike")
    parser.add_argument("--out", metavar="FILE", required=True, help="file to write, .safetensors")
    parser.add_argument("--model", metavar="ID", default=DEFAULT_MODEL, help="model to build on")
    _add_loss(parser, Loss.CONTRASTIVE)
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="usually 0")
    parser.set_defaults(run=_head)


def _add_siamese(kinds: Any) -> None:
    parser = kinds.add_parser(
        "siamese", help="a whole network, from groups in folders: minutes to hours"
    )
    _add_groups(parser)
    _add_training(parser)
    parser.add_argument(
        "--from",
        dest="base",
        metavar="ID",
        default=DEFAULT_MODEL,
        help=f"catalogue model to start from, or {FROM_NOTHING}; usually {DEFAULT_MODEL}",
    )
    _add_loss(parser, Loss.SUPERVISED_CONTRASTIVE)
    parser.add_argument(
        "--architecture",
        metavar="NAME",
        help=f"from scratch: timm's name of a network; usually {siamese_network.ARCHITECTURE}",
    )
    parser.add_argument(
        "--size",
        metavar="N",
        type=int,
        help=f"from scratch: side of the square it sees; usually {siamese_network.SIDE}",
    )
    parser.add_argument("--batch", metavar="N", type=int, default=32, help="pictures a step; 32")
    parser.add_argument(
        "--locked",
        metavar="SHARE",
        type=float,
        default=0.0,
        help="share of the layers, from the picture on, that keep their weights; usually 0",
    )
    parser.set_defaults(run=_siamese)


def _add_clip(kinds: Any) -> None:
    parser = kinds.add_parser(
        "clip", help="a model of pictures and words, from a table of both: minutes to hours"
    )
    parser.add_argument(
        "pairs", metavar="PAIRS.csv", help="table with columns for picture files and texts"
    )
    _add_training(parser)
    parser.add_argument("--model", metavar="ID", default="clip-b32", help="usually clip-b32")
    parser.add_argument(
        "--batch", metavar="N", type=int, default=clip.BATCH, help=f"pairs a step; {clip.BATCH}"
    )
    parser.add_argument(
        "--unlock-pictures",
        action="store_true",
        help="let the picture tower learn too: for thousands of pairs, and a graphics processor",
    )
    parser.set_defaults(run=_clip)


def _add_groups(parser: Any) -> None:
    parser.add_argument(
        "pictures", metavar="FOLDER_OR_ZIP", help="pictures that belong together in a folder each"
    )


def _add_loss(parser: Any, usual: Loss) -> None:
    parser.add_argument(
        "--loss",
        choices=[loss.value for loss in Loss],
        default=usual.value,
        help=f"usually {usual.value}",
    )


def _add_training(parser: Any) -> None:
    parser.add_argument(
        "--out", metavar="FILE", required=True, help="file to write: own-NAME.safetensors"
    )
    parser.add_argument("--resume", action="store_true", help="go on where it was stopped")
    parser.add_argument("--steps", metavar="N", type=int, help="steps at most")
    parser.add_argument("--rate", metavar="R", type=float, help="highest learning rate")
    parser.add_argument(
        "--every", metavar="N", type=int, help="steps between two looks at what is kept out"
    )
    parser.add_argument(
        "--keep-every", metavar="N", type=int, help="steps between two checkpoints; usually 50"
    )
    parser.add_argument("--seed", metavar="N", type=int, help="usually 0")


# ── A head ─────────────────────────────────────────────────────────────────────────


def _head(chosen: argparse.Namespace) -> None:
    out = new_file(chosen.out)
    _in_range("--seed", chosen.seed, 0, _LARGEST_SEED)
    model = model_by_id(chosen.model)
    groups = groups_at(chosen.pictures)
    with stopped_by_ctrl_c() as stop:
        views = embedded(model, groups.pictures, told=counted("pictures"), stop=stop.is_set)
        found = views is not None and lesson(
            groups,
            views,
            encoder_key(model),
            chosen.name or out.stem,
            loss=Loss(chosen.loss),
            seed=chosen.seed,
            told=lambda number, count, moment: counted("trainings")(number + 1, count),
            stop=stop.is_set,
        )
    end_line()
    if not found:
        raise KeyboardInterrupt
    with writing(out):
        write_new(out, head_as_bytes(found.head))
    print_json(
        {
            "out": str(out),
            "name": found.head.name,
            "base": found.head.base,
            "digest": found.head.digest,
            "verdict": str(found.verdict),
            **found.head.summary,
            "seconds": round(found.seconds, 1),
        }
    )


# ── Whole networks ─────────────────────────────────────────────────────────────────


def _siamese(chosen: argparse.Namespace) -> None:
    out = _model_file(chosen)
    if not 0 <= chosen.locked < 1:
        raise CommandLineError(Text("--locked must be from 0 to below 1."))
    base = None if chosen.base == FROM_NOTHING else model_by_id(chosen.base)
    recipe = siamese_network.recipe_for(base is None, **_wishes(chosen))
    usual = model_by_id(DEFAULT_MODEL)
    if base is None:
        wished = siamese_network.SIDE if chosen.size is None else chosen.size
        size = _in_range("--size", wished, 32, 512)
        architecture = chosen.architecture
        if architecture is None:
            architecture = siamese_network.ARCHITECTURE
        model = siamese_network.new_model(out.stem, architecture, size)
    else:
        for name in ("size", "architecture"):
            if getattr(chosen, name) is not None:
                raise CommandLineError(
                    Text(
                        "{option} is for --from {scratch} only: a model that has learned keeps "
                        "its own.",
                        option=f"--{name}",
                        scratch=FROM_NOTHING,
                    )
                )
        model = siamese_network.model_from(out.stem, base)
    groups = groups_at(chosen.pictures)
    with stopped_by_ctrl_c() as stop, writing(out):
        found = siamese_network.teach_network(
            groups,
            model,
            base,
            recipe,
            usual=usual if availability(usual).state == "ready" else None,
            loss=Loss(chosen.loss),
            batch=_in_range("--batch", chosen.batch, 4, _LARGEST_BATCH),
            locked=chosen.locked,
            checkpoint=training_file(out),
            resume=chosen.resume,
            told=_moment,
            stop=stop.is_set,
        )
        _hint(usual, found.summary)
        _finish(out, found.descent, found, found.descent.best_step > 0)


def _hint(usual: Model, summary: dict[str, Any]) -> None:
    """Say what to do where the usual model, untaught, is as good as a network from nothing."""
    if "untaught" in summary and summary["untaught"]["roc_area"] >= summary["roc_area"][1]:
        better = Text(
            "{model} as it is tells these groups apart better. Start from it (--from {id}), or "
            "teach a head on it.",
            model=usual.label,
            id=usual.id,
        )
        say((better,))


def _clip(chosen: argparse.Namespace) -> None:
    out = _model_file(chosen)
    base = model_by_id(chosen.model)
    model = clip.model_from(out.stem, base)
    recipe = clip.recipe_for(**_wishes(chosen))
    pairs = pairs_from_csv(Path(chosen.pairs))
    say(pairs.notes)
    with stopped_by_ctrl_c() as stop, writing(out):
        found = clip.tune(
            pairs,
            model,
            base,
            recipe,
            batch=_in_range("--batch", chosen.batch, 2, _LARGEST_BATCH),
            locked=not chosen.unlock_pictures,
            checkpoint=training_file(out),
            resume=chosen.resume,
            told=_moment,
            seen=counted("pictures"),
            stop=stop.is_set,
        )
        if found is None:
            raise KeyboardInterrupt
        _finish(out, found.descent, found, found.alpha > 0)


def _finish(out: Path, found: Descent, taught: Any, better: bool) -> None:
    """Write the model, say what it is worth, and clear up, unless there is more to train."""
    end_line()
    if better:
        model = replace(taught.model, megabytes=1)  # the catalogue goes by the file's own size
        write_own(out, model, _layers(taught.network), taught.summary)
    if not found.stopped:
        training_file(out).unlink(missing_ok=True)
    print_json(
        {
            "out": str(out) if better else None,
            "id": out.stem,
            "stopped": found.stopped,
            "verdict": str(taught.verdict),
            **taught.summary,
            "curve": [
                [moment.step, _plain(moment.loss), _plain(moment.quality)] for moment in found.curve
            ],
        }
    )
    if found.stopped:
        resume = Text(
            "Stopped. What was best so far is kept; the same command with --resume goes on."
        )
        print(shown(resume), file=sys.stderr)
        raise KeyboardInterrupt
    if not better:
        nothing = Text("Nothing was better than before the training: no file was written.")
        print(shown(nothing), file=sys.stderr)
    elif os.environ.get(WEIGHTS_DIRECTORY, "") != str(out.parent):
        where = Text(
            "To use it, let {variable} name the folder {folder}; its id is {id}.",
            variable=WEIGHTS_DIRECTORY,
            folder=UserText(out.parent.absolute()),
            id=out.stem,
        )
        print(shown(where), file=sys.stderr)


def _layers(network: Network) -> dict[str, Any]:
    return {name: part.cpu().numpy() for name, part in network.module.state_dict().items()}


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


# ── What was asked for ─────────────────────────────────────────────────────────────


def _wishes(chosen: argparse.Namespace) -> dict[str, Any]:
    if chosen.rate is not None and not 0 < chosen.rate <= 1:
        raise CommandLineError(Text("--rate must be above 0 and at most 1."))
    if chosen.seed is not None:
        _in_range("--seed", chosen.seed, 0, _LARGEST_SEED)
    for name in ("steps", "every", "keep_every"):
        if getattr(chosen, name) is not None:
            option = f"--{name.replace('_', '-')}"
            _in_range(option, getattr(chosen, name), 1, 1_000_000)
    return {
        name: getattr(chosen, name) for name in ("steps", "rate", "every", "keep_every", "seed")
    }


def _in_range(option: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise CommandLineError(
            Text("{option} must be from {least} to {most}.", option=option, least=least, most=most)
        )
    return value


def _model_file(chosen: argparse.Namespace) -> Path:
    """Where the model goes, if it can go there."""
    out = Path(chosen.out)
    if out.suffix != SUFFIX or not is_own_id(out.stem):
        raise CommandLineError(
            Text(
                "{name} cannot be opened by the catalogue: call the file own-NAME.safetensors, "
                "NAME of small letters, digits and hyphens.",
                name=UserText(out.name),
            )
        )
    if chosen.resume:
        return out
    if training_file(out).exists():
        raise CommandLineError(
            Text(
                "{name} holds a training that was stopped: add --resume to go on with it, or "
                "remove it.",
                name=UserText(training_file(out).name),
            )
        )
    return new_file(chosen.out)


def _moment(moment: Moment) -> None:
    quality = "" if moment.quality is None else f", kept out {moment.quality:.4f}"
    print(f"step {moment.step}: loss {moment.loss:.4f}{quality}", file=sys.stderr, flush=True)

